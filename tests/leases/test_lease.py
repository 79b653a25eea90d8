"""One holder at a time, said by name; a holder that dies or is taken over does no harm."""

import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from nightsort.datafiles import Ticket
from nightsort.errors import BusyError, LeaseLostError, NightsortError, RunError, UserError
from nightsort.leases import lease
from nightsort.leases.lease import Lease
from nightsort.storage import Storage
from tests.holding import another_process

COMPETITORS = 8


class Fence:
    """Something to fence that only remembers the tickets."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []

    def fence(self, ticket: Ticket) -> None:
        """Keep it in mind."""
        self.tickets.append(ticket)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every holder has expired as soon as it holds, and is not heard of again unless it asks."""
    monkeypatch.setattr(lease, "EXPIRY", -1.0)


def names(storage: Storage, name: str = "dataset") -> list[str]:
    return storage.names(f"leases/{name}")


def refused(held: Lease) -> bool:
    """Whether neither a check nor a ticket is to be had."""
    for ask in (held.check, held.ticket):
        with pytest.raises(LeaseLostError, match="and took over"):
            ask()
    return True


def test_the_second_process_is_told_who_is_first(storage: Storage) -> None:
    with another_process(storage, "dataset") as holder:
        with pytest.raises(BusyError) as caught, lease.hold(storage, "dataset"):
            pytest.fail("two holders")
        message = str(caught.value)
        assert message.startswith(f"dataset on {storage.root}: process {holder.pid} on ")
        assert " has been running since 20" in message and message.endswith("; this run is skipped")
        with lease.hold(storage, "predictions"):
            pass  # another name is another lease


def test_a_holder_that_is_killed_leaves_the_lease_free_at_once(storage: Storage) -> None:
    fence = Fence()
    with another_process(storage, "dataset") as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with lease.hold(storage, "dataset") as held:
            assert held.token == 2
            held.fence(fence)
            with pytest.raises(BusyError, match=f"process {os.getpid()} on"), lease.hold(storage, "dataset"):
                pytest.fail("two holders")
    assert fence.tickets == []  # the dead commit nothing


def test_of_eight_that_start_at_once_one_wins(storage: Storage) -> None:
    context = multiprocessing.get_context("fork")
    start, leave = context.Barrier(COMPETITORS), context.Event()
    told: SimpleQueue[str] = context.SimpleQueue()

    def compete(start: Barrier, leave: Event) -> None:
        start.wait()
        try:
            with lease.hold(storage, "dataset"):
                told.put("won")
                leave.wait()
        except BusyError:
            told.put("busy")

    for beginning in ("nobody was before", "somebody was"):
        processes = [context.Process(target=compete, args=(start, leave)) for _ in range(COMPETITORS)]
        for process in processes:
            process.start()
        answers = [told.get() for _ in processes]
        leave.set()
        for process in processes:
            process.join()
        assert sorted(answers) == [*["busy"] * (COMPETITORS - 1), "won"], beginning
        leave.clear()


def test_who_wakes_up_after_being_taken_over_is_told_so(storage: Storage, forgetful: None) -> None:
    with lease.hold(storage, "dataset") as former:
        before = former.ticket()
        with lease.hold(storage, "dataset") as present:
            assert refused(former)
            after = present.ticket()
            assert (present.token, after.app) == (former.token + 1, before.app) and after.version > before.version
    assert names(storage) == ["2.json"]


def test_the_end_of_a_former_holder_leaves_the_new_one_its_note(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPIRY", -1.0)
    former = lease.hold(storage, "dataset")
    former.__enter__()
    monkeypatch.undo()
    with lease.hold(storage, "dataset") as present:
        note = storage.read_bytes("leases/dataset/2.json")
        former.__exit__(None, None, None)
        assert storage.read_bytes("leases/dataset/2.json") == note and names(storage) == ["2.json"]
        present.check()
        with pytest.raises(BusyError), lease.hold(storage, "dataset"):
            pytest.fail("two holders")


def test_who_was_late_but_not_taken_over_goes_on(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", -1.0)
    with lease.hold(storage, "dataset") as held:
        monkeypatch.undo()
        held.check()
        with pytest.raises(BusyError), lease.hold(storage, "dataset"):
            pytest.fail("two holders")


def test_a_long_holder_is_heard_of_again_and_again(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT", 0.01)
    seen: set[bytes] = set()
    with lease.hold(storage, "dataset"):
        while len(seen) < 5:
            seen.add(storage.read_bytes("leases/dataset/1.json"))
            time.sleep(0.005)
    assert all(note.rstrip().endswith(b"}") and len(note) == 1024 for note in seen)


def test_tickets_and_tokens_only_grow(storage: Storage) -> None:
    tickets = []
    for _ in range(3):
        with lease.hold(storage, "dataset") as held:
            tickets += [held.ticket() for _ in range(3)]
        assert names(storage) == [f"{held.token}.json"]
    versions = [ticket.version for ticket in tickets]
    assert versions == sorted(set(versions)) and {version >> 32 for version in versions} == {1, 2, 3}
    assert len({ticket.app for ticket in tickets}) == 1 and max(versions) < 2**63


def test_notes_that_were_deleted_do_not_make_the_tables_refuse_everything(storage: Storage) -> None:
    with lease.hold(storage, "dataset") as held:
        first = held.ticket()
    (Path(storage.root) / "leases/dataset/1.json").unlink()
    with lease.hold(storage, "dataset") as held:
        assert held.token == 1 and held.ticket().app != first.app


def test_a_root_that_went_away_takes_the_lease_along(storage: Storage, tmp_path: Path) -> None:
    with lease.hold(storage, "dataset") as held:
        Path(storage.root).rename(tmp_path / "away")
        with pytest.raises(LeaseLostError, match="moved or removed"):
            held.ticket()
    assert not Path(storage.root).exists()
    with lease.hold(Storage(str(tmp_path / "away")), "dataset") as held:
        assert held.token == 2, "its end is seen where it went"


def test_a_former_holder_is_shut_out_once_by_the_first_that_can(storage: Storage, forgetful: None) -> None:
    fence = Fence()
    with lease.hold(storage, "dataset") as former:
        with lease.hold(storage, "dataset"):
            pass  # ends before it comes to it
        for _ in range(2):
            with lease.hold(storage, "dataset") as held:
                held.fence(fence)
        assert [ticket.version >> 32 for ticket in fence.tickets] == [former.token + 2]


def test_two_threads_never_hold_it_together(storage: Storage) -> None:
    found: list[str] = []

    def attempt() -> None:
        try:
            with lease.hold(storage, "dataset"):
                found.append("held")
        except BusyError:
            found.append("busy")

    with lease.hold(storage, "dataset"):
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    attempt()
    assert found == ["busy", "held"]


def test_a_run_that_fails_leaves_the_lease_free(storage: Storage) -> None:
    for token in (1, 2):
        with pytest.raises(ZeroDivisionError), lease.hold(storage, "dataset"):
            raise ZeroDivisionError
        assert names(storage) == [f"{token}.json"]


def test_two_roots_are_two_leases(tmp_path: Path) -> None:
    one, other = Storage(str(tmp_path / "a")), Storage(str(tmp_path / "b"))
    with lease.hold(one, "dataset") as first, lease.hold(other, "dataset") as second:
        assert (first.token, second.token) == (1, 1), "neither took over from the other"
        for storage in (one, other):
            with pytest.raises(BusyError), lease.hold(storage, "dataset"):
                pass


def test_being_busy_is_neither_a_mistake_nor_a_failure() -> None:
    assert issubclass(BusyError, NightsortError) and not issubclass(BusyError, UserError | RunError)
