"""Ingest against its peers and against the limit of the machine, in one interleaved run.

    python benchmarks/ingest.py PHOTOS.zip CIFAR.zip --peers-venv FOLDER [--rounds 3]
    python benchmarks/ingest.py PHOTOS.zip CIFAR.zip --memory

Every contender is a whole command, start-up included, on the same files: photographs and small pictures,
as a folder and as a zip. The contenders take turns, and a ratio is taken within a round, so that what
else the machine does falls on all of them. README.md beside this file says who checks what.
"""

import argparse
import shutil
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from peers.command import Measured
from peers.contenders import CONTENDERS, OURS, Contender, install, report, run, stored
from peers.sources import Source, cifar, first, photographs

_FEW = 2  # pictures that show what start-up costs
_PART = 6_000  # pictures of the smaller run in --memory
_MB = 1e6


def main() -> None:
    """Make the sources, then race on each of them."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        scratch = Path(folder)
        if arguments.memory:
            _memory(cifar(arguments.cifar, scratch), arguments, scratch)
            return
        contenders = [each for each in CONTENDERS if each.name in arguments.contenders]
        for contender in contenders:
            install(contender.environment, arguments.peers_venv)
        sources = [*photographs(arguments.photos, scratch, arguments.copies), *cifar(arguments.cifar, scratch)]
        for source in sources:
            if not arguments.sources or source.name in arguments.sources:
                _race(source, contenders, arguments, scratch)


def _race(source: Source, contenders: list[Contender], arguments: argparse.Namespace, scratch: Path) -> None:
    """Round after round, every contender once."""
    few = first(source, _FEW, scratch / "few")
    rows: dict[Contender, list[Row]] = defaultdict(list)
    for turn in range(arguments.rounds):
        for contender in contenders[turn % len(contenders) :] + contenders[: turn % len(contenders)]:
            rows[contender].append(Row.of(contender, source, few, arguments, scratch / "out"))
    shutil.rmtree(scratch / "few")
    print(f"\n{source.name}: {source.pictures} pictures, {arguments.workers} processes, {arguments.rounds} rounds")
    print(_HEAD)
    for contender in contenders:
        print(_line(contender, rows[contender], rows.get(OURS)), flush=True)
    if OURS in rows:
        _print_stages(rows[OURS][-1])


class Row:
    """One contender in one round."""

    def __init__(self, source: Source, measured: Measured, start: float, account: dict) -> None:
        self.rate = source.pictures / measured.seconds  # images/s of the whole command
        self.start = start  # seconds that a few pictures take
        self.after = source.pictures / max(measured.seconds - start, 1e-9)
        self.cpu = measured.cpu / source.pictures
        self.together = measured.together
        self.account = account  # Nightsort's report

    @classmethod
    def of(cls, contender: Contender, source: Source, few: Source, arguments: argparse.Namespace, out: Path) -> "Row":
        """Run it, check that it kept every picture, and tidy up."""
        measured = run(contender, source, out, arguments.workers, arguments.peers_venv)
        account = {} if contender.module else report(out)
        if not contender.limit and (kept := stored(contender, out)) != source.pictures:
            print(f"{contender.name} on {source.name}: kept {kept} of {source.pictures} pictures")
        shutil.rmtree(out)
        if contender.limit:
            row = cls(source, measured, 0.0, account)
            row.rate, row.cpu = map(float, measured.output.split()[-2:])
            row.after = row.rate
            return row
        start = run(contender, few, out, arguments.workers, arguments.peers_venv).seconds
        shutil.rmtree(out)
        return cls(source, measured, start, account)


_HEAD = (
    f"{'contender':18} {'images/s':>8} {'min..max':>15} {'nightsort is':>12} {'start-up s':>10} "
    f"{'after it':>8} {'nightsort is':>12} {'CPU ms each':>11} {'peak MB':>8}"
)


def _line(contender: Contender, rows: list[Row], ours: list[Row] | None) -> str:
    rates = [row.rate for row in rows]
    whole = after = "-"
    if ours:
        whole = f"{statistics.median(our.rate / row.rate for our, row in zip(ours, rows, strict=True)):.2f}x"
        after = f"{statistics.median(our.after / row.after for our, row in zip(ours, rows, strict=True)):.2f}x"
    start, later, cpu, memory = (
        statistics.median(getattr(row, name) for row in rows) for name in ("start", "after", "cpu", "together")
    )
    peak = "-" if contender.limit else f"{memory / _MB:.0f}"
    spread = f"{min(rates):.0f}..{max(rates):.0f}"
    return (
        f"{contender.name:18} {statistics.median(rates):8.0f} {spread:>15} {whole:>12} {start:10.1f} "
        f"{later:8.0f} {after:>12} {cpu * 1e3:11.2f} {peak:>8}"
    )


def _print_stages(row: Row) -> None:
    """Where Nightsort's time goes, in its own words."""
    wall = ", ".join(f"{name} {seconds:.1f}" for name, seconds in row.account["seconds"].items())
    print(f"nightsort's stages, wall seconds: {wall}")
    work = row.account["ingest"].get("stages", {})
    total = sum(work.values()) or 1.0
    parts = ", ".join(f"{name} {seconds:.2f} ({seconds / total:.0%})" for name, seconds in work.items())
    print(f"inside the workers, summed: {parts or 'not reported'}")


def _memory(sources: list[Source], arguments: argparse.Namespace, scratch: Path) -> None:
    """Peak memory for a tenth of the pictures and for all of them."""
    print(f"{'source':18} {'pictures':>8} {'driver MB':>9} {'worker MB':>9} {'all MB':>8}")
    for source in sources:
        peaks = []
        for each in (first(source, min(_PART, source.pictures // 10), scratch / "part"), source):
            measured = run(OURS, each, scratch / "out", arguments.workers, arguments.peers_venv)
            shutil.rmtree(scratch / "out")
            peaks.append((measured.first, measured.largest, measured.together))
            print(f"{each.name:18} {each.pictures:8}", *(f"{peak / _MB:9.0f}" for peak in peaks[-1]), flush=True)
        shutil.rmtree(scratch / "part")
        ratios = (large / small for small, large in zip(*peaks, strict=True))
        print(f"{'':18} {'ratio':>8}", *(f"{ratio:9.3f}" for ratio in ratios), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a zip of photographs, flat, each of another class")
    parser.add_argument("cifar", type=Path, help="a zip of many small pictures in class folders")
    parser.add_argument("--peers-venv", type=Path, default=Path("peers-venv"), help="made there unless it is there")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="processes of each contender that can use them")
    parser.add_argument("--copies", type=int, default=10, help="of each photograph")
    names = [contender.name for contender in CONTENDERS]
    parser.add_argument("--contenders", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--sources", nargs="+", metavar="NAME", help="as in the tables, e.g. 'CIFAR-10, zip'")
    parser.add_argument("--memory", action="store_true", help="only Nightsort's memory")
    return parser.parse_args()


if __name__ == "__main__":
    main()
