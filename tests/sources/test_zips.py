"""Zip members are listed as the directory streams by, found again at random, and never trusted."""

import bz2
import io
import lzma
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from nightsort.errors import PictureError
from nightsort.schema import REASONS
from nightsort.sources.entry import Entry
from nightsort.sources.files import Access
from nightsort.sources.zips import contents, entries
from tests.sources.salvage import salvaged

ACCESS = Access(max_bytes=3_000_000)
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
Forge = Callable[..., bytes]


def put(folder: Path, data: bytes) -> Path:
    """The bytes as a file."""
    (folder / "a.zip").write_bytes(data)
    return folder / "a.zip"


def listed(file: Path) -> tuple[list[Entry], Exception | None]:
    """What could be listed, and the damage after it."""
    return salvaged(entries(file, ACCESS))


def read(file: Path, access: Access = ACCESS) -> dict[str, bytes | PictureError]:
    """The contents of all that is listed, the last member first."""
    return dict(contents(file, [(entry.name, entry.offset) for entry in listed(file)[0]][::-1], access))


def reason(found: bytes | PictureError) -> str:
    """Why there are no bytes."""
    assert isinstance(found, PictureError)
    assert found.reason in REASONS
    return found.reason


@pytest.mark.parametrize("method", METHODS)
def test_members_are_read_at_random_as_they_were_written(method: int, tmp_path: Path) -> None:
    true = {f"c{i % 2}/é {i}.jpg": random.Random(i).randbytes(i * 500) for i in range(5)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.mkdir("folder")
        for name, data in true.items():
            archive.writestr(name, data)
    found, damage = listed(tmp_path / "a.zip")
    assert damage is None
    assert [(entry.name, entry.size) for entry in found] == [(name, len(data)) for name, data in true.items()]
    assert read(tmp_path / "a.zip") == true


def test_a_streamed_zip64_is_read(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        """What cannot be sought in: the writer then puts the sizes after the data."""

        def tell(self) -> int:
            raise AttributeError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b"):
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(name.encode() * 1000)
    assert read(put(tmp_path, pipe.getvalue())) == {"a": b"a" * 1000, "b": b"b" * 1000}


def test_links_and_encrypted_members_are_never_read(forge: Forge, tmp_path: Path) -> None:
    modes = {b"link": 0o120777, b"pipe": 0o010644, b"device": 0o060644}
    members = [{"name": name, "data": b"/etc/passwd", "mode": mode} for name, mode in modes.items()]
    file = put(tmp_path, forge(*members, {"name": b"secret", "data": b"x" * 20, "flags": 1}))
    assert [entry.reason for entry in listed(file)[0]] == ["unsafe_member"] * 4
    assert {reason(found) for found in read(file).values()} == {"unsafe_member"}


@pytest.mark.parametrize(
    ("raw", "flags", "name"),
    [
        (b"caf\x82.jpg", 0, "café.jpg"),
        ("café.jpg".encode(), 0x800, "café.jpg"),
        (b"caf\xe9.jpg", 0x800, "caf\\xe9.jpg"),
        (b"\xed\xa0\x80.jpg", 0x800, "\\xed\\xa0\\x80.jpg"),
        (b"../../evil\\x.jpg", 0x800, "../../evil\\x.jpg"),
        (b"/etc/a.jpg\0.png", 0x800, "/etc/a.jpg"),
    ],
)
def test_names_become_text_and_are_found_again(raw: bytes, flags: int, name: str, forge: Forge, tmp_path: Path) -> None:
    file = put(tmp_path, forge({"name": raw, "flags": flags, "data": b"bytes"}))
    assert read(file) == {name: b"bytes"}
    assert [item.name for item in tmp_path.rglob("*")] == ["a.zip"]


def test_a_ratio_of_a_thousand_to_one_is_a_bomb_unread(forge: Forge, tmp_path: Path) -> None:
    zeros = bytes(2_000_000)
    packed = zlib.compress(zeros, wbits=-15)
    file = put(tmp_path, forge({"name": b"a", "data": zeros, "packed": packed, "method": 8}, {"name": b"b"}))
    assert [entry.reason for entry in listed(file)[0]] == ["bomb", ""]
    found = read(file)
    assert (reason(found["a"]), found["b"]) == ("bomb", b"")
    patient = Access(max_bytes=3_000_000, max_ratio=10_000)
    assert read(file, patient)["a"] == zeros


def lzma_packed(data: bytes) -> bytes:
    """As a zip has it: the header without the size, which zipfile leaves out too."""
    packed = lzma.compress(data, lzma.FORMAT_ALONE)
    return struct.pack("<2BH", 9, 4, 5) + packed[:5] + packed[13:]


@pytest.mark.parametrize(
    ("method", "packer"),
    [(8, lambda data: zlib.compress(data, wbits=-15)), (12, bz2.compress), (14, lzma_packed)],
)
def test_a_bomb_that_lies_about_its_size_unpacks_to_no_more_than_it_says(
    method: int, packer: Callable[[bytes], bytes], forge: Forge, tmp_path: Path
) -> None:
    packed = packer(bytes(100_000_000))
    file = put(tmp_path, forge({"name": b"a", "packed": packed, "method": method, "size": 1000}))
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000)); import sys, pathlib\n"
        "from nightsort.sources import zips; from nightsort.sources.files import Access\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "[entry] = zips.entries(pathlib.Path(sys.argv[1]), Access())\n"
        "[(_, found)] = zips.contents(pathlib.Path(sys.argv[1]), [('a', entry.offset)], Access())\n"
        "print(found.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True)
    why, grown = done.stdout.split()
    assert why == "bad_archive"
    assert int(grown) < 40_000  # kB


