"""Tar members are listed and read in place, and no header leads astray, back or into memory."""

import io
import random
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from nightsort.errors import PictureError
from nightsort.schema import REASONS
from nightsort.sources.entry import Entry
from nightsort.sources.files import Access
from nightsort.sources.tars import contents, entries
from tests.sources.salvage import salvaged

ACCESS = Access(max_bytes=10_000)
ENTRIES = [(f"c/{i}.jpg", bytes([i]) * 900) for i in range(6)]  # in a tar 512 + 1024 bytes each
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def listed(file: Path) -> tuple[list[Entry], Exception | None]:
    """What could be listed, and the damage after it."""
    return salvaged(entries(file, ACCESS))


def read(file: Path) -> dict[str, bytes | PictureError]:
    """The contents of all that is listed, the last member first."""
    return dict(contents(file, [(entry.name, entry.offset) for entry in listed(file)[0]][::-1], ACCESS))


def reason(found: bytes | PictureError) -> str:
    """Why there are no bytes."""
    assert isinstance(found, PictureError)
    assert found.reason in REASONS
    return found.reason


def header(name: str = "a", size: int = 0, kind: bytes = tarfile.REGTYPE, **changes: object) -> bytes:
    """One header, of GNU's kind, which can hold any number."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    for key, value in changes.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def put(folder: Path, *parts: bytes, end: bool = True) -> Path:
    """A tar of headers and data, filled up to whole blocks."""
    whole = b"".join(part + bytes(-len(part) % 512) for part in parts)
    (folder / "a.tar").write_bytes(whole + (bytes(1024) if end else b""))
    return folder / "a.tar"


def pax(**records: str) -> bytes:
    """A pax header and its records."""
    text = b""
    for key, value in records.items():
        body = f" {key.replace('__', '.')}={value}\n".encode()
        length = next(n for n in range(len(body), len(body) + 20) if n == len(body) + len(str(n)))
        text += str(length).encode() + body
    return header("pax", len(text), tarfile.XHDTYPE) + text


@pytest.mark.parametrize("kind", FORMATS)
def test_members_are_read_at_random_as_they_were_written(kind: int, tmp_path: Path) -> None:
    true = {f"{'deep/' * 12 * (i % 3)}é {i}.jpg": random.Random(i).randbytes(i * 700) for i in range(6)}
    with tarfile.open(tmp_path / "a.tar", "w", format=kind, pax_headers={"comment": "of all that follow"}) as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in true.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1.5  # which pax keeps in a header of its own
            tar.addfile(info, io.BytesIO(data))
    found, damage = listed(tmp_path / "a.tar")
    assert damage is None
    assert [(entry.name, entry.size) for entry in found] == [(name, len(data)) for name, data in true.items()]
    assert read(tmp_path / "a.tar") == true


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_never_read(kind: bytes, tmp_path: Path) -> None:
    file = put(tmp_path, header("c/passwd.jpg", kind=kind, linkname="/etc/passwd"), header("z", 4), b"fine")
    found = read(file)
    assert [entry.reason for entry in listed(file)[0]] == ["unsafe_member", ""]
    assert (reason(found["c/passwd.jpg"]), found["z"]) == ("unsafe_member", b"fine")


def sparse(extended: int) -> bytes:
    """A header of GNU's old sparse kind that declares a terabyte, with so many more blocks of its map."""
    block = bytearray(header("hole", 512, tarfile.GNUTYPE_SPARSE))
    block[482] = extended > 0
    block[483:495] = b"\x80" + (2**40).to_bytes(11, "big")
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    blocks = [bytes(504) + bytes([i < extended - 1]) + bytes(7) for i in range(extended)]
    return bytes(block) + b"".join(blocks) + bytes(512)


@pytest.mark.parametrize("extended", [0, 1, 3])
def test_sparse_files_are_never_read_and_what_follows_is_found(extended: int, tmp_path: Path) -> None:
    found = read(put(tmp_path, sparse(extended), header("z", 4), b"fine"))
    assert (reason(found["hole"]), found["z"]) == ("unsafe_member", b"fine")


@pytest.mark.parametrize("how", ["GNU__sparse__map", "GNU__sparse__size", "GNU__sparse__major"])
def test_sparse_files_of_pax_are_never_read(how: str, tmp_path: Path) -> None:
    found = read(put(tmp_path, pax(**{how: "1"}), header("hole", 512), bytes(512), header("z", 4), b"fine"))
    assert (reason(found["hole"]), found["z"]) == ("unsafe_member", b"fine")


