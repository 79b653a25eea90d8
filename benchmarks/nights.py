"""What a night costs beside what: memory for ten times the pictures, time beside a ledger of a million.

    python benchmarks/nights.py memory FOLDER CIFAR.zip          # 6,000 pictures against 60,000
    python benchmarks/nights.py ledger FOLDER [--known 1000000]  # the photographs of FOLDER, all of them new

FOLDER is what `scoring.py prepare` made. Both are whole commands of `nightsort classify`, start-up included, with a
small network, so that what is measured is not hidden by a large one.
"""

import argparse
import shutil
import statistics
import tempfile
import zipfile
from pathlib import Path

from ledger import fill
from peers.command import Measured
from peers.scoring_bench import SMALL, Bench
from peers.scoring_contenders import classified, classify
from peers.sources import Source, first

from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage

_PART = 6_000  # pictures of the smaller run
_COMMITS, _NIGHTS = 400, 365  # by which the known ones came
_MB = 1e6


def main() -> None:
    """Do what was asked for."""
    asked = _arguments()
    bench = Bench(asked.folder, asked.folder)
    with tempfile.TemporaryDirectory(prefix="nights-") as folder:
        if asked.what == "memory":
            memory(bench, asked.cifar, Path(folder), asked.rounds)
        else:
            beside(bench, asked.known, Path(folder), asked.rounds)


def memory(bench: Bench, archive: Path, scratch: Path, rounds: int) -> None:
    """Peak memory for a tenth of an archive's pictures and for all of them."""
    with zipfile.ZipFile(archive) as opened:
        whole = Source("all", archive, len(opened.namelist()))
    part = first(whole, _PART, scratch / "part")
    print(f"{'pictures':>9} {'seconds':>8} {'driver MB':>9} {'worker MB':>9} {'all MB':>8}")
    peaks: dict[Source, list[int]] = {part: [], whole: []}
    for _ in range(rounds):
        for source in (part, whole):
            done = _classify(bench.root(SMALL), source.path, source.pictures, scratch / "out")
            peaks[source].append(done.together)
            sizes = " ".join(f"{size / _MB:9.0f}" for size in (done.first, done.largest, done.together))
            print(f"{source.pictures:9} {done.seconds:8.1f} {sizes}", flush=True)
    ratios = [large / small for small, large in zip(peaks[part], peaks[whole], strict=True)]
    print(f"memory of all processes, {whole.pictures} over {_PART}: {statistics.median(ratios):.3f}")


def beside(bench: Bench, known: int, scratch: Path, rounds: int) -> None:
    """The photographs beside an empty ledger and beside one that knows many others."""
    full = bench.root(f"{SMALL}-{known}")
    if not full.exists():
        making = full.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(bench.root(SMALL), making)
        ledger = Ledger(Storage(str(making)))
        fill(ledger, known, _COMMITS, _NIGHTS)
        ledger.tidy()  # as every run leaves it
        making.rename(full)
    count = sum(1 for _ in bench.photographs.iterdir())
    seconds: dict[Path, list[float]] = {bench.root(SMALL): [], full: []}
    peaks: dict[Path, list[int]] = {root: [] for root in seconds}
    for turn in range(rounds):
        for root in list(seconds)[:: 1 if turn % 2 == 0 else -1]:
            done = _classify(root, bench.photographs, count, scratch / "out")
            seconds[root].append(done.seconds)
            peaks[root].append(done.together)
    for root, name in zip(seconds, ("empty", f"{known} known"), strict=True):
        rounds_of = " ".join(f"{each:.1f}" for each in seconds[root])
        print(f"{count} new, ledger {name:15} {statistics.median(seconds[root]):6.1f} s  ({rounds_of})", end="  ")
        print(f"{statistics.median(peaks[root]) / _MB:.0f} MB")
    ratios = [large / small for small, large in zip(*seconds.values(), strict=True)]
    print(f"time beside {known} over time beside none: {statistics.median(ratios):.2f}")


def _classify(root: Path, source: Path, count: int, out: Path) -> Measured:
    """Classify into a fresh copy of a root, all of it new."""
    done = classify(root, source, out)
    if (kept := classified(out)) != count:
        print(f"{source}: classified {kept} of {count}")
    shutil.rmtree(out)
    return done


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    below = parser.add_subparsers(dest="what", required=True)
    many, known = below.add_parser("memory"), below.add_parser("ledger")
    for each in (many, known):
        each.add_argument("folder", type=Path, help="what scoring.py prepare made")
        each.add_argument("--rounds", type=int, default=3)
    many.add_argument("cifar", type=Path, help="a zip of many small pictures")
    known.add_argument("--known", type=int, default=1_000_000, help="pictures that the ledger knows")
    return parser.parse_args()


if __name__ == "__main__":
    main()
