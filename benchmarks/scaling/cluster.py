"""Owns a cluster that is not there: its workers take the seconds that a chunk was measured to take, of a made-up clock.

Invariant: chunks are handed out, and no more in flight, as `tasks.compute.Workers` does it; who takes the results in
is real, and its real seconds pass on the made-up clock too, one chunk after another.
Does not know what a chunk comes to.
"""

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.compute import _IN_FLIGHT, Done, _alone

_SPREAD = 0.1  # of the seconds of a chunk from worker to worker: standard deviation of their logarithm


@dataclass(frozen=True)
class Costs:
    """Seconds that were measured; the driver's are those that a simulated cluster spares it."""

    picture: float  # one lane, read to prediction
    chunk: float  # driver: Dask's part of handing a chunk out and taking it in
    row: float  # driver: Dask's part of a row, and ours of the rows that one stands for


@dataclass
class Simulated:
    """Stands for `Workers`.

    :param says: what the workers would say of a chunk; called in place of what they would be told to call
    :param threads: lanes of a worker
    """

    says: Callable[..., Any]
    workers: int
    threads: int
    costs: Costs
    now: float = 0.0  # of the made-up clock
    worked: float = 0.0  # seconds, all lanes together
    waited: float = 0.0  # the driver, for workers
    driver_cpu: float = 0.0
    chunks: int = 0
    most_bytes: int = 0  # of chunks in flight, at once
    _free: list[float] = field(default_factory=list)  # since when each lane has nothing to do

    @property
    def lanes(self) -> int:
        return self.workers * self.threads

    @property
    def busy(self) -> float:
        """Share of the lanes' time that went into pictures."""
        return self.worked / (self.now * self.lanes) if self.now else 0.0

    def start(self) -> None:
        """There is nothing to start."""

    def at_end(self, function: Callable[..., Any], *args: Any) -> None:
        """There is nothing to let go of."""

    def map(self, function: Callable[..., Any], chunks: Iterable[pa.Table], *args: Any) -> Iterator[Done[Any]]:
        """As `Workers.map`: each chunk with its result, in the order in which they would come back."""
        waiting, rng = iter(chunks), np.random.default_rng(0)
        self._free = [0.0] * self.lanes
        flying: list[tuple[float, int, pa.Table]] = []
        size = 0

        def submit(chunk: pa.Table) -> None:
            nonlocal size
            sent = _alone(chunk)
            start = max(self.now, heapq.heappop(self._free))
            seconds = chunk.num_rows * self.costs.picture * rng.lognormal(0, _SPREAD)
            heapq.heappush(self._free, start + seconds)
            heapq.heappush(flying, (start + seconds, self.chunks, chunk))
            self.worked, self.chunks, size = self.worked + seconds, self.chunks + 1, size + sent.nbytes
            self.most_bytes = max(self.most_bytes, size)

        with _Real(self):
            for chunk in islice(waiting, _IN_FLIGHT * self.lanes):
                submit(chunk)
        while flying:
            finished, _, chunk = heapq.heappop(flying)
            self.waited += max(0.0, finished - self.now)
            self.now = max(self.now, finished) + self.costs.chunk + self.costs.row * chunk.num_rows
            with _Real(self):
                if (following := next(waiting, None)) is not None:
                    submit(following)
            size -= chunk.nbytes
            result = self.says(chunk, *args)  # made up: its seconds are counted above
            with _Real(self):  # what is done with it until the next one is asked for
                yield Done(chunk, result)


class _Real:
    """Lets the seconds of a with-block pass on the made-up clock."""

    def __init__(self, cluster: Simulated) -> None:
        self._cluster = cluster

    def __enter__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self._cluster.now += time.perf_counter() - self._wall
        self._cluster.driver_cpu += time.process_time() - self._cpu
