"""Members are read in place under names of their own, bounded, and no damage is silent."""

import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightsort.errors import PictureError
from nightsort.schema import REASONS
from nightsort.sources.archive import DAMAGE, contents, is_archive, members

KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"]
CAP = 10_000


def names(file: Path) -> list[str]:
    with file.open("rb") as source:
        return [member.name for member in members(source, file.name)]


def read(file: Path, wanted: set[str] | None = None, cap: int = CAP) -> dict[str, bytes | PictureError]:
    with file.open("rb") as source:
        return dict(contents(source, file.name, set(names(file)) if wanted is None else wanted, cap))


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_listed_in_order_and_read_as_written(kind: str, tmp_path: Path, pack: Callable[..., Path]) -> None:
    entries = [(f"c{i % 2}/picture {i} é.jpg", bytes([i]) * (i * 700)) for i in range(6)]
    file = pack(tmp_path / kind, entries)
    assert names(file) == [name for name, _ in entries]
    assert read(file) == dict(entries)


@pytest.mark.parametrize("name", [*KINDS, "B.ZIP", "b.tgz", "b.tbz2", "b.txz", "B.Tar.Gz"])
def test_archives_are_known_by_name(name: str) -> None:
    assert is_archive(f"/some/where/{name}") and not is_archive(f"/some/{name}/picture.jpg")


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_wanted_is_read(kind: str, tmp_path: Path, pack: Callable[..., Path]) -> None:
    file = pack(tmp_path / kind, [("a", b"1"), ("b", b"2"), ("c", b"3")])
    assert read(file, {"b", "nowhere"}) == {"b": b"2"}


