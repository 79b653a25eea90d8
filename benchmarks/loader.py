"""Reading pictures to learn from, against the loaders that people use, in one interleaved run.

    python benchmarks/loader.py PHOTOS.zip CIFAR.zip --peers-venv FOLDER [--rounds 3]

Every contender reads the same pictures in a random order, decodes them, makes them square and hands out batches of
128 as uint8 tensors. Each is a process of its own, with two workers, and times its passes itself, so that neither
start-up nor opening the data counts; the contenders take turns, and a ratio is taken within a round.
"""

import argparse
import json
import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import loader_sources, sources
from peers.command import measure
from peers.contenders import PATHS, install, python

_PASSES_OF_A_TRAINING = 30  # over which the decoding into a file is spread


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    :param module: below `peers`
    :param stored: reads the pictures as Nightsort keeps them, and not as they came
    """

    name: str
    module: str
    way: str = ""
    stored: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it is Nightsort."""
        return self.module == "loader_nightsort"


STREAM = Contender("nightsort, stream", "loader_nightsort", "stream")
DECODED = Contender("nightsort, decoded", "loader_nightsort", "decoded")
PEERS = [
    Contender("torchvision", "loader_torchvision"),
    Contender("torchvision, its own decoder", "loader_torchvision", "io"),
    Contender("WebDataset", "loader_webdataset"),
    Contender("datasets", "loader_datasets"),
]


@dataclass(frozen=True)
class Pictures:
    """Pictures to race on."""

    name: str
    side: int
    home: Path  # as they came, in every form
    stored: Path | None  # as Nightsort keeps them; None where that is as they came


def main() -> None:
    """Make the forms, then race on each kind of picture."""
    told = _arguments()
    install("loader", told.peers_venv)
    with tempfile.TemporaryDirectory(prefix="loader-") as folder:
        for pictures in (_photographs(told, Path(folder)), _small(told, Path(folder))):
            _race(pictures, told)


def _photographs(told: argparse.Namespace, scratch: Path) -> Pictures:
    home, stored = scratch / "photographs", scratch / "stored"
    made = sources.photographs(told.photos, scratch / "made", told.copies)[0].path
    home.mkdir()
    made.rename(home / "folder")
    loader_sources.take_in(home / "folder", home)
    loader_sources.re_encoded(home / "folder", stored / "folder")
    for each in (home, stored):
        loader_sources.other_forms(each / "folder", each, told.workers)
    return Pictures("photographs", 224, home, stored)


def _small(told: argparse.Namespace, scratch: Path) -> Pictures:
    home = scratch / "cifar"
    loader_sources.cifar(told.cifar, home / "folder", told.small)
    loader_sources.take_in(home / "folder", home)
    loader_sources.other_forms(home / "folder", home, told.workers)
    return Pictures("CIFAR-10", 32, home, None)


def _race(pictures: Pictures, told: argparse.Namespace) -> None:
    """Round after round, every contender once."""
    again = [Contender(f"{each.name}, as stored", each.module, each.way, True) for each in PEERS]
    contenders = [STREAM, DECODED, *PEERS, *(again if pictures.stored else [])]
    found: dict[Contender, list[dict[str, Any]]] = defaultdict(list)
    for turn in range(told.rounds):
        first = turn % len(contenders)
        for contender in contenders[first:] + contenders[:first]:
            found[contender].append(_run(contender, pictures, told))
    _show(pictures, found, told)


def _run(contender: Contender, pictures: Pictures, told: argparse.Namespace) -> dict[str, Any]:
    """What a contender printed of itself."""
    home = pictures.stored if contender.stored and pictures.stored else pictures.home
    command = [python("" if contender.is_ours else "loader", told.peers_venv), "-m", f"peers.{contender.module}"]
    command += [str(home), str(pictures.side), "--passes", str(told.passes), "--workers", str(told.workers)]
    printed = measure([*command, "--way", contender.way], PATHS).output
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result


def _show(pictures: Pictures, found: dict[Contender, list[dict[str, Any]]], told: argparse.Namespace) -> None:
    """A table: rates, and how many times faster the stream is within a round."""
    count = found[STREAM][0]["pictures"]
    print(f"\n{pictures.name}: {count} pictures at {pictures.side} px, {told.rounds} rounds of {told.passes} passes")
    if pictures.stored:
        print(
            "Nightsort's shards hold them reduced to 256 px, JPEG quality 95, since ingest; so do the rows 'as stored'."
        )
    print(
        f"{'contender':40} {'pictures/s':>10} {'min..max':>15} {'stream is':>10} {'CPU ms each':>11} "
        f"{'pictures':>9} {'mean grey':>9}"
    )
    for contender, rows in found.items():
        rates, last = [row["rate"] for row in rows], rows[-1]
        ratio = statistics.median(ours["rate"] / row["rate"] for ours, row in zip(found[STREAM], rows, strict=True))
        cpu = 1e3 * statistics.median(row["cpu"] for row in rows)
        print(
            f"{contender.name:40} {statistics.median(rates):10.0f} {f'{min(rates):.0f}..{max(rates):.0f}':>15} "
            f"{ratio:9.2f}x {cpu:11.3f} {last['pictures']:9} {last['mean']:9.2f}"
        )
    opening = statistics.median(row["opening"] for row in found[DECODED])
    rate = statistics.median(row["rate"] for row in found[DECODED])
    spread = count / (count / rate + opening / _PASSES_OF_A_TRAINING)
    print(
        f"decoding into the file takes {opening:.1f} s once; spread over {_PASSES_OF_A_TRAINING} passes: {spread:.0f}/s"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a zip of photographs, flat, each of another class")
    parser.add_argument("cifar", type=Path, help="a zip of many small pictures, train/CLASS/NAME.jpg")
    parser.add_argument("--peers-venv", type=Path, default=Path("peers-venv"), help="made there unless it is there")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passes", type=int, default=2, help="timed, of each run, after a first one")
    parser.add_argument("--workers", type=int, default=2, help="processes of each peer; Nightsort has a thread a core")
    parser.add_argument("--copies", type=int, default=3, help="of each photograph")
    parser.add_argument("--small", type=int, default=12_000, help="small pictures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
