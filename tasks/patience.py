"""Owns the wait for workers that are elsewhere and away.

Invariant: whoever waits hears of it once, and not for ever. Workers of this machine are not waited for here: they are
started again by their cluster.
Does not know what is to be worked on.
"""

import time

from nightsort.errors import RunError
from tasks.context import log
from tasks.engine import Engine
from tasks.progress import remark


class Watch:
    """Looks after a cluster from which nothing came for a while.

    :param patience: seconds that nobody may be there
    """

    def __init__(self, engine: Engine, patience: float) -> None:
        self._engine, self._patience = engine, patience
        self._since: float | None = None  # nobody is there

    def look(self) -> None:
        """Say that workers are missing, or back.

        :raises RunError: if they are missing for longer than the patience
        """
        if self._engine.is_local:
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
            _say(f"{self._engine.name}: workers are there, going on")

    def lost(self) -> None:
        """Say that the scheduler is away, if it is."""
        if self._engine.client.status != "running":
            _say(f"{self._engine.name}: the connection is lost; reaching for it for up to {self._patience:.0f} s")

    def _missing(self) -> str:
        """What is missing; "" if nothing is, or nobody knows: a broken connection is told by what was in flight."""
        try:
            return "" if self._engine.workers() else f"{self._engine.name}: has no worker{self._engine.needed}"
        except Exception:  # whatever a connection breaks with while it is asked
            return ""


def _say(line: str) -> None:
    log(line)
    remark(line)