@pytest.mark.parametrize("kind", KINDS)
def test_equal_names_are_told_apart_with_their_own_bytes(kind: str, tmp_path: Path, pack: Callable[..., Path]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the duplicates that are the point here
        file = pack(tmp_path / kind, [("a", b"1"), ("a", b"2"), ("a#2", b"3"), ("a", b"4")])
    assert list(read(file).values()) == [b"1", b"2", b"3", b"4"]
    assert names(file)[0] == "a"


@given(st.lists(st.sampled_from(["", "a", "a#2", "a#3", "#2", "b"]), max_size=8))
@example(["a", "a", "a#2"])
def test_every_member_has_a_name_of_its_own_and_it_is_stable(given_names: list[str]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for i, name in enumerate(given_names):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(bytes([i])))
    listed = [member.name for member in members(io.BytesIO(buffer.getvalue()), "a.tar")]
    assert len(set(listed)) == len(given_names) and all(listed)
    found = dict(contents(io.BytesIO(buffer.getvalue()), "a.tar", set(listed), CAP))
    assert [found[name] for name in listed] == [bytes([i]) for i in range(len(given_names))]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_never_read(kind: bytes, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("c/passwd.jpg")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    found = read(tmp_path / "a.tar")["c/passwd.jpg"]
    assert isinstance(found, PictureError) and found.reason == "unsafe_member"


def test_links_in_a_zip_are_never_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("c/link.jpg")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    found = read(tmp_path / "a.zip")["c/link.jpg"]
    assert isinstance(found, PictureError) and found.reason == "unsafe_member"


def with_flag(data: bytes, flag: int) -> bytes:
    """A zip of one member whose general purpose flag says something else, in both of its headers."""
    changed = bytearray(data)
    central = data.index(b"PK\x01\x02")
    changed[6:8] = changed[central + 8 : central + 10] = struct.pack("<H", flag)
    return bytes(changed)


def test_an_encrypted_zip_member_is_named_and_not_read(tmp_path: Path, pack: Callable[..., Path]) -> None:
    file = pack(tmp_path / "a.zip", [("c/secret.jpg", b"x" * 100)])
    file.write_bytes(with_flag(file.read_bytes(), 0x1))
    found = read(file)["c/secret.jpg"]
    assert isinstance(found, PictureError) and (found.reason, found.detail) == ("unsafe_member", "encrypted")


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_lead_elsewhere_are_only_names(kind: str, tmp_path: Path, pack: Callable[..., Path]) -> None:
    evil = ["../../evil.jpg", "/abs/evil.jpg", "c/../../../evil.jpg", "C:\\evil.jpg"]
    inner = tmp_path / "in" / "here"
    file = pack(inner / kind, [(name, b"evil") for name in evil])
    before = sorted(tmp_path.rglob("*"))
    assert read(file) == dict.fromkeys(evil, b"evil")
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/abs/evil.jpg").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_over_the_cap_is_too_large_and_the_others_are_read(
    kind: str, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    file = pack(tmp_path / kind, [("a", b"1"), ("bomb", bytes(CAP * 50)), ("exact", bytes(CAP)), ("z", b"2")])
    found = read(file)
    assert isinstance(found["bomb"], PictureError) and found["bomb"].reason == "too_large"
    assert (found["a"], found["exact"], found["z"]) == (b"1", bytes(CAP), b"2")


@pytest.mark.parametrize(("declared", "true"), [(5, 1000), (CAP // 2, CAP * 50)])
def test_a_zip_member_that_declares_too_few_bytes_gives_none(
    declared: int, true: int, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    file = pack(tmp_path / "a.zip", [("a", b"honest"), ("liar", bytes(true)), ("z", b"honest")])
    data = bytearray(file.read_bytes())
    local = data.index(b"PK\x03\x04", 10)
    central = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[local + 22 : local + 26] = data[central + 24 : central + 28] = struct.pack("<I", declared)
    file.write_bytes(data)
    found = read(file)
    assert isinstance(found["liar"], PictureError) and found["liar"].reason == "bad_archive"
    assert found["a"] == found["z"] == b"honest"


def test_a_zip_member_with_flipped_bytes_is_one_bad_member(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a", b"fine")
        archive.writestr("b", b"DAMAGED")
    data = (tmp_path / "a.zip").read_bytes().replace(b"DAMAGED", b"DAMAGER", 1)
    (tmp_path / "a.zip").write_bytes(data)
    found = read(tmp_path / "a.zip")
    assert found["a"] == b"fine"
    assert isinstance(found["b"], PictureError) and found["b"].reason == "bad_archive"


ENTRIES = [(f"c/{i}.jpg", bytes([i]) * 900) for i in range(6)]  # in a tar 512 + 1024 bytes each


@pytest.mark.parametrize("cut", range(1, 6 * 1536 + 1, 256))
def test_a_tar_cut_anywhere_yields_its_readable_prefix_and_says_that_it_is_cut(
    cut: int, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    file = pack(tmp_path / "a.tar", ENTRIES)
    file.write_bytes(file.read_bytes()[:cut])
    found = {}
    with pytest.raises(DAMAGE), file.open("rb") as source:
        list(members(source, "a.tar"))
    with pytest.raises(DAMAGE), file.open("rb") as source:
        for name, data in contents(source, "a.tar", {name for name, _ in ENTRIES}, CAP):
            found[name] = data  # noqa: PERF403 (a comprehension would lose what came before the cut)
    whole = sum(cut >= i * 1536 + 512 + 900 for i in range(6))
    assert [found[name] for name, _ in ENTRIES[:whole]] == [data for _, data in ENTRIES[:whole]]
    assert not any(isinstance(found.get(name), bytes) for name, _ in ENTRIES[whole:])


def test_a_header_destroyed_in_the_middle_of_a_tar_is_not_taken_for_its_end(
    tmp_path: Path, pack: Callable[..., Path]
) -> None:
    file = pack(tmp_path / "a.tar", ENTRIES)
    data = bytearray(file.read_bytes())
    data[3 * 1536 : 3 * 1536 + 512] = b"\xaa" * 512
    file.write_bytes(data)
    with pytest.raises(tarfile.ReadError, match="at byte 4608, where a member or the end should be"):
        names(file)


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_without_members_is_not_damaged(kind: str, tmp_path: Path, pack: Callable[..., Path]) -> None:
    assert names(pack(tmp_path / kind, [])) == []


def sample(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "a.zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(3):
                archive.writestr(f"c/{i}é.jpg", bytes(range(40)) * 2)
    else:
        with tarfile.open(fileobj=buffer, mode="w:" + kind.partition(".tar")[2].removeprefix("."), bufsize=512) as tar:
            for i in range(3):
                info = tarfile.TarInfo("long/" * 30 + f"{i}é.jpg")  # long enough for a header of its own
                info.size = 80
                tar.addfile(info, io.BytesIO(bytes(range(40)) * 2))
    return buffer.getvalue()


SAMPLES = {kind: sample(kind) for kind in KINDS}


@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(0, 2**14), st.integers(0, 255)), max_size=6),
    st.none() | st.integers(0, 2**14),
)
def test_damage_of_any_kind_is_one_of_damage_or_one_bad_member(
    kind: str, edits: list[tuple[int, int]], cut: int | None
) -> None:
    data = bytearray(SAMPLES[kind])
    for place, value in edits:
        data[place % len(data)] = value
    data = data[: None if cut is None else cut % len(data)]
    listed: list[str] = []
    try:
        for member in members(io.BytesIO(data), kind):
            listed.append(member.name)  # noqa: PERF401 (a comprehension would lose what came before the damage)
        for _, found in contents(io.BytesIO(data), kind, set(listed), CAP):
            assert isinstance(found, bytes) or found.reason in REASONS
    except DAMAGE:
        pass
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("version", [99, 255])
def test_a_zip_of_a_future_version_is_damage_and_not_a_crash(version: int) -> None:
    data = bytearray(SAMPLES["a.zip"])
    data[data.index(b"PK\x01\x02") + 6] = version
    with pytest.raises(DAMAGE):
        list(members(io.BytesIO(data), "a.zip"))


def test_a_zip_member_without_a_name_is_listed_under_one(tmp_path: Path) -> None:
    data = bytearray(SAMPLES["a.zip"])
    central = data.index(b"PK\x01\x02")
    data[central + 46] = 0  # zipfile ends a name at its first NUL
    listed = [member.name for member in members(io.BytesIO(data), "a.zip")]
    assert len(set(listed)) == 3 and all(listed)
