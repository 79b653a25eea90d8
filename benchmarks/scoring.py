"""Scoring against its peers and against the limit of the machine, in one interleaved run.

    python benchmarks/scoring.py prepare FOLDER PHOTOS.zip --peers-venv VENVS [--count 1000]
    python benchmarks/scoring.py run FOLDER --peers-venv VENVS --timm-inference inference.py [--rounds 3] [--json FILE]

Every contender is a whole command, start-up included: a folder of JPEG files in, predictions in Parquet out. The
contenders take turns, and a ratio is taken within a round, so that what else the machine does falls on all of them.
README.md beside this file says what each of them does.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from peers.scoring_bench import NETWORKS, Bench, prepare
from peers.scoring_contenders import CONTENDERS, LIMIT, OURS, TIMM, Contender, run, stored

_MB = 1e6


@dataclass(frozen=True)
class Turn:
    """One contender in one round."""

    seconds: float  # of the whole command
    cpu: float  # seconds of all its processes that it waited for
    peak: int  # bytes of all its processes together
    start: float = 0.0  # seconds that two pictures take; of Nightsort only
    limit: dict | None = None  # what the limit printed


def main() -> None:
    """Do what was asked for."""
    asked = _arguments()
    bench = Bench(asked.folder, asked.peers_venv)
    if asked.what == "prepare":
        prepare(bench, asked.photos, asked.models, asked.count)
        return
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "system": platform.platform()}
    figures = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **machine, "networks": {}}
    for network in asked.models:
        figures["networks"][network] = race(bench, network, asked)
        if asked.json:
            asked.json.write_text(json.dumps(figures, indent=1))


def race(bench: Bench, network: str, asked: argparse.Namespace) -> dict[str, list[dict]]:
    """Round after round, every contender once; who fails is left out of the rest."""
    contenders = [each for each in CONTENDERS if each.name in asked.only]
    turns: dict[Contender, list[Turn]] = {each: [] for each in contenders}
    for number in range(asked.rounds):
        first = number % len(contenders)
        for contender in contenders[first:] + contenders[:first]:
            if contender in turns:
                try:
                    turns[contender].append(turn(contender, bench, network, asked.timm_inference))
                    print(f"{network}, {contender.name}: {turns[contender][-1].seconds:.1f} s", file=sys.stderr)
                except SystemExit as failure:
                    print(f"{contender.name}: left out: {failure}", flush=True)
                    del turns[contender]
    _print(bench, network, turns)
    return {contender.name: [asdict(each) for each in done] for contender, done in turns.items()}


def turn(contender: Contender, bench: Bench, network: str, inference: Path | None) -> Turn:
    """Run a contender once and count what it left."""
    with tempfile.TemporaryDirectory(prefix="scoring-") as folder:
        out = Path(folder) / "out"
        measured = run(contender, bench, network, bench.photographs, out, inference)
        if contender == LIMIT:
            printed = json.loads(measured.output.splitlines()[-1])
            return Turn(measured.seconds, measured.cpu, measured.together, limit=printed)
        kept, expected = stored(contender, out), _count(bench.photographs)
        if kept != expected:
            raise SystemExit(f"kept {kept} of {expected} pictures")
        start = 0.0
        if not contender.module:
            shutil.rmtree(out)
            start = run(contender, bench, network, bench.few, out, inference).seconds
        return Turn(measured.seconds, measured.cpu, measured.together, start)


def _print(bench: Bench, network: str, turns: dict[Contender, list[Turn]]) -> None:
    count, ours, limits = _count(bench.photographs), turns.get(OURS), turns.get(LIMIT)
    rounds = max((len(done) for done in turns.values()), default=0)
    print(f"\n{network}: {count} pictures, {os.cpu_count()} cores, {rounds} rounds")
    print(
        f"{'contender':18} {'seconds':>8} {'images/s':>8} {'peak MB':>8} {'time, x ours':>12} {'memory, x ours':>14} "
        f"{'of the limit':>12} {'after start-up':>14}  each round"
    )
    for contender, done in turns.items():
        if contender == LIMIT:
            continue
        time = _median(each.seconds / our.seconds for each, our in zip(done, ours or [], strict=False))
        memory = _median(each.peak / our.peak for each, our in zip(done, ours or [], strict=False))
        whole = _median(count / each.seconds / top.limit["rate"] for each, top in zip(done, limits or [], strict=False))
        after = [
            count / (each.seconds - each.start) / top.limit["rate"]
            for each, top in zip(done, limits or [], strict=False)
            if each.start
        ]
        seconds = statistics.median(each.seconds for each in done)
        print(
            f"{contender.name:18} {seconds:8.1f} {count / seconds:8.1f} "
            f"{statistics.median(each.peak for each in done) / _MB:8.0f} {time:>12} {memory:>14} {whole:>12} "
            f"{_median(after):>14}  {' '.join(f'{each.seconds:.1f}' for each in done)}",
            flush=True,
        )
    _print_limit(limits, ours)


def _print_limit(limits: list[Turn] | None, ours: list[Turn] | None) -> None:
    """What the limit is made of, and what start-up takes."""
    for top in (each.limit for each in limits or [] if each.limit):
        print(
            f"limit {top['rate']:.1f} images/s: decoding {top['decoding']:.1f}, {top['backend']} {top['forward']:.1f} "
            f"alone, {top['cores']} cores ({top['why']})"
        )
    if ours:
        print(f"nightsort with 2 pictures: {' '.join(f'{each.start:.1f}' for each in ours)} s")


def _median(ratios: Iterable[float]) -> str:
    found = list(ratios)
    return f"{statistics.median(found):.2f}" if found else "-"


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


def _arguments() -> argparse.Namespace:
    names = [contender.name for contender in CONTENDERS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    below = parser.add_subparsers(dest="what", required=True)
    making, running = below.add_parser("prepare"), below.add_parser("run")
    for each in (making, running):
        each.add_argument("folder", type=Path, help="for everything that is made once")
        each.add_argument("--peers-venv", type=Path, default=Path("peers-venv"), help="made there unless it is there")
        each.add_argument("--models", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME")
    making.add_argument("photos", type=Path, help="a flat zip of photographs")
    making.add_argument("--count", type=int, default=1000, help="photographs to classify")
    running.add_argument("--rounds", type=int, default=3)
    running.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    running.add_argument("--timm-inference", type=Path, help="inference.py of timm's repository")
    running.add_argument("--json", type=Path, help="write all figures there, too")
    asked = parser.parse_args()
    if asked.what == "run" and asked.timm_inference is None:
        asked.only = [each.name for each in CONTENDERS if each.name in asked.only and each.module != TIMM]
    return asked


if __name__ == "__main__":
    main()
