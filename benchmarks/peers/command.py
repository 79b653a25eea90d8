"""Runs one command and measures it: wall time, processor time, memory. Linux only.

Memory is looked at a few times a second. Each process's own peak is the kernel's (VmHWM) and so exact up
to the last look; that of all processes together is a sum of proportional shares (PSS), so that pages
which they share count once.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOOK = 0.1  # seconds
_SHOWN = 2000  # characters of a failed command's output
_PATIENCE = 3600.0  # seconds, then a command is ended


@dataclass(frozen=True)
class Measured:
    """What a command took."""

    output: str
    seconds: float
    cpu: float  # seconds of all its processes
    together: int  # peak bytes of all its processes at one time
    first: int  # peak resident bytes of the process itself
    largest: int  # peak resident bytes of the largest process that it started; 0 if it started none


def measure(command: list[str], paths: list[Path]) -> Measured:
    """Run a command to its end.

    :param paths: where its Python looks for modules first
    :raises SystemExit: with the end of its output if it failed
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryFile() as output:
        start, before = time.perf_counter(), _spent()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        memory = _Memory(process.pid)
        while process.poll() is None:
            memory.look()
            if time.perf_counter() - start > _PATIENCE:
                memory.end()
            time.sleep(_LOOK if time.perf_counter() - start > _LOOK else 0.01)
        seconds, cpu = time.perf_counter() - start, _spent() - before
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        sys.exit(f"{' '.join(command)}\nended with {process.returncode}: {text[-_SHOWN:]}")
    peaks = memory.peaks
    first = peaks.pop(process.pid, 0)
    return Measured(text, seconds, cpu, memory.together, first, max(peaks.values(), default=0))


class _Memory:
    """Peaks of a process and of all that it starts."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self.peaks: dict[int, int] = {}
        self.together = 0

    def look(self) -> None:
        """Take the memory of this moment."""
        try:
            processes = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return
        shares = [self._share(process.pid) for process in processes]
        self.together = max(self.together, sum(shares))

    def end(self) -> None:
        """Kill them all."""
        with suppress(psutil.Error):
            for process in [*self._root.children(recursive=True), self._root]:
                process.kill()

    def _share(self, pid: int) -> int:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
            self.peaks[pid] = max(self.peaks.get(pid, 0), _bytes(peak))
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            return sum(_bytes(line) for line in rollup.splitlines() if line.startswith("Pss:"))
        except OSError:  # it has just ended
            return 0


def _bytes(line: str) -> int:
    """`VmHWM:   1234 kB` -> bytes."""
    return int(line.split()[1]) * 1024


def _spent() -> float:
    """Processor seconds of all children that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system
