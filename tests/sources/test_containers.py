"""A container is listed in bounded memory and read by anybody, and what is wrong with it is said."""

import random
import struct
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nightsort.errors import PictureError
from nightsort.sources import names, unpacking
from nightsort.sources.containers import Entry, contents, entries, is_container
from nightsort.sources.files import Access
from tests.sources.salvage import salvaged

KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar.zst"]
Pack = Callable[..., Path]


@pytest.fixture
def access(tmp_path_factory: pytest.TempPathFactory) -> Access:
    """Access with a scratch folder of its own."""
    return Access(scratch=str(tmp_path_factory.mktemp("scratch")), max_bytes=10_000)


def listed(file: Path, access: Access) -> tuple[list[Entry], Exception | None]:
    """What could be listed, and the damage after it."""
    return salvaged(entries(str(file), access))


def read(file: Path, access: Access) -> dict[str, bytes | PictureError]:
    """The contents of all that is listed."""
    return dict(contents(str(file), [(entry.name, entry.offset) for entry in listed(file, access)[0]], access))


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_listed_in_order_and_read_as_written(kind: str, tmp_path: Path, pack: Pack, access: Access) -> None:
    true = [(f"c{i % 2}/picture {i} é.jpg", bytes([i]) * (i * 700)) for i in range(6)]
    file = pack(tmp_path / kind, true)
    found, damage = listed(file, access)
    assert damage is None
    assert [entry.name for entry in found] == [name for name, _ in true]
    assert read(file, access) == dict(true)


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_without_members_is_not_damaged(kind: str, tmp_path: Path, pack: Pack, access: Access) -> None:
    assert listed(pack(tmp_path / kind, []), access) == ([], None)


@pytest.mark.parametrize("name", [*KINDS, "B.ZIP", "b.tgz", "b.tbz2", "b.txz", "b.tzst", "B.Tar.Gz", "c.mp4"])
def test_containers_are_known_by_name(name: str) -> None:
    assert is_container(f"/some/where/{name}") and is_container(f"s3://bucket/{name}")
    assert not is_container(f"/some/{name}/picture.jpg")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", KINDS)
def test_names_that_are_there_twice_are_told_apart_with_their_own_bytes(
    kind: str, tmp_path: Path, pack: Pack, access: Access
) -> None:
    file = pack(tmp_path / kind, [("a", b"1"), ("a", b"2"), ("a#2", b"3"), ("A", b"4"), ("b", b"5")])
    assert list(read(file, access).values()) == [b"1", b"2", b"3", b"4", b"5"]


