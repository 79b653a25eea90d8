"""Owns the demo's pictures: a labelled, long-tailed folder and three nightly drops.

Invariant: the same pictures every time; none of a drop is among the labelled ones.
Does not know what is done with them.
"""

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from nightsort.errors import SourceError

_SIDE = 64  # pixels; the digits come as 8 x 8
_TAIL = 20  # the commonest class has this many times the pictures of the rarest
_HELD_OUT = 0.3  # share of each class that is kept for the drops
_MARKER = ".nightsort-demo"
_DROPS = ("drop-1", "drop-2", "drop-3")


@dataclass(frozen=True)
class Samples:
    """Where the pictures are, and what is on those of the drops."""

    labelled: Path
    drops: list[Path]
    truth: dict[str, str]  # file name of a picture in a drop -> its class


def write_digits(into: Path) -> Samples:
    """Begin the folder `into` anew with handwritten digits as PNG files.

    They are the 1,797 that scikit-learn ships (Alpaydin & Kaynak 1998). The labelled ones fall off
    exponentially from digit 0 to digit 9, the drops hold all digits alike.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    # They come in the order of their writers; shuffled, every writer is on both sides.
    order = np.random.default_rng(0).permutation(len(digits.target))
    by_class = {
        str(digit): [
            (f"{index:04d}.png", _png(digits.images[index])) for index in order if digits.target[index] == digit
        ]
        for digit in range(10)
    }
    return _write(into, by_class, tail=_TAIL)


def copy_folder(source: Path, into: Path) -> Samples:
    """Begin the folder `into` anew with a user's own class folders: most of it labelled, the rest as drops.

    :raises SourceError: if the source holds no class folder, one of the two folders is in the other, or
        `into` holds something that no demo made
    """
    here, there = source.resolve(), into.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise SourceError(f"--data {source}: the demo would write into it; choose another place with --into")
    by_class = {
        folder.name: [("-".join(file.relative_to(source).parts), file.read_bytes()) for file in _files(folder)]
        for folder in sorted(source.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    }
    if not any(by_class.values()):
        raise SourceError(f"--data {source}: holds no pictures in folders; expected DATA/<class>/picture.jpg")
    return _write(into, by_class, tail=1)


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.startswith("."))


def _png(image: np.ndarray) -> bytes:
    """One digit, enlarged enough to look at."""
    grey = (image / 16 * 255).astype(np.uint8)
    large = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".png", large)[1])


def _write(into: Path, by_class: dict[str, list[tuple[str, bytes]]], tail: int) -> Samples:
    _claim(into)
    labelled, *drops = (into / "pictures" / name for name in ("labelled", *_DROPS))
    for folder in drops:
        folder.mkdir(parents=True)
    truth: dict[str, str] = {}
    nights: list[list[tuple[str, bytes]]] = [[], [], []]
    for rank, (label, pictures) in enumerate(by_class.items()):
        held = max(min(3, len(pictures) // 3), round(_HELD_OUT * len(pictures)))
        kept = round(len(pictures[held:]) * tail ** (-rank / max(1, len(by_class) - 1)))
        (labelled / label).mkdir(parents=True)
        for name, data in pictures[held : held + kept]:
            (labelled / label / name).write_bytes(data)
        for position, (name, data) in enumerate(pictures[:held]):
            truth[name] = label
            nights[position % 3].append((name, data))
    for night, folder in zip(nights[:2], drops, strict=False):
        for name, data in night:
            (folder / name).write_bytes(data)
    with zipfile.ZipFile(drops[2] / "night.zip", "w") as archive:
        for name, data in nights[2]:
            archive.writestr(zipfile.ZipInfo(f"pictures/{name}"), data)  # dated 1980, the same every time
    _spoil(drops[0])
    for name, data in nights[0][:1]:  # of a picture and its copy, the one that is read first is classified
        copy = f"copy-of-{name}"
        truth[copy] = truth[name]
        (drops[0] / copy).write_bytes(data)
    return Samples(labelled, drops, truth)


def _claim(into: Path) -> None:
    """Begin with an empty folder, but never by emptying one that somebody else has filled."""
    if into.exists() and any(into.iterdir()) and not (into / _MARKER).exists():
        raise SourceError(f"--into {into}: holds files that no demo made; name a new folder")
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    (into / _MARKER).write_text("Made by 'nightsort demo', which removes this folder when it is run again.\n")


def _spoil(drop: Path) -> None:
    """Add what every real drop holds: things that are not whole, or not pictures."""
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    jpeg = bytes(cv2.imencode(".jpg", noise)[1])
    (drop / "cut-off.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (drop / "notes.png").write_text("Camera 2 was cleaned today.\n")
    (drop / "nothing.png").write_bytes(b"")
