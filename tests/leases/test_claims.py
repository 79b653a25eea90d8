"""Whose note counts, when a note can be followed, and what a note that makes no sense is worth."""

import fcntl
import os
from datetime import timedelta
from pathlib import Path

import pytest

from nightsort import disk
from nightsort.errors import BusyError, StorageError
from nightsort.leases import claims
from nightsort.leases.claims import Note, Shelf, claim
from nightsort.leases.notes_on_disk import NotesOnDisk

EXPIRY = 60.0
LONG_AGO = 1_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the notes are."""
    folder = tmp_path / "leases" / "dataset"
    folder.mkdir(parents=True)
    return folder


def left(**fields: object) -> Note:
    """A note as somebody left it."""
    return Note.own().model_copy(update=fields)


def write(folder: Path, number: int, note: Note, expiry: float = EXPIRY) -> None:
    (folder / f"{number}.json").write_bytes(note.renew(expiry))


def claimed(folder: Path) -> tuple[int, Note]:
    """Number and note of a claim whose holder dies at once."""
    made = claim(NotesOnDisk(folder), "dataset", EXPIRY)
    made.own.end(released=False)
    return made.number, made.note


def is_busy(folder: Path, who: str) -> bool:
    with pytest.raises(BusyError, match=who):
        claim(NotesOnDisk(folder), "dataset", EXPIRY)
    return True


def test_the_dead_are_followed_at_once_even_if_their_process_number_lives_again(folder: Path) -> None:
    write(folder, 7, left(series="one", pid=os.getpid()))
    number, note = claimed(folder)
    assert (number, note.series, note.unfenced) == (8, "one", False)
    assert [path.name for path in folder.iterdir()] == ["8.json"]


def test_a_holder_on_another_machine_is_followed_once_it_has_expired(folder: Path) -> None:
    write(folder, 7, left(machine="elsewhere", host="shelf", pid=12))
    assert is_busy(folder, "process 12 on shelf")
    write(folder, 7, left(machine="elsewhere"), expiry=-1.0)
    number, note = claimed(folder)
    assert (number, note.unfenced) == (8, True)  # it may be alive


def test_a_clock_that_is_far_ahead_locks_nobody_out(folder: Path) -> None:
    note = left(machine="elsewhere")
    note.renew(EXPIRY)
    ahead = {"heartbeat": note.heartbeat + timedelta(days=400), "expires": note.expires + timedelta(days=400)}
    (folder / "7.json").write_text(note.model_copy(update=ahead).model_dump_json())
    assert claimed(folder)[0] == 8


def test_who_released_it_is_followed_at_once_wherever_it_was(folder: Path) -> None:
    write(folder, 7, left(machine="elsewhere", series="one", released=True))
    number, note = claimed(folder)
    assert (number, note.series, note.unfenced) == (8, "one", False)


def test_that_somebody_is_not_shut_out_yet_is_handed_on(folder: Path) -> None:
    for released in (True, False):
        write(folder, 7, left(unfenced=True, released=released))
        assert claimed(folder)[1].unfenced
        (folder / "8.json").unlink()


@pytest.mark.parametrize("damaged", [b"", b"{", b"{}", b'{"since": "2026-11-21T10:00:00"}', b"\xff"])
def test_a_damaged_note_counts_as_long_as_its_holder_is_heard_of(damaged: bytes, folder: Path) -> None:
    path = folder / "7.json"
    path.write_bytes(damaged)
    with path.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert is_busy(folder, "another process is running")
        os.utime(path, (LONG_AGO, LONG_AGO))
        assert claimed(folder)[0] == 8
    path.write_bytes(damaged)
    (folder / "8.json").unlink()
    assert claimed(folder)[0] == 8  # nobody holds it


def test_what_is_no_note_is_left_alone_and_what_was_cut_off_is_cleared_away(folder: Path) -> None:
    for name in ("notes.txt", "backup.json", ".claim-left", "3.json"):
        (folder / name).touch()
    assert claimed(folder)[0] == 4
    assert sorted(path.name for path in folder.iterdir()) == ["4.json", "backup.json", "notes.txt"]


def test_a_number_that_no_lease_comes_to_is_said_to_be_none(folder: Path) -> None:
    (folder / f"{2**40}.json").touch()
    with pytest.raises(StorageError, match=f"{2**40}.json: no lease was ever held so often; delete this file"):
        claimed(folder)


def test_a_number_that_was_free_because_others_came_and_went_is_given_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, 7, left(series="one", released=True))
    look, looks = claims.newest, []

    def late(shelf: Shelf) -> int | None:
        looks.append(shelf)
        return None if len(looks) == 1 else look(shelf)

    monkeypatch.setattr(claims, "newest", late)
    number, note = claimed(folder)
    assert (number, note.series) == (8, "one")
    assert [path.name for path in folder.iterdir()] == ["8.json"]


def test_a_number_that_another_takes_meanwhile_is_not_taken_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, taken = os.link, []

    def faster(draft: str, path: Path) -> None:
        if not taken:
            taken.append(path)
            write(folder, 1, left(machine="elsewhere", host="shelf"))
        link(draft, path)

    monkeypatch.setattr(os, "link", faster)
    assert is_busy(folder, "on shelf")
    assert [path.name for path in folder.iterdir()] == ["1.json"]


def test_a_note_is_on_the_disk_before_anything_is_done_under_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(disk, "sync", lambda place: done.append(place.name))
    claimed(folder)
    assert done == ["1.json", folder.name]


def test_a_laptop_that_slept_is_not_late(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = left()
    note.renew(EXPIRY)
    night = timedelta(hours=8)
    slept = note.model_copy(update={"heartbeat": note.heartbeat - night, "expires": note.expires - night})
    assert not slept.has_expired()  # the clock that goes on only while the machine runs decides
    monkeypatch.setattr(claims, "machine", lambda: "elsewhere")
    assert slept.has_expired()