@pytest.mark.parametrize("kind", KINDS)
def test_archives_inside_are_not_opened(kind: str, tmp_path: Path, pack: Pack, access: Access) -> None:
    inner = pack(tmp_path / "inner.zip", [("a.jpg", b"1")]).read_bytes()
    file = pack(tmp_path / "out" / kind, [("x/inner.ZIP", inner), ("b.tar.gz", b"2"), ("c.jpg", b"3")])
    assert [entry.reason for entry in listed(file, access)[0]] == ["nested_archive", "nested_archive", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_lead_elsewhere_are_only_names(kind: str, tmp_path: Path, pack: Pack, access: Access) -> None:
    evil = ["../../evil.jpg", "/abs/evil.jpg", "c/../../../evil.jpg", "C:\\evil.jpg", "~/evil.jpg"]
    file = pack(tmp_path / "in" / "here" / kind, [(name, b"evil") for name in evil])
    before = sorted(tmp_path.rglob("*"))
    assert read(file, access) == dict.fromkeys(evil, b"evil")
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/abs/evil.jpg").exists()
    assert {item.suffix for item in Path(access.scratch).rglob("*")} <= {".tar", ".lock", ""}


@pytest.mark.parametrize("kind", KINDS)
def test_beyond_the_largest_number_of_members_the_rest_is_refused_aloud(
    kind: str, tmp_path: Path, pack: Pack, access: Access
) -> None:
    file = pack(tmp_path / kind, [(f"{i}.jpg", b"1") for i in range(5)])
    found, damage = listed(file, Access(scratch=access.scratch, max_members=3))
    assert ([entry.name for entry in found], str(damage)) == (
        ["0.jpg", "1.jpg", "2.jpg"],
        "more than 3 members; raise max_members to take the rest",
    )
    assert listed(file, Access(scratch=access.scratch, max_members=5))[1] is None


@pytest.mark.parametrize("kind", KINDS[2:])
def test_a_compressed_tar_cut_anywhere_yields_a_prefix_and_says_so(
    kind: str, tmp_path: Path, pack: Pack, access: Access
) -> None:
    dice = random.Random(0)
    true = [(f"{i}.jpg", dice.randbytes(5000)) for i in range(60)]  # more than zstd packs at once
    whole = pack(tmp_path / kind, true).read_bytes()
    counts = []
    for cut in [0, 1, *range(1000, len(whole), 40_000), len(whole) - 9, len(whole) - 1]:
        file = tmp_path / f"{cut}{kind}"
        file.write_bytes(whole[:cut])
        assert listed(file, access)[1] is not None
        found = read(file, access)
        assert list(found.items()) == true[: len(found)]
        counts.append(len(found))
    assert counts == sorted(counts) and counts[-1] > 0 == counts[0]


@pytest.mark.parametrize("kind", KINDS)
def test_damage_of_any_kind_is_one_of_damage_or_bad_members(
    kind: str, tmp_path: Path, pack: Pack, access: Access
) -> None:
    dice = random.Random(1)
    whole = pack(tmp_path / kind, [(f"c/{i}.jpg", bytes(range(i, 80 + i))) for i in range(3)]).read_bytes()
    for turn in range(60):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        file = tmp_path / f"{turn}{kind}"
        file.write_bytes(data)
        found, damage = listed(file, access)
        assert len(found) == 3 or damage is not None
        assert len({entry.name for entry in found}) == len(found) == len(read(file, access))


def test_what_unpacks_to_far_more_than_it_holds_is_refused_as_a_whole(
    tmp_path: Path, pack: Pack, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_HARMLESS_BYTES", 100_000)
    found, damage = listed(pack(tmp_path / "a.tar.bz2", [("a", bytes(5_000_000))]), access)
    assert found == []
    assert isinstance(damage, PictureError) and damage.reason == "bomb"


def many(count: int, step: int) -> bytes:
    """The directory of a zip, the last of whose members has the name of the first.

    :param step: bytes from one local header to the next; at 0 all members are one
    """
    entries = []
    for i in range(count):
        name = b"long/" * 20 + b"%d.jpg" % (i % (count - 1))
        numbers = (0x314, 20, 0x800, 0, 0, 33, 0, 0, 0, len(name), 0, 0, 0, 0, 0, i * step)
        entries.append(struct.pack("<4s6H3L5H2L", b"PK\1\2", *numbers) + name)
    directory = b"".join(entries)
    return directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[count % 2**16] * 2, len(directory), 0, 0)


@pytest.mark.parametrize("step", [200, 0])
def test_a_great_many_members_are_listed_in_bounded_memory(
    step: int, tmp_path: Path, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_BATCH", 500)
    peaks = []
    for count in (2_000, 20_000):
        file = tmp_path / f"{count}.zip"
        file.write_bytes(many(count, step))
        tracemalloc.start()
        reasons, renamed = Counter[str](), []
        for entry in entries(str(file), access):
            reasons[entry.reason] += 1
            renamed += [entry.name] if "#" in entry.name else []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert renamed == [f"{'long/' * 20}0.jpg#{count}"]
        assert reasons == ({"": count} if step else {"": 1, "bomb": count - 1})
    assert peaks[1] - peaks[0] < 18_000 * (30 if step else 100)  # bytes a member; its name alone takes 150
