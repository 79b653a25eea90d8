"""Makes the sources that every contender reads: the same pictures as a folder of class folders and as a zip."""

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

_JPEG_START = b"\xff\xd8"


@dataclass(frozen=True)
class Source:
    """One input of the benchmark."""

    name: str
    path: Path
    pictures: int


def photographs(archive: Path, to: Path, copies: int) -> list[Source]:
    """A flat zip of photographs, named after their class, as class folders.

    :param copies: of each photograph; they differ in a comment in their header, so that all are new files
    """
    folder = to / "photographs"
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            data = opened.read(name)
            home = folder / Path(name).stem
            home.mkdir(parents=True)
            for copy in range(copies):
                (home / f"{copy:04d}.jpg").write_bytes(commented(data, copy))
        count = len(opened.namelist()) * copies
    return [Source("photographs, folder", folder, count), Source("photographs, zip", zipped(folder), count)]


def cifar(archive: Path, to: Path) -> list[Source]:
    """A zip of many small pictures, and what is in it as a folder."""
    folder = to / "cifar"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
        count = len(opened.namelist())
    return [Source("CIFAR-10, folder", folder, count), Source("CIFAR-10, zip", archive, count)]


def first(source: Source, count: int, to: Path) -> Source:
    """A few pictures of a source, in the same form: every so-many-th, so that all classes are among them."""
    if source.path.is_dir():
        files = sorted(source.path.rglob("*.jpg"))
        for file in files[:: len(files) // count][:count]:
            copy = to / file.relative_to(source.path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        return Source(source.name, to, count)
    to.mkdir(parents=True)
    part = to / "part.zip"
    with zipfile.ZipFile(source.path) as whole, zipfile.ZipFile(part, "w") as opened:
        names = whole.namelist()
        for name in names[:: len(names) // count][:count]:
            opened.writestr(name, whole.read(name))
    return Source(source.name, part, count)


def zipped(folder: Path) -> Path:
    """A zip beside a folder, of all that is in it; JPEG files are stored, as they do not shrink."""
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as opened:
        for file in sorted(folder.rglob("*.jpg")):
            opened.write(file, file.relative_to(folder))
    return archive


def commented(data: bytes, number: int) -> bytes:
    """The same JPEG with one more comment."""
    if not number or not data.startswith(_JPEG_START):
        return data
    comment = f"copy {number}".encode()
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]
