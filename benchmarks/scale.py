"""A night of many pictures over many workers: real planner, account, ledger and report; no pictures and no model.

    python -m benchmarks.scale [--images 100000] [--workers 1000] [--chunk-size 512] [--ms 10]

Of a night everything is real but the walk through folders, the cluster, and what the model says: rows are listed as a
walk lists them, held against the ledger, planned, committed chunk by chunk under a lease, tidied and reported by the
program's own code. A worker takes the milliseconds of `--ms` for a picture, on a clock that is made up; the driver's
real seconds pass on that clock too, and Dask's part of them as it was measured (`--dask-chunk`, `--dask-row`).
Of many pictures, one can stand for `--stands-for`: there are then as many chunks, commits and files as of all of them,
each with fewer rows; what those rows would cost the driver is counted with `--driver-row`.
With `--paper` nothing is committed: the real planner, and for the rest the seconds that its parts were measured to
take.
`--nights` leaves every night's pictures where they are, so that the next finds them again.
Linux only: memory is read as Linux counts it.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.scaling import made
from benchmarks.scaling.cluster import Costs, Simulated
from benchmarks.scaling.night import Night, night
from benchmarks.scaling.paper import Driver, on_paper

_MB = 1e6


def main(words: list[str] | None = None) -> list[Night]:
    """Simulate the nights and print what each came to."""
    asked = _arguments(words)
    if asked.paper:
        show_paper(asked)
        return []
    of = asked.stands_for
    row = of * asked.dask_row + (of - 1) * asked.driver_row
    costs = Costs(of * asked.ms / 1000, asked.dask_chunk / 1000, row / 1e6)
    nights = []
    with tempfile.TemporaryDirectory(prefix="scale-", dir=asked.folder) as folder:
        for number in range(1, asked.nights + 1):
            cluster = Simulated(made.outcomes, asked.workers, asked.threads, costs)
            nights.append(night(Path(folder), number * asked.images // of, cluster, asked.chunk_size // of))
            show(nights[-1])
    return nights


def show(done: Night) -> None:
    """The account, the made-up clock, and what it left behind."""
    cluster, seconds = done.cluster, done.report.seconds
    assert done.report.intake is not None
    tally = done.report.intake.tally
    print(f"{tally}")
    real = "  ".join(f"{name} {of:.1f} s" for name, of in seconds.items())
    print(f"  real: {real}; peak of the driver {done.memory / _MB:.0f} MB")
    per_chunk = 1000 * cluster.driver_cpu / max(1, cluster.chunks)
    print(
        f"  simulated: {cluster.now:.1f} s on {cluster.lanes} lanes, busy {cluster.busy:.0%}; {cluster.chunks} chunks, "
        f"{per_chunk:.1f} ms of driver CPU each, {cluster.waited:.1f} s waiting for workers; "
        f"{cluster.most_bytes / _MB:.0f} MB in flight"
    )
    left = "  ".join(f"{name} {size / _MB:.1f} MB" for name, size in done.left.items())
    print(f"  left: {left}; {done.files} files before the merge, {done.entries} log entries", flush=True)


def show_paper(asked: argparse.Namespace) -> None:
    """A night on paper, in one line."""
    driver = Driver(
        (asked.dask_chunk + asked.commits) / 1000, asked.file / 1e6, (asked.dask_row + asked.driver_row) / 1e6
    )
    lanes = asked.workers * asked.threads
    done = on_paper(asked.images, lanes, asked.chunk_size, asked.ms / 1000, driver)
    print(
        f"{asked.images} pictures, {lanes} lanes, chunks of {asked.chunk_size}: {done.seconds:.0f} s, "
        f"busy {done.busy:.0%}; {done.chunks} chunks, {done.flying / _MB:.0f} MB in flight, "
        f"driver {done.memory / _MB:.0f} MB, log {done.log / _MB:.0f} MB"
    )


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000, help="new pictures a night")
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1, help="lanes of a worker")
    parser.add_argument("--chunk-size", type=int, default=512)
    parser.add_argument("--ms", type=float, default=10.0, help="of a lane for a picture")
    parser.add_argument("--dask-chunk", type=float, default=4.0, help="ms of the driver for a chunk, in Dask")
    parser.add_argument("--dask-row", type=float, default=0.25, help="us of the driver for a row, in Dask")
    parser.add_argument("--stands-for", type=int, default=1, help="pictures that each row stands for")
    parser.add_argument("--driver-row", type=float, default=4.0, help="us of the driver for a row, not in Dask")
    parser.add_argument("--paper", action="store_true")
    parser.add_argument("--commits", type=float, default=38.0, help="ms of the driver for a chunk, young tables")
    parser.add_argument("--file", type=float, default=10.0, help="us more of it for each file that the ledger has")
    parser.add_argument("--nights", type=int, default=1)
    parser.add_argument("--folder", help="where to work; as large as the ledger and three times the listing")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
