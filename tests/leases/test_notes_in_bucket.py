"""The lease of a root in an object store: several machines, lost answers, clocks that are wrong, holders that die."""

import signal
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nightsort.errors import BusyError, LeaseLostError, WriteError
from nightsort.leases import claims, lease
from nightsort.leases.claims import Note, claim
from nightsort.leases.notes_in_bucket import NotesInBucket
from nightsort.storage import Storage
from tests.holding import another_process
from tests.leases.test_lease import Fence
from tests.object_store import FaultProxy, ObjectStore

EXPIRY = 60.0


@pytest.fixture
def root(object_store: ObjectStore) -> Storage:
    """A storage root in a bucket."""
    return Storage(f"s3://{object_store.bucket}/root")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called, this is another machine: nothing of the first's locks or clocks is seen."""

    def move() -> None:
        monkeypatch.setattr("nightsort.leases.notes_in_bucket.machine", lambda: "another")

    return move


def names(root: Storage) -> list[str]:
    return root.names("leases/dataset")


def is_busy(root: Storage) -> str:
    with pytest.raises(BusyError) as caught, lease.hold(root, "dataset"):
        pytest.fail("two holders")
    return str(caught.value)


def locks() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob("nightsort-lease-*"))


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the locks of this test lie, its other processes included."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_two_processes_one_holds_it_and_its_death_is_seen_at_once(root: Storage) -> None:
    with another_process(root, "dataset") as holder:
        assert is_busy(root).startswith(f"dataset on {root.root}: process {holder.pid} on ")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with lease.hold(root, "dataset") as held:
            assert held.token == 2 and held.dead and held.dead.pid == holder.pid
            held.fence(fence := Fence())
            assert fence.tickets == [], "the dead commit nothing"
            assert len(locks()) == 1, "that of the dead is cleared away"
    assert names(root) == ["2.json"] and locks() == []


def test_a_container_with_its_own_temporary_folder_waits_for_the_expiry(
    root: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lease.hold(root, "dataset"):
        (tmp_path / "other").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "other"))
        assert "this run is skipped" in is_busy(root)


def test_another_machine_goes_by_the_clock_of_the_store(root: Storage, elsewhere: Callable[[], None]) -> None:
    note = Note.own()
    note.renew(EXPIRY)
    wrong = {"heartbeat": note.heartbeat - timedelta(days=400), "expires": note.expires - timedelta(days=400)}
    root.write_bytes("leases/dataset/7.json", note.model_copy(update=wrong).model_dump_json().encode())
    elsewhere()
    assert "has been running since" in is_busy(root), "its clock is a year behind, and it lives"
    assert names(root) == ["7.json"]


def test_who_was_not_heard_of_is_taken_over_and_told_so(
    root: Storage, elsewhere: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPIRY", -1.0)
    with lease.hold(root, "dataset") as former:
        before = former.ticket()
        elsewhere()
        monkeypatch.setattr(lease, "EXPIRY", EXPIRY)
        with lease.hold(root, "dataset") as present:
            with pytest.raises(LeaseLostError, match="and took over"):
                former.check()
            former._write()  # was under way when it was taken over: it harms nobody
            present.check()
            after = present.ticket()
            assert after.app == before.app and after.version > before.version
            present.fence(fence := Fence())
            assert len(fence.tickets) == 1
    with lease.hold(root, "dataset") as held:
        assert held.token == 3 and held.dead is None
    assert names(root) == ["3.json"]


def test_a_note_whose_answer_was_lost_is_ones_own(root: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    put = root._fs.pipe_file

    def deaf(place: str, data: bytes, mode: str = "overwrite", **options: Any) -> None:
        put(place, data, mode=mode, **options)
        if mode == "create":
            put(place, data, mode=mode, **options)  # as a client that got no answer asks again

    monkeypatch.setattr(root._fs, "pipe_file", deaf)
    with lease.hold(root, "dataset") as held:
        assert held.token == 1
        assert "this run is skipped" in is_busy(root)
    assert names(root) == ["1.json"]


def test_a_note_that_was_written_by_another_is_not_ones_own(root: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, looks = NotesInBucket(root, "dataset"), list[NotesInBucket]()
    look = claims.newest
    root.write_bytes("leases/dataset/1.json", Note.own().renew(EXPIRY))

    def late(shelf: NotesInBucket) -> int | None:
        looks.append(shelf)
        return None if len(looks) == 1 else look(shelf)

    monkeypatch.setattr(claims, "newest", late)
    with pytest.raises(BusyError):
        claim(shelf, "dataset", EXPIRY)
    assert names(root) == ["1.json"] and locks() == []


def test_a_damaged_note_counts_until_the_store_has_it_for_long_enough(root: Storage) -> None:
    root.write_bytes("leases/dataset/3.json", b"{")
    with pytest.raises(BusyError, match="another process is running"):
        claim(NotesInBucket(root, "dataset"), "dataset", EXPIRY)
    made = claim(NotesInBucket(root, "dataset"), "dataset", -1.0)
    made.own.end(released=False)
    assert (made.number, made.note.unfenced) == (4, True) and names(root) == ["4.json"]


def test_a_heartbeat_that_fails_is_tried_again(
    object_store: ObjectStore, rude: Callable[..., FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
    monkeypatch.setattr(lease, "HEARTBEAT", 0.01)
    proxy = rude(object_store.endpoint, busy=0.0)
    failed, heard = threading.Event(), threading.Event()
    check = lease.Lease.check

    def observed(self: lease.Lease) -> None:
        try:
            check(self)
        except WriteError:
            failed.set()
            raise
        if failed.is_set():
            heard.set()

    monkeypatch.setattr(lease.Lease, "check", observed)
    with lease.hold(Storage(f"s3://{object_store.bucket}/root"), "dataset") as held:
        proxy.busy = 1.0
        assert failed.wait(300), "no heartbeat failed"
        with pytest.raises(WriteError, match="s3://"):
            held.check()
        proxy.busy = 0.0
        assert heard.wait(300), "no heartbeat came through afterwards"


def test_a_release_that_fails_is_seen_on_this_machine_all_the_same(
    root: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch, lease.hold(root, "dataset"):

        def full(self: Storage, *_: object, **__: object) -> None:
            raise WriteError("no room")

        patch.setattr(Storage, "write_bytes", full)
    with lease.hold(root, "dataset") as held:
        assert held.token == 2 and held.dead
    assert locks() == []


def test_notes_that_were_removed_take_the_lease_along(root: Storage) -> None:
    with lease.hold(root, "dataset") as held:
        root.remove("leases")
        with pytest.raises(LeaseLostError, match="moved or removed"):
            held.ticket()
