"""The limit: decode, resize and encode alone, from bytes in memory, in as many processes as cores.

Nothing is found, read, handed out or written, and start-up does not count. With checks it is the limit of a
pipeline that makes them all and costs nothing itself. Prints images/s, and the processor seconds of one picture.
"""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing.synchronize import Barrier

from peers.loop import pictures
from peers.picture import Job, job, row

_BYTES = 250_000_000  # of pictures that each process keeps in memory, at most
_SECONDS = 3.0  # at least
_PATIENCE = 120.0  # seconds until the last process has its pictures in memory

_start: Barrier


def main(job: Job) -> None:
    """Start the processes together and add up their rates."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(job.workers)
    with ProcessPoolExecutor(job.workers, context, _meet_at, (barrier,)) as processes:
        rates, costs = zip(*processes.map(_work, [job] * job.workers, range(job.workers)), strict=True)
    print(sum(rates), sum(costs) / len(costs))


def _meet_at(barrier: Barrier) -> None:
    global _start
    _start = barrier


def _work(job: Job, turn: int) -> tuple[float, float]:
    """Every so-many-th picture, all of them again and again until the time is up."""
    share = list(_within(islice(pictures(job.source), turn, None, job.workers)))
    row(share[0], job.checks)
    _start.wait(_PATIENCE)
    start, spent, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < _SECONDS:
        for data in share:
            row(data, job.checks)
        done += len(share)
    return done / (time.perf_counter() - start), (time.process_time() - spent) / done


def _within(found: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    total = 0
    for _, data in found:
        total += len(data)
        if total > _BYTES:
            return
        yield data


if __name__ == "__main__":
    main(job(__doc__))