@pytest.mark.parametrize(
    ("raw", "name"), [(b"caf\xe9.jpg", "caf\\xe9.jpg"), (b"../../e.jpg", "../../e.jpg"), (b"/etc/e.jpg", "/etc/e.jpg")]
)
def test_names_become_text_lead_nowhere_and_are_found_again(raw: bytes, name: str, tmp_path: Path) -> None:
    plain = header(raw.decode("utf-8", "surrogateescape"), 5)
    long = header("././@LongLink", len(raw) + 1, tarfile.GNUTYPE_LONGNAME) + raw
    for parts in ([plain, b"bytes"], [long, header("x", 5), b"bytes"]):
        assert read(put(tmp_path, *parts)) == {name: b"bytes"}
    assert [item.name for item in tmp_path.rglob("*")] == ["a.tar"]


def test_members_over_the_cap_are_too_large_unread(tmp_path: Path) -> None:
    found = read(put(tmp_path, header("exact", 10_000), bytes(10_000), header("over", 10_001), bytes(10_001)))
    assert (found["exact"], reason(found["over"])) == (bytes(10_000), "too_large")


@pytest.mark.parametrize(
    "parts",
    [
        [header("big", 2**62), b"x"],
        [header("back", -1024), b"x"],
        [pax(size="-1024"), header("back"), b"x"],
        [pax(size="9" * 30), header("far"), b"x"],
        [pax(size=str(2**40)), header("far"), b"x"],
        [header("pax", 2**40, tarfile.XHDTYPE), b"x"],
        [header("long", 2**40, tarfile.GNUTYPE_LONGNAME), b"x"],
        [header("pax", 100, tarfile.XHDTYPE), b"0 path=x\n"],
        [header("pax", 30, tarfile.XHDTYPE), b"999 path=x\n"],
        [header("pax", 999_000, tarfile.XHDTYPE), b"1" * 999_000],
        [pax(path="x")] * 3000,
        [pax(path="x")],
    ],
)
def test_headers_that_lead_astray_are_damage_in_bounded_memory(parts: list[bytes], tmp_path: Path) -> None:
    file = put(tmp_path, header("first", 4), b"fine", *parts)
    tracemalloc.start()
    found, damage = listed(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [entry.name for entry in found] == ["first"]
    assert isinstance(damage, tarfile.ReadError)
    assert peak < 5_000_000


@pytest.mark.parametrize("cut", range(0, 6 * 1536 + 1, 256))
def test_a_tar_cut_anywhere_yields_its_readable_prefix_and_says_that_it_is_cut(
    cut: int, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    file = pack(tmp_path / "a.tar", ENTRIES)
    file.write_bytes(file.read_bytes()[:cut])
    whole = sum(cut >= i * 1536 + 512 + 900 for i in range(6))
    assert listed(file)[1] is not None
    assert read(file) == dict(ENTRIES[:whole])


def test_a_header_destroyed_in_the_middle_is_not_taken_for_the_end(tmp_path: Path, pack: Callable[..., Path]) -> None:
    file = pack(tmp_path / "a.tar", ENTRIES)
    data = bytearray(file.read_bytes())
    data[3 * 1536 : 3 * 1536 + 512] = b"\xaa" * 512
    file.write_bytes(data)
    found, damage = listed(file)
    assert len(found) == 3
    assert "at byte 4608, where a member or the end should be" in str(damage)


def test_an_archive_that_changed_since_it_was_listed_gives_no_other_members_bytes(
    tmp_path: Path, pack: Callable[..., Path]
) -> None:
    file = pack(tmp_path / "a.tar", [("a", b"1"), ("b", b"2")])
    wanted = [(entry.name, entry.offset) for entry in listed(file)[0]]
    pack(file, [("b", b"2"), ("a", b"1")])
    assert [reason(found) for _, found in contents(file, [*wanted, ("c", 10**6)], ACCESS)] == ["unreadable"] * 3


@pytest.mark.parametrize("kind", FORMATS)
def test_flipped_bytes_end_in_damage_or_a_list_never_in_a_crash(kind: int, tmp_path: Path) -> None:
    file = tmp_path / "a.tar"
    with tarfile.open(file, "w", format=kind) as tar:
        for i in range(3):
            info = tarfile.TarInfo("long/" * 15 * (i + 1) + f"{i}é.jpg")
            info.size = 80
            tar.addfile(info, io.BytesIO(bytes(80)))
    whole = file.read_bytes()[:9000]
    dice = random.Random(0)
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        found, damage = listed(put(tmp_path, bytes(data[: dice.choice([9000, dice.randrange(9000)])])))
        assert damage is not None or len(found) <= 3
        assert all(isinstance(got, bytes) or reason(got) for got in read(file).values())
