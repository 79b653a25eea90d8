"""Owns the source of a soak: many small pictures of three colours, loose and in archives, some broken, some twice."""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.flows.conftest import picture

COLOURS = ("red", "green", "blue")
_BROKEN, _TWIN = 500, 100  # one file in so many
_FIRST_SEED = 100_000  # no picture of the training set has it


def make_drop(folder: Path, count: int, deadly: bool = False) -> Path:
    """Write a source of `count` files and members: seven tenths lie loose, two in zips, one in tars.

    :param deadly: one of them kills who decodes it, if :mod:`tests.soak.deadly` is loaded there
    """
    files = list(_files(count))
    if deadly:
        files[count // 2] = ("deadly.png", picture("red", 1) + b"deadly")
    loose, zipped = count * 7 // 10, count * 9 // 10
    for number, (name, data) in enumerate(files[:loose]):
        place = folder / f"camera-{number * 10 // loose}" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    for number in range(4):
        with zipfile.ZipFile(folder / f"more-{number}.zip", "w") as archive:
            for name, data in files[loose:zipped][number::4]:
                archive.writestr(name, data)
    for number, ending in enumerate(("tar", "tar.gz")):
        with tarfile.open(folder / f"rest.{ending}", f"w:{ending[4:]}") as archive:
            for name, data in files[zipped:][number::2]:
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return folder


def make_labelled(folder: Path, each: int = 60) -> Path:
    """Class folders to learn the colours from."""
    for colour in COLOURS:
        (folder / colour).mkdir(parents=True)
        for seed in range(each):
            (folder / colour / f"{seed:03d}.png").write_bytes(picture(colour, seed))
    return folder


def _files(count: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        colour = COLOURS[number % 3]
        data = picture(colour, _FIRST_SEED + number)
        if number % _BROKEN == 7:
            cut = data[: len(data) // 2] if number // _BROKEN % 2 else b"not a picture %d" % number
            yield f"broken-{number:05d}.png", cut
        elif number % _TWIN == 50:
            earlier = number // 2 - (number // 2) % 3 + 1  # neither broken nor itself a copy
            earlier += (earlier % _BROKEN == 7 or earlier % _TWIN == 50) * 3
            yield f"twin-{number:05d}.png", picture(COLOURS[earlier % 3], _FIRST_SEED + earlier)
        else:
            yield f"{colour}-{number:05d}.png", data
