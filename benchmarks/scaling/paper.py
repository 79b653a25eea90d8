"""Owns a night on paper: the real planner, and of the rest the seconds that its parts were measured to take.

Invariant: chunks are those that a run would plan; a commit costs more the more files the table has; nothing is read
or written. Does not know where the figures were measured.
"""

from dataclasses import dataclass

import pyarrow as pa

from benchmarks.scaling.cluster import Costs, Simulated
from nightsort.scoring.plan import plan

_LISTED = 136  # bytes of a row in flight
_REMEMBERED = 120  # bytes of the driver for each picture of the run
_CHECKPOINT_EVERY = 20  # commits
_CHECKPOINTED = 61  # bytes of each file in each checkpoint
_ENTRY = 570  # bytes of a commit


@dataclass(frozen=True)
class Driver:
    """Seconds of the driver, all of them measured."""

    chunk: float  # Dask and the commits of a chunk to young tables
    file: float  # more for each file that the table has
    row: float


@dataclass(frozen=True)
class Paper:
    """What a night would come to."""

    seconds: float
    busy: float  # share of the lanes' time
    chunks: int
    flying: int  # bytes of chunks in the driver, and again in the scheduler
    memory: int  # bytes of the driver, beside its program: chunks in flight, and what it remembers
    log: int  # bytes of the log of predictions


def on_paper(pictures: int, lanes: int, chunk_size: int, picture: float, driver: Driver) -> Paper:
    """A night of this many new pictures.

    :param picture: seconds of a lane
    """
    decided = pa.table({"outcome": pa.nulls(pictures, pa.string())})
    cluster = Simulated(lambda *_: None, lanes, 1, Costs(picture, driver.chunk, driver.row))
    log = rows = 0
    for number, done in enumerate(cluster.map(_nothing, plan(decided, lanes, chunk_size))):
        cluster.now += driver.file * number
        rows = max(rows, done.chunk.num_rows)
        log += _ENTRY + (0 if (number + 1) % _CHECKPOINT_EVERY else _CHECKPOINTED * number)
    flying = min(pictures, 3 * lanes * rows) * _LISTED
    return Paper(cluster.now, cluster.busy, cluster.chunks, flying, flying + pictures * _REMEMBERED, log)


def _nothing(chunk: pa.Table) -> None:
    """What a cluster on paper is told to do."""
