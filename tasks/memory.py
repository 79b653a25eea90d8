"""Owns the memory of a worker process: how much it may have, and that it is refused more.

Invariant: what would go beyond the limit is an error inside the task, MemoryError or cv2.error, that the
task can catch; the worker lives on, and so does the other work it holds.
Does not know what the worker does.
"""

import resource
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin
from distributed.system import MEMORY_LIMIT

from nightsort.arrow import without_pandas
from nightsort.errors import ConfigError

LEAST = 512
"""MB with which a worker gets along."""

_MB = 1_000_000


def worker_memory(wanted: int, workers: int) -> int:
    """Bytes that each of some worker processes may have.

    :param wanted: MB; 0 is an equal share of the machine's, or the container's, for each worker and for the run itself
    :raises ConfigError: if that is too little to work with
    """
    if 0 < wanted < LEAST:
        raise ConfigError(f"worker_memory {wanted}: must be 0 or at least {LEAST} MB, a worker needs that much")
    return wanted * _MB if wanted else max(LEAST * _MB, MEMORY_LIMIT // (workers + 1))


class MemoryLimit(WorkerPlugin):
    """Makes the operating system refuse a worker more private memory than this many bytes."""

    name = "nightsort-memory-limit"

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def setup(self, worker: Any) -> None:
        """Set the limit in the worker's process, once it is started and after every restart."""
        without_pandas()
        # RLIMIT_DATA counts what is reserved; what was and is not in use must not count against the limit.
        unused = max(0, _status("VmData") - _status("RssAnon"))
        resource.setrlimit(resource.RLIMIT_DATA, (self._limit + unused, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _status(field: str) -> int:
    """A field of this process's /proc/self/status, in bytes; 0 where there is no such thing."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
