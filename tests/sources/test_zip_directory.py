"""The directory of a zip is found wherever it lies, and nowhere else."""

import io
import struct
import zipfile
from collections.abc import Callable

import pytest

from nightsort.sources.zip_directory import central, directory, local

Forge = Callable[..., bytes]
MEMBERS = [{"name": b"a", "data": b"1"}, {"name": b"bb", "data": b"22"}]


def names(data: bytes) -> list[str]:
    """Names in the directory; the local headers must agree."""
    file = io.BytesIO(data)
    found = directory(file)
    assert found is not None
    file.seek(found.start)
    members = []
    while file.tell() < found.end:
        members.append(central(file, found.shift))
    assert len(members) == found.members
    assert [local(file, member.start).name for member in members] == [member.name for member in members]
    return [member.name for member in members]


@pytest.mark.parametrize(
    "around",
    [
        {},
        {"prefix": b"#!/bin/sh\nexit\n" * 99},
        {"comment": b"a comment" * 7000},
        {"comment": b"with an end mark PK\5\6 in it" + bytes(30)},
        {"prefix": b"MZ", "comment": b"both"},
    ],
)
def test_what_lies_around_the_archive_does_not_matter(around: dict[str, bytes], forge: Forge) -> None:
    assert names(forge(*MEMBERS, **around)) == ["a", "bb"]


def test_bytes_after_the_end_do_not_matter(forge: Forge) -> None:
    assert names(forge(*MEMBERS) + bytes(512)) == ["a", "bb"]


def test_the_directory_of_a_member_is_not_that_of_a_cut_archive(forge: Forge) -> None:
    outer = forge({"name": b"photo.jpg", "data": b"x" * 50}, {"name": b"inner.zip", "data": forge(*MEMBERS)})
    cut = outer[: outer.rindex(b"PK\1\2") - 3]
    assert directory(io.BytesIO(cut)) is None


def test_more_members_than_16_bits_can_count_are_in_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)  # the writer's
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in range(70):
            archive.writestr(zipfile.ZipInfo(str(i)), b"")
    assert b"PK\6\6" in buffer.getvalue()
    assert names(buffer.getvalue()) == [str(i) for i in range(70)]


def zip64(**numbers: int) -> bytes:
    """An entry of a directory whose numbers are in its zip64 field, in the order given."""
    field = b"".join(struct.pack("<Q", number) for number in numbers.values())
    extra = struct.pack("<HH", 7, 2) + b"??" + struct.pack("<HH", 1, len(field)) + field
    packed, size, start = (0xFFFFFFFF if name in numbers else 5 for name in ("packed", "size", "start"))
    head = struct.pack("<4s6H3L5H2L", b"PK\1\2", 0, 45, 0, 0, 0, 0, 0, packed, size, 1, len(extra), 0, 0, 0, 0, start)
    return head + b"a" + extra


def test_sizes_and_places_beyond_4_gb_are_read() -> None:
    far = central(io.BytesIO(zip64(size=5 * 2**30, packed=6 * 2**30, start=7 * 2**30)), 3)
    assert (far.size, far.packed, far.start) == (5 * 2**30, 6 * 2**30, 7 * 2**30 + 3)
    some = central(io.BytesIO(zip64(start=7 * 2**30)), 0)
    assert (some.size, some.packed, some.start) == (5, 5, 7 * 2**30)


def test_a_missing_zip64_field_is_damage(forge: Forge) -> None:
    with pytest.raises(zipfile.BadZipFile, match="zip64 field, which is missing"):
        central(io.BytesIO(zip64(size=1).replace(struct.pack("<HH", 1, 8), struct.pack("<HH", 9, 8))), 0)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6", b"PK\5\6" * 5000, bytes(70_000), b"PK\5\6" + b"\xff" * 18])
def test_what_is_no_zip_has_no_directory(data: bytes) -> None:
    assert directory(io.BytesIO(data)) is None
