"""Owns what Dask costs a run: CPU of the driver and of the scheduler for a chunk, and for a row of it.

Invariant: scheduler and workers are processes of their own, reached as a run reaches those of a cluster.
Does not know how long a picture takes: the workers make their answers up.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

from benchmarks.scaling import made
from benchmarks.scaling.parts import order, rows
from nightsort.config.run import RunParams
from tasks.compute import Workers

_SIZES = (32, 512, 10_000)  # pictures of a chunk
_WORKERS = 2
_PATIENCE = 120  # seconds for the scheduler to come up


def scheduler(folder: Path, count: int) -> None:
    """Send chunks of three sizes, `count` of each, and take their results in."""
    print(f"{'rows':>6} {'ms each':>8} {'driver, CPU ms':>14} {'scheduler, CPU ms':>17} {'chunk kB':>9}")
    with _cluster(folder) as (address, process), Workers(RunParams(storage=str(folder), scheduler=address)) as workers:
        workers.call(os.getpid)
        for size in _SIZES:
            chunk, number = rows(0, size), max(30, count * _SIZES[0] // size)
            list(workers.map(made.outcomes, repeat(chunk, 10), order()))
            wall, cpu, theirs = time.perf_counter(), time.process_time(), _cpu(process)
            for done in workers.map(made.outcomes, repeat(chunk, number), order()):
                assert done.result is not None
            wall, cpu, theirs = time.perf_counter() - wall, time.process_time() - cpu, _cpu(process) - theirs
            each = 1000 / number
            print(f"{size:6} {each * wall:8.1f} {each * cpu:14.2f} {each * theirs:17.2f} {chunk.nbytes / 1000:9.1f}")


@contextmanager
def _cluster(folder: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of a scheduler with workers, on ports that are free."""
    file = folder / "scheduler.json"
    both = ["--no-dashboard", "--scheduler-file", str(file)]
    of_worker = ["--nworkers", str(_WORKERS), "--nthreads", "1", "--local-directory", str(folder)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{name}", *words, *both],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, words in {"scheduler": ["--host", "127.0.0.1", "--port", "0"], "worker": of_worker}.items()
    ]
    try:
        end = time.monotonic() + _PATIENCE
        while not file.exists() and time.monotonic() < end:
            time.sleep(0.2)
        yield _address(file), started[0].pid
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def _address(file: Path) -> str:
    return str(json.loads(file.read_text())["address"])


def _cpu(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
