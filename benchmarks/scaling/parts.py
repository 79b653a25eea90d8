"""Owns what each part of a night costs by itself: a picture, a chunk, a commit, a run.

Invariant: each part is the program's own code, alone in a process, and prints CPU beside wall seconds.
Does not know what a night is made of.
"""

import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.scaling import made
from nightsort import clock
from nightsort.datafiles import Ticket
from nightsort.reports import digest, index
from nightsort.reports.data import Report
from nightsort.schema import FINGERPRINTS, LISTING
from nightsort.scoring.firsts import Firsts
from nightsort.scoring.ledger import Ledger
from nightsort.scoring.outcomes import Order
from nightsort.scoring.plan import plan
from nightsort.sources.contents import write_contents
from nightsort.sources.files import Access
from nightsort.sources.listing import list_source
from nightsort.sources.spool import Spool
from nightsort.storage import Storage

_MB = 1e6
_FILES = 1000  # of a folder that is walked
_FEW = 20  # pictures of a commit
_MEASURED = 50  # commits that are timed


def order(run_id: str = "made-up") -> Order:
    """What a made-up worker is told."""
    return Order(
        root="", model_version=1, weights_sha256="", backend="openvino-int8", batch_size=None, threads=1,
        run_id=run_id, run_date="2026-11-22", max_pixels=1, access=Access(scratch=""), strict=False, known="",
    )  # fmt: skip


def rows(first: int, count: int) -> pa.Table:
    """Undecided rows of the schema FINGERPRINTS."""
    batches = pa.Table.from_batches(made.listing(first + count, first))
    return batches.append_column("last_sha256", pa.nulls(count, pa.string())).select(FINGERPRINTS.names)


def taking(what: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    what()
    return time.perf_counter() - wall, time.process_time() - cpu


def _memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def listing(folder: Path, count: int) -> None:
    """Walk through empty files; half of the cost is the system's."""
    for number in range(count):
        place = folder / "intake" / f"{number // _FILES:06}"
        place.mkdir(parents=True, exist_ok=number % _FILES > 0)
        (place / f"IMG_{number:010}.jpg").touch()
    spool = Spool(folder, LISTING)
    access = Access(scratch=str(folder))

    def walk() -> None:
        for batch in list_source(str(folder / "intake"), access):
            spool.write(batch)

    before = _memory()
    wall, cpu = taking(walk)
    size = sum(path.stat().st_size for path in folder.glob("*.arrow"))
    print(f"listing {count} files: {1e6 * wall / count:.1f} us each ({1e6 * cpu / count:.1f} CPU), ", end="")
    print(f"{size / count:.0f} bytes each in a file, {(_memory() - before) / _MB:.0f} MB of memory")


def commits(folder: Path, count: int) -> None:
    """Commit chunks of 20 rows, each of other pictures, and say what one costs as the log grows; then tidy."""
    ledger, done = Ledger(Storage(str(folder))), 0
    log = folder / "predictions" / "_delta_log"
    print("commits  ms each  CPU ms  comparing, ms  log MB  checkpoint kB")

    def commit(until: int) -> None:
        nonlocal done
        for number in range(done, until):
            ledger.commit(made.outcomes(rows(number * _FEW, _FEW), order()).predictions, Ticket("a", number + 1))
        done = until

    for mark in [mark for mark in (100, 500, 1000, 2000, 4000, 8000, 16_000) if mark <= count]:
        commit(mark - _MEASURED)
        wall, cpu = taking(partial(commit, mark))
        compared, _ = taking(partial(ledger.unchanged, rows(0, 1000).select(LISTING.names), None))
        size = sum(path.stat().st_size for path in log.iterdir())
        point = max([0, *(path.stat().st_size for path in log.glob("*.parquet"))])
        each = 1000 / _MEASURED
        print(f"{done:7} {each * wall:8.1f} {each * cpu:7.1f} {1000 * compared:14.0f} ", end="")
        print(f"{size / _MB:7.1f} {point / 1000:14.0f}", flush=True)
    wall, cpu = taking(ledger.tidy)
    print(f"merging {done} files of {_FEW} rows: {wall:.1f} s ({cpu:.1f} CPU)")


def planned(folder: Path, count: int) -> None:
    """Plan for 1,000 lanes; of the schema only what a plan looks at is there."""
    decided = pa.table({"outcome": pa.nulls(count, pa.string())})
    for lanes in (16, 1000):
        for largest in (512, 10_000):
            sizes: list[int] = []
            wall, cpu = taking(lambda: sizes.extend(len(chunk) for chunk in plan(decided, lanes, largest)))  # noqa: B023
            print(f"plan of {count} pictures, {lanes} lanes, chunks of {largest}: {len(sizes)} chunks", end=", ")
            print(f"{wall:.1f} s ({cpu:.1f} CPU), smallest but one {sorted(sizes)[1 % len(sizes)]}", flush=True)
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MB:.0f} MB")


def firsts(folder: Path, count: int) -> None:
    """What the driver remembers of the pictures of a run, and of those known before."""
    file = write_contents((pa.array([]) for _ in range(0)), folder)
    seen, before = Firsts(file), _memory()
    spent, size = 0.0, 10_000
    for first in range(0, count, size):
        digests = np.random.default_rng(first).bytes(32 * size)
        sha256s = pa.chunked_array([[digests[at : at + 32].hex() for at in range(0, len(digests), 32)]])
        spent += taking(lambda: seen._is_first(sha256s))[1]  # noqa: B023
    print(f"firsts of {count}: {(_memory() - before) / count:.0f} bytes and {1e6 * spent / count:.2f} us of CPU each")
    known = np.random.default_rng(0).bytes(32 * count).hex()
    texts = pa.array([known[at : at + 64] for at in range(0, len(known), 64)])
    wall, cpu = taking(lambda: write_contents([texts], folder))
    print(
        f"known contents, {count}: 32 bytes on disk and {1e6 * wall / count:.2f} us ({1e6 * cpu / count:.2f} CPU) each"
    )


def reports(folder: Path, count: int) -> None:
    """The index over a root with many runs, and the look back of a night."""
    storage = Storage(str(folder))
    begun = clock.now()
    for number in range(count):
        run_id = f"2026{number:011}Z-classify-{number % 65_536:04x}"
        report = Report(
            run_id=run_id, flow="classify", state="completed", started=begun, finished=begun, storage=str(folder),
            parameters={},
        )  # fmt: skip
        digest.write(storage, digest.of(report))
    for name, what in {"index": index.refresh, "names": digest.run_ids}.items():
        wall, cpu = taking(lambda: what(storage))  # noqa: B023
        print(f"{name} of {count} runs: {wall:.2f} s ({cpu:.2f} CPU)")
