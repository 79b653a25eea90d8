"""A Dask scheduler and its workers as processes of their own, as on other machines."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nightsort.config.compute import Tls
from tests.waiting import until

_SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s",  # as short as Dask allows
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "OMP_WAIT_POLICY": "PASSIVE",
}


class Outside:
    """A scheduler and workers; each is there once its method returns.

    :param folder: for their logs, is there
    :param host: address that they listen at
    :param inside: words of a command that runs another, such as `ip netns exec NAME`
    """

    def __init__(self, folder: Path, tls: Tls | None, host: str = "127.0.0.1", inside: Sequence[str] = ()) -> None:
        self._folder, self._host, self._inside, self._tls = folder, host, inside, tls
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.address = ""

    def scheduler(self) -> None:
        """Start it, where it was before if it was there."""
        known = self._folder / "scheduler.json"
        known.unlink(missing_ok=True)
        port = self.address.rsplit(":", 1)[-1] if self.address else "0"
        protocol = "tls" if self._tls else "tcp"
        options = ["--port", port, "--protocol", protocol, "--scheduler-file", str(known)]
        self._start("scheduler", "dask_scheduler", options)
        until(lambda: self._has_written(known), f"the scheduler; {self.log('scheduler')}")
        self.address = json.loads(known.read_text())["address"]

    def worker(self, name: str, *options: str, before: Sequence[str] = ()) -> None:
        """Start a worker with one thread, under a nanny that starts it again if it dies.

        :param before: words of a command that runs another, for this worker
        """
        fixed = ["--name", name, "--nthreads", "1", "--memory-limit", "0", "--local-directory", str(self._folder)]
        self._start(name, "dask_worker", [self.address, *fixed, *options], before)
        until(lambda: "Registered to" in self.log(name), f"worker {name}")

    def kill(self, *names: str) -> None:
        """Kill -9, the nanny of a worker too."""
        for name in names:
            process = self._processes.pop(name)
            with suppress(ProcessLookupError):  # it has ended itself
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def is_up(self, name: str) -> bool:
        """Whether it runs; a worker that lost its scheduler ends itself."""
        return name in self._processes and self._processes[name].poll() is None

    def stop(self) -> None:
        """End all."""
        self.kill(*self._processes)

    def log(self, name: str) -> str:
        """What it wrote since it was last started."""
        return (self._folder / f"{name}.log").read_text()

    def _has_written(self, known: Path) -> bool:
        assert self._processes["scheduler"].poll() is None, self.log("scheduler")
        return known.exists() and known.stat().st_size > 0

    def _start(self, name: str, module: str, options: Sequence[str], before: Sequence[str] = ()) -> None:
        secured = self._tls.model_dump() if self._tls else {}
        words = {"ca": "--tls-ca-file", "cert": "--tls-cert", "key": "--tls-key"}
        certificates = [word for part, place in secured.items() for word in (words[part], place)]
        nowhere = ["--host", self._host, "--dashboard-address", f"{self._host}:0", "--no-dashboard"]
        command = [sys.executable, "-m", f"distributed.cli.{module}", *options, *nowhere, *certificates]
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [*self._inside, *before, *command],
                stdout=log, stderr=subprocess.STDOUT, env=os.environ | _SETTINGS, start_new_session=True,
            )  # fmt: skip
