"""Makes of one folder of pictures every form that a contender of the loader benchmark reads: the same bytes in each."""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nightsort.images.clean import Cleaning
from nightsort.images.preprocess import decode_original, encode_for_store
from peers.command import measure
from peers.contenders import PATHS, python
from peers.picture import SIDE

_MAX_PIXELS = 100_000_000


def cifar(archive: Path, to: Path, count: int) -> None:
    """So many pictures of a zip, as class folders, the same number of each class."""
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.startswith("train/") and name.endswith(".jpg"))
        for name in names[:: len(names) // count][:count]:
            _, label, file = name.split("/")
            (to / label).mkdir(parents=True, exist_ok=True)
            (to / label / file).write_bytes(opened.read(name))


def take_in(folder: Path, home: Path) -> None:
    """Make a dataset of a folder with the program itself, all but a few pictures in the training split."""
    start = "from flows.cli import main; main()"
    options = ["--validation", "0.001", "--test", "0.001", "--near-duplicates", "-1", "--settle-seconds", "0"]
    command = [python(""), "-c", start, "ingest", str(folder), "--storage", str(home / "nightsort"), *options]
    measure(command, PATHS)


def re_encoded(folder: Path, to: Path) -> None:
    """The same pictures as Nightsort keeps them: the shorter side at most SIDE, JPEG at quality 95."""
    for file in folder.rglob("*.jpg"):
        data = file.read_bytes()
        decoded = decode_original(data, _MAX_PIXELS, SIDE, Cleaning())
        place = to / file.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encode_for_store(data, decoded.pixels, SIDE, changed=not decoded.is_whole))


def other_forms(folder: Path, home: Path, tars: int) -> None:
    """Tar files for WebDataset, in which neighbours are of one class no more often than elsewhere; Parquet."""
    pictures = list(_pictures(folder))
    (home / "tars").mkdir()
    for number in range(tars):
        with tarfile.open(home / "tars" / f"{number:03d}.tar", "w") as tar:
            for i in range(number, len(pictures), tars):
                data, label = pictures[i]
                for suffix, content in (("jpg", data), ("cls", str(label).encode())):
                    member = tarfile.TarInfo(f"{i:08d}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    image = pa.array([{"bytes": data, "path": None} for data, _ in pictures], _IMAGE)
    table = pa.table({"image": image, "label": [label for _, label in pictures]})
    pq.write_table(table, home / "pictures.parquet", row_group_size=100)


_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _pictures(folder: Path) -> Iterator[tuple[bytes, int]]:
    """Bytes and class id of every picture."""
    for label, home in enumerate(sorted(folder.iterdir())):
        for file in sorted(home.iterdir()):
            yield file.read_bytes(), label
