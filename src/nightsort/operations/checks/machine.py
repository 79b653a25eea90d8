"""Owns the check of the machine: cores, memory, open files, GPUs, room for temporary files.

Invariant: nothing is allocated to find out whether it could be. Does not know what the machine will compute.
"""

import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nightsort.operations import gpus
from nightsort.operations.checks.finding import Finding, fail, ok, warn
from nightsort.operations.room import room_at

_PER_PROCESS = 512 * 1024**2  # bytes with which a worker gets along
_FILES = 1024  # at the least
_FILES_PER_CORE = 64
_SCRATCH = 500_000_000, 5_000_000_000  # bytes for temporary files: what is too little, what is scarce
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def machine() -> Iterator[Finding]:
    """Cores, memory, open files."""
    cores, memory = len(os.sched_getaffinity(0)), _memory()
    told = f"{cores} cores, {memory / 1e9:.1f} GB of memory"
    if memory < 2 * _PER_PROCESS:
        yield fail("machine", told, "give it 1 GB at least: a worker needs 0.5 GB, and so does the run itself")
    elif memory < (cores + 1) * _PER_PROCESS:
        fitting = int(memory // _PER_PROCESS) - 1
        yield warn("machine", f"{told}: too little for a worker on every core", f"set compute.workers to {fitting}")
    else:
        yield ok("machine", told)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max(_FILES, _FILES_PER_CORE * cores)
    if soft != resource.RLIM_INFINITY and soft < needed:
        remedy = f"raise it: 'ulimit -n {needed}', or LimitNOFILE={needed} in the systemd unit"
        yield warn("machine", f"{soft} open files allowed (at most {hard}), {needed} may be needed", remedy)


def graphics() -> Iterator[Finding]:
    """GPUs, and whether this installation can compute with them."""
    there = gpus.seen()
    for gpu in there:
        told = f"{gpu.index}: {gpu.name}, {gpu.used / 1e9:.1f} of {gpu.total / 1e9:.1f} GB in use, driver {gpu.driver}"
        if gpu.used > 0.9 * gpu.total:
            yield warn("gpu", told, "see with 'nvidia-smi' who uses it; a training would not fit in")
        else:
            yield ok("gpu", told)
    if not there:
        yield ok("gpu", "no NVIDIA GPU is seen; the CPU computes")


def temporary() -> Iterator[Finding]:
    """Room where archives are unpacked and tables are spooled."""
    folder = Path(tempfile.gettempdir())
    free = room_at(folder).free
    told, remedy = f"{folder}: {free / 1e9:.1f} GB free", "make room, or name a larger folder by TMPDIR"
    least, scarce = _SCRATCH
    if free < scarce:
        yield (fail if free < least else warn)("temporary files", told, remedy)
    else:
        yield ok("temporary files", told)


def _memory() -> int:
    """Bytes of the machine, or of the container."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = _CGROUP.read_text().strip() if _CGROUP.exists() else ""
    return min(whole, int(text)) if text.isdecimal() else whole