@pytest.mark.parametrize("size", [0, 4, 6, 2**31])
def test_sizes_that_lie_are_damage_and_the_others_are_read(size: int, forge: Forge, tmp_path: Path) -> None:
    good = {"name": b"z", "data": b"fine"}
    packed = zlib.compress(b"bytes", wbits=-15)
    liar = {"name": b"a", "data": b"bytes", "packed": packed, "method": 8, "size": size, "crc": zlib.crc32(b"byte")}
    found = read(put(tmp_path, forge(liar, good)))
    assert reason(found["a"]) == ("bomb" if size > 1000 else "bad_archive")
    assert found["z"] == b"fine"


def test_members_over_the_cap_are_too_large_unread(forge: Forge, tmp_path: Path) -> None:
    file = put(tmp_path, forge({"name": b"exact", "data": bytes(50)}, {"name": b"over", "data": bytes(51)}))
    found = read(file, Access(max_bytes=50))
    assert (found["exact"], reason(found["over"])) == (bytes(50), "too_large")


def test_members_that_share_their_bytes_are_bombs_but_the_first(forge: Forge, tmp_path: Path) -> None:
    shared = [{"name": b"a", "data": b"x" * 90}] + [{"name": b"a", "data": b"x" * 90, "start": 0}] * 5
    found, damage = listed(put(tmp_path, forge(*shared, {"name": b"z", "data": b"last"})))
    assert damage is None
    assert [entry.reason for entry in found] == ["", *["bomb"] * 5, ""]


def test_a_member_that_quotes_the_next_ones_header_makes_that_one_a_bomb(forge: Forge, tmp_path: Path) -> None:
    inner = forge({"name": b"b", "data": b"y" * 40})[: 30 + 1 + 40]
    outer = {"name": b"a", "data": inner}
    file = put(tmp_path, forge(outer, {"name": b"b", "data": b"y" * 40, "start": 31}))
    assert [(entry.name, entry.reason) for entry in listed(file)[0]] == [("a", ""), ("b", "bomb")]


def test_members_in_another_order_than_the_directory_share_nothing(forge: Forge, tmp_path: Path) -> None:
    data = forge(*({"name": name, "data": name * 9} for name in (b"a", b"b", b"c")))
    at = data.index(b"PK\1\2")
    entry = (data.index(b"PK\5\6") - at) // 3
    turned = b"".join(data[at + k * entry : at + (k + 1) * entry] for k in (2, 0, 1))
    file = put(tmp_path, data[:at] + turned + data[at + 3 * entry :])
    assert [(item.name, item.reason) for item in listed(file)[0]] == [("c", ""), ("a", ""), ("b", "")]
    assert read(file) == {name: name.encode() * 9 for name in "abc"}


def test_a_header_that_asks_for_gigabytes_of_dictionary_is_damage(forge: Forge, tmp_path: Path) -> None:
    packed = bytearray(lzma_packed(b"bytes"))
    packed[5:9] = struct.pack("<L", 2**32 - 1)
    file = put(tmp_path, forge({"name": b"a", "data": b"bytes", "packed": bytes(packed), "method": 14}))
    assert reason(read(file)["a"]) == "bad_archive"


@pytest.mark.parametrize("method", [9, 93, 99])
def test_an_unknown_compression_is_one_bad_member(method: int, forge: Forge, tmp_path: Path) -> None:
    found = read(put(tmp_path, forge({"name": b"a", "data": b"1", "method": method}, {"name": b"b", "data": b"2"})))
    assert (reason(found["a"]), found["b"]) == ("bad_archive", b"2")


def test_an_archive_that_changed_since_it_was_listed_gives_no_other_members_bytes(forge: Forge, tmp_path: Path) -> None:
    members = [{"name": b"a", "data": b"1"}, {"name": b"b", "data": b"2"}]
    file = put(tmp_path, forge(*members))
    wanted = [(entry.name, entry.offset) for entry in listed(file)[0]]
    put(tmp_path, forge(*members[::-1]))
    assert [reason(found) for _, found in contents(file, [*wanted, ("c", 10**9)], ACCESS)] == ["unreadable"] * 3


def sample() -> dict[str, bytes]:
    """Members of which one can tell which is which."""
    return {f"c/{i}é.jpg": bytes(range(i, i + 40)) * 2 for i in range(4)}


def sample_zip(folder: Path, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The sample, packed."""
    with zipfile.ZipFile(folder / "a.zip", "w", method) as archive:
        for name, data in sample().items():
            archive.writestr(name, data)
    return (folder / "a.zip").read_bytes()


def test_a_zip_cut_anywhere_yields_its_readable_prefix_and_says_that_it_is_cut(tmp_path: Path) -> None:
    whole = sample_zip(tmp_path)
    starts = [at for at in range(len(whole)) if whole[at : at + 4] == b"PK\3\4"] + [whole.index(b"PK\1\2")]
    for cut in range(len(whole)):
        file = put(tmp_path, whole[:cut])
        damage = listed(file)[1]
        assert damage is not None
        assert list(read(file).items())[::-1] == list(sample().items())[: sum(cut >= end for end in starts[1:])]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_flipped_bytes_are_found_out_and_every_member_is_accounted_for(method: int, tmp_path: Path) -> None:
    whole = sample_zip(tmp_path, method)
    dice = random.Random(0)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        found, damage = listed(put(tmp_path, bytes(data)))
        assert len(found) == 4 or damage is not None
        for got in read(tmp_path / "a.zip").values():
            assert got in sample().values() if isinstance(got, bytes) else reason(got)
