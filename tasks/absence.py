"""Owns the wait for workers that are elsewhere and away.

Invariant: whoever waits hears of it once, and not for ever. Workers of this machine are not waited for here: they are
started again by their cluster.
Does not know what is to be worked on.
"""

import time

from nightsort.errors import RunError
from tasks.connection import Connection
from tasks.context import log
from tasks.progress import remark


class Watch:
    """Looks after a cluster from which nothing came for a while.

    :param patience: seconds that nobody may be there
    """

    def __init__(self, connection: Connection, patience: float) -> None:
        self._connection, self._patience = connection, patience
        self._since: float | None = None  # nobody is there

    def look(self) -> None:
        """Say that workers are missing, or back.

        :raises RunError: if they are missing for longer than the patience
        """
        if self._connection.is_local:
            return
        missing = self._missing()
        if not missing:
            self.back()
        elif self._since is None:
            self._since = time.monotonic()
            _say(f"{missing}; waiting for up to {self._patience:.0f} s")
        elif time.monotonic() - self._since > self._patience:
            raise RunError(f"{missing} for {self._patience:.0f} s (worker_timeout); the next run completes the work")

    def back(self) -> None:
        """Say that workers are back, if they were missing: they were seen, or something came from them."""
        if self._since is not None:
            self._since = None
            _say(f"{self._connection.name}: workers are there, going on")

    def lost(self) -> None:
        """Say that the scheduler is away, if it is."""
        if self._connection.client.status != "running":
            _say(f"{self._connection.name}: the connection is lost; reaching for it for up to {self._patience:.0f} s")

    def _missing(self) -> str:
        """What is missing; "" if nothing is, or nobody knows: a broken connection is told by what was in flight."""
        try:
            workers = self._connection.workers()
        except Exception:  # whatever a connection breaks with while it is asked
            return ""
        return "" if workers else f"{self._connection.name}: has no worker{self._connection.needed}"


def _say(line: str) -> None:
    log(line)
    remark(line)
