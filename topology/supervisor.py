"""Owns the processes of the topology, and their being started again: what systemd or a compose file does on a server.

Invariant: what is supervised and dies is started again after a pause, with the same words; nothing outlives the
supervisor. Does not know what a process is for.
"""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from nightsort.errors import RunError

_PAUSE = 1.0  # seconds before a new start, as RestartSec of deploy/systemd
_LOOK = 0.2
_PATIENCE = 300.0  # seconds until a process that is not ready is given up
_ATTEMPTS = 5  # new starts after which it is, too


@dataclass(frozen=True)
class Unit:
    """A process that is to last.

    :param ready: whether it does its work
    :param user: whose it is; None is whoever starts it
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    ready: Callable[[], bool]
    user: str | None = None


@dataclass
class _Watched:
    unit: Unit
    process: "subprocess.Popen[bytes]"
    died: float | None = None
    starts: int = 1


@dataclass
class Supervisor:
    """Keeps units running for the length of a with-block.

    :param logs: folder for what they print, a file each
    """

    logs: Path
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "Supervisor":
        self.logs.mkdir(parents=True, exist_ok=True)
        self._watch = threading.Thread(target=self._keep, name="supervisor", daemon=True)
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watch.join()
        for watched in reversed(self._watched.values()):  # the last that came needs those before it
            _kill(watched.process)

    def start(self, *units: Unit) -> None:
        """Start units, all at once, and wait until all are ready.

        :raises RunError: if one does not become ready
        """
        with self._lock:
            self._watched |= {unit.name: _Watched(unit, self._spawn(unit)) for unit in units}
        for unit in units:
            self.wait(unit.name)

    def kill(self, name: str) -> int:
        """Kill -9 a unit with everything that it started; how many processes that were."""
        with self._lock:
            return _kill(self._watched[name].process)

    def wait(self, name: str) -> None:
        """Until a unit is ready.

        :raises RunError: if it does not become ready
        """
        end = time.monotonic() + _PATIENCE
        watched = self._watched[name]
        starts = watched.starts
        while watched.process.poll() is not None or not watched.unit.ready():
            if time.monotonic() > end or watched.starts > starts + _ATTEMPTS:
                raise RunError(f"{name}: does not become ready; see {self.logs / name}.log")
            time.sleep(_LOOK)

    def starts(self, name: str) -> int:
        """How often a unit was started."""
        return self._watched[name].starts

    def _spawn(self, unit: Unit) -> "subprocess.Popen[bytes]":
        with (self.logs / f"{unit.name}.log").open("ab") as log:
            return subprocess.Popen(
                unit.command,
                env=unit.environment,
                user=unit.user,
                group=unit.user,
                extra_groups=[] if unit.user else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._over.wait(_LOOK):
            with self._lock:
                for watched in self._watched.values():
                    self._look_at(watched)

    def _look_at(self, watched: _Watched) -> None:
        if watched.process.poll() is None:
            return
        now = time.monotonic()
        watched.died = watched.died or now
        if now - watched.died >= _PAUSE:
            watched.process, watched.died = self._spawn(watched.unit), None
            watched.starts += 1


def _kill(process: "subprocess.Popen[bytes]") -> int:
    """Kill -9 a process and all below it, its own sessions too; how many."""
    try:
        parent = psutil.Process(process.pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()
    psutil.wait_procs(family)
    return len(family)


def free_ports(count: int) -> list[int]:
    """So many ports of loopback that nobody uses."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def answers(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def without_others(**settings: str) -> dict[str, str]:
    """The environment of a process that nobody else's settings of Prefect, Dask, AWS or Nightsort reach."""
    foreign = ("PREFECT_", "NIGHTSORT_", "AWS_", "DASK_", "PG")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | settings
