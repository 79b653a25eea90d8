"""A folder as a stranger would fill it: every file has its outcome, and nothing is written elsewhere."""

import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from PIL import Image

from flows.ingest import ingest
from nightsort.config.intake import IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import CeilingError
from nightsort.quarantine import Quarantine
from nightsort.schema import SPLITS
from nightsort.storage import Storage

pytestmark = pytest.mark.usefixtures("inline")


def encoded(kind: str, mode: str, seed: int, **options: Any) -> bytes:
    """A picture of noise in any mode that Pillow writes."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    deep = Image.fromarray(rng.integers(0, 2**16, (24, 32), dtype=np.uint16))
    buffer = io.BytesIO()
    (deep if mode == "I;16" else image.convert(mode)).save(buffer, kind, **options)
    return buffer.getvalue()


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def huge_bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def hostile_zip() -> bytes:
    """One good picture among what a zip can be made to hold."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("red/good.png", encoded("PNG", "RGB", 50))
        archive.writestr("../../escaped.png", encoded("PNG", "RGB", 51))
        archive.writestr("/escaped.png", encoded("PNG", "RGB", 52))
        link = zipfile.ZipInfo("red/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("red/inner.zip", b"PK\5\6" + bytes(18))
        archive.writestr("red/zeros.png", bytes(20_000_000))  # about 1000:1
    return buffer.getvalue()


def hostile_tar() -> bytes:
    """One good picture, a device, a hard link, and then it is cut."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, data in (
            ("blue/good.png", tarfile.REGTYPE, encoded("PNG", "RGB", 60)),
            ("blue/device.png", tarfile.CHRTYPE, b""),
            ("blue/link.png", tarfile.LNKTYPE, b""),
            ("blue/cut.png", tarfile.REGTYPE, encoded("PNG", "RGB", 61)),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), "/etc/passwd"
            archive.addfile(info, io.BytesIO(data))
        end = archive.offset
    return buffer.getvalue()[: end - 1024]


GOOD = {
    "jpeg named as png.png": encoded("JPEG", "RGB", 1),
    "16 bit.png": encoded("PNG", "I;16", 2),
    "cmyk.jpg": encoded("JPEG", "CMYK", 3),
    "palette.png": encoded("PNG", "P", 4),
    "transparent.webp": encoded("WEBP", "RGBA", 5),
    "one bit.tiff": encoded("TIFF", "1", 6),
    "animated.gif": encoded("GIF", "RGB", 7, save_all=True, append_images=[Image.new("RGB", (32, 24))]),
    "päth with\nnewline.bmp": encoded("BMP", "RGB", 8),
}
BAD = {
    "cut.jpg": (encoded("JPEG", "RGB", 20)[:700], "truncated"),
    "cut.png": (encoded("PNG", "RGB", 21)[:-30], "truncated"),
    "flipped.png": (flipped(encoded("PNG", "RGB", 22), 300), "corrupt"),
    "notes.jpg": (b"remember the milk", "not_an_image"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
    "nothing.png": (b"", "empty"),
    "huge.bmp": (huge_bmp(60_000, 60_000), "too_many_pixels"),
    "bomb.bmp": (huge_bmp(9_000, 9_000), "bomb"),
    "large.png": (encoded("PNG", "RGB", 23) + bytes(3_000_000), "too_large"),
    "data_batch_1": (b"cos\nsystem\n(S'touch /tmp/owned'\ntR.", "unsupported_format"),
    os.fsdecode(b"latin-\xe9.png"): (encoded("PNG", "RGB", 24), "bad_name"),
}
IN_ARCHIVES = {
    "red/link.png": "unsafe_member",
    "red/inner.zip": "nested_archive",
    "red/zeros.png": "bomb",
    "../../escaped.png": "no_label",
    "/escaped.png": "no_label",
    "blue/device.png": "unsafe_member",
    "blue/link.png": "unsafe_member",
    "hostile.tar": "bad_archive",
    "broken.zip": "bad_archive",
}
CEILINGS: dict[str, dict[str, Any]] = {
    "max_quarantined": {},
    "max_quarantined_chunk": {"max_quarantined": 1, "max_quarantined_chunk": 0.5, "min_quarantined_chunk": 20},
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder, and beside it what it may not reach."""
    folder = tmp_path / "deep" / "in"
    (folder / "red").mkdir(parents=True)
    (folder / "blue").mkdir()
    for name, data in GOOD.items():
        (folder / "red" / name).write_bytes(data)
    for name, (data, _) in BAD.items():
        (folder / "red" / name).write_bytes(data)
    (folder / "hostile.zip").write_bytes(hostile_zip())
    (folder / "hostile.tar").write_bytes(hostile_tar())
    (folder / "blue" / "broken.zip").write_bytes(b"no archive at all")
    (folder / "blue" / "growing.png.part").write_bytes(encoded("PNG", "RGB", 30))
    (folder / "blue" / "Thumbs.db").write_bytes(b"windows was here")
    (folder / "blue" / "dangling.png").symlink_to(tmp_path / "nowhere")
    (folder / "blue" / "loop").symlink_to(folder)
    os.mkfifo(folder / "blue" / "pipe.png")
    return folder


def test_every_file_has_its_outcome_and_nothing_is_written_elsewhere(
    source: Path, tmp_path: Path, fingerprint: Callable[[Path], dict[str, str]]
) -> None:
    root, before = tmp_path / "root", fingerprint(tmp_path / "deep")
    asked = {"source": str(source), "storage": str(root), "settle_seconds": 0, "max_bytes": 2_000_000}
    params = IngestParams(**asked, max_quarantined=1)
    report = ingest(params)
    tally = {"discovered": 35, "done": 10, "quarantined": 20, "duplicate": 0, "deferred": 1, "skipped": 4}
    assert report.intake and report.intake.tally.model_dump() == tally | {"balanced": True}
    assert {name: report.intake.reasons[name] for name in ("not_a_file", "ignored_name", "still_written")} == {
        "not_a_file": 3,
        "ignored_name": 1,
        "still_written": 1,
    }

    storage = Storage(str(root))
    rows = Quarantine(storage).rows("path", "member", "reason", "content").to_pylist()
    found = {row["member"] or Path(row["path"]).name: row["reason"] for row in rows}
    expected = {name.encode("utf-8", "backslashreplace").decode(): reason for name, (_, reason) in BAD.items()}
    assert len(rows) == len(found) and found == expected | IN_ARCHIVES
    for row in rows:
        if row["content"] is not None and not row["member"]:
            assert row["content"] == Path(row["path"]).read_bytes()
    taken = Dataset(storage).examples(["path", "member"]).to_pylist()
    assert {row["member"] or Path(row["path"]).name for row in taken} == {*GOOD, "red/good.png", "blue/good.png"}

    assert fingerprint(tmp_path / "deep") == before
    assert sorted(place.name for place in tmp_path.iterdir()) == ["deep", "root"]
    again = ingest(params)
    assert again.intake and (again.intake.tally.done, again.intake.tally.quarantined) == (0, 0)
    assert again.intake.reasons["known"] == 30


@pytest.mark.parametrize("limit", CEILINGS)
def test_a_source_that_is_mostly_bad_fails_twice_the_same_way_and_leaves_nothing(
    limit: str, tmp_path: Path, pictures: Any
) -> None:
    folder = pictures.labelled(tmp_path / "in", {"red": 3, "green": 3})
    for number in range(30):
        (folder / "red" / f"x{number:02d}.png").write_text(f"not a picture {number}")
    asked = {"source": str(folder), "storage": str(tmp_path / "root"), "settle_seconds": 0}
    params = IngestParams(**asked | CEILINGS[limit])
    storage = Storage(params.storage)
    said = []
    for _ in range(2):
        with pytest.raises(CeilingError) as caught:
            ingest(params)
        said.append(str(caught.value))
        assert Dataset(storage).version() is None and Quarantine(storage).count() == 0
    assert said[0] == said[1] and said[0].startswith("26 of ") and f"allowed share {limit}=0.5" in said[0]
    for file in folder.rglob("x*.png"):
        file.unlink()
    report = ingest(params)
    assert report.intake and report.intake.tally.done == 6
    assert sum(Dataset(storage).examples(["sha256"], pc.field("split") == split).num_rows for split in SPLITS) == 6
