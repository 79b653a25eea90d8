"""A commit under a ticket is made once, and not at all once a larger ticket was seen; what is committed lasts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightsort.datafiles import write_file
from nightsort.errors import BusyError, LeaseLostError, WriteError
from nightsort.leases import lease
from nightsort.leases.lease import Lease
from nightsort.storage import Storage
from nightsort.tables import Table
from tests.ticketed import SCHEMA, again, numbers, rows, ticket

STOPPED = """
import sys
from nightsort.leases import lease
from nightsort.errors import LeaseLostError
from nightsort.storage import Storage
from nightsort.tables import Table
import pyarrow as pa
rows = lambda n: pa.table({"n": [n], "day": ["2026-11-21"]})
lease.EXPIRY, lease.HEARTBEAT = 0.2, 0.05
storage = Storage(sys.argv[1])
with lease.hold(storage, "predictions") as held:
    table, ticket = Table(storage, "t", rows(0).schema, "day"), held.ticket()
    table.append(rows(1), ticket=ticket)
    ticket = held.ticket()
    print("held", flush=True)
    sys.stdin.readline()
    for attempt in (lambda: table.append(rows(2), ticket=ticket), held.ticket, held.check):
        try:
            attempt()
            print("done", flush=True)
        except LeaseLostError:
            print("lost", flush=True)
"""


@pytest.fixture(params=[None, "day"])
def table(storage: Storage, request: pytest.FixtureRequest) -> Table:
    """A table that is not there yet, without partitions and with."""
    return Table(storage, "t", SCHEMA, partition_by=request.param)


def test_the_same_ticket_commits_once(table: Table, storage: Storage) -> None:
    for writer in (table, table, again(table, storage)):
        writer.append(rows(1), ticket=ticket(5))
    assert numbers(table) == [1] and table.version() == 1
    file = write_file(table.uri, rows(2).drop_columns("day"), "run", "day=2026-11-21/")
    for _ in range(2):
        assert table.append_files([file], "run", ticket(6)) == 2
    assert numbers(table) == [1, 2]


def test_a_smaller_ticket_commits_nothing(table: Table, storage: Storage) -> None:
    table.append(rows(1), ticket=ticket(5))
    again(table, storage).append(rows(2), ticket=ticket(7))
    for attempt in (
        lambda: table.append(rows(3), ticket=ticket(6)),
        lambda: table.upsert(rows(1), "n", "run", ticket(6)),
        lambda: table.merge_small(1_000_000, 1_000_000, ticket(6)),
        lambda: table.fence(ticket(6)),
    ):
        with pytest.raises(LeaseLostError, match="another run has taken the lease over"):
            attempt()
    assert numbers(table) == [1, 2] and table.version() == 2
    table.append(rows(4), ticket=ticket(1, "another lease"))  # has nothing to do with it
    assert numbers(table) == [1, 2, 4]


def test_a_fence_makes_no_rows_and_shuts_older_tickets_out(table: Table, storage: Storage) -> None:
    table.append(rows(1), ticket=ticket(5))
    present = again(table, storage)
    for _ in range(2):
        present.fence(ticket(8))
    assert (numbers(table), table.version(), table.changes()) == ([1], 2, [])
    with pytest.raises(LeaseLostError):
        table.append(rows(2), ticket=ticket(6))
    present.append(rows(3), ticket=ticket(9))
    assert numbers(table) == [1, 3]


def test_a_fence_comes_before_the_table(table: Table, storage: Storage) -> None:
    again(table, storage).fence(ticket(8))
    assert (table.version(), table.count()) == (0, 0)
    with pytest.raises(LeaseLostError):
        table.append(rows(2), ticket=ticket(6))
    table.append(rows(3), ticket=ticket(9))
    assert (numbers(table), table.version()) == ([3], 1)


def test_a_fence_between_the_look_and_the_commit_is_seen(
    table: Table, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append(rows(1), ticket=ticket(5))
    commit = DeltaTable.create_write_transaction

    def overtaken(*what: Any, **how: Any) -> None:
        monkeypatch.undo()
        present = again(table, storage)
        present.fence(ticket(8))
        present.append(rows(3), ticket=ticket(9))
        commit(*what, **how)

    monkeypatch.setattr(DeltaTable, "create_write_transaction", overtaken)
    with pytest.raises(LeaseLostError):
        table.append(rows(2), ticket=ticket(6))
    assert numbers(table) == [1, 3]


def test_a_commit_of_another_lease_in_between_does_no_harm(
    table: Table, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = DeltaTable.create_write_transaction

    def beside(*what: Any, **how: Any) -> None:
        monkeypatch.undo()
        again(table, storage).append(rows(3), ticket=ticket(99, "another"))
        commit(*what, **how)

    monkeypatch.setattr(DeltaTable, "create_write_transaction", beside)
    table.append(rows(2), ticket=ticket(6))
    assert numbers(table) == [2, 3]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_that_is_reported_as_failed_is_made_once_when_it_is_tried_again(
    when: str, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append(rows(1), ticket=ticket(5))
    commit = DeltaTable.create_write_transaction

    def failing(*what: Any, **how: Any) -> None:
        if when == "after":
            commit(*what, **how)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", failing)
    with pytest.raises(WriteError, match="Input/output error"):
        table.append(rows(2), ticket=ticket(6))
    monkeypatch.undo()
    table.append(rows(2), ticket=ticket(6))
    table.append(rows(3), ticket=ticket(7))
    assert numbers(table) == [1, 2, 3] and table.version() == 3


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.booleans()), max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_tickets_and_retries_commits_what_rises(
    tmp_path_factory: pytest.TempPathFactory, attempts: list[tuple[int, bool, bool]]
) -> None:
    storage = Storage(str(tmp_path_factory.mktemp("root")))
    writers = [Table(storage, "t", SCHEMA) for _ in range(2)]
    expected, seen = [], 0
    for version, first, fences in attempts:
        writer = writers[first]
        try:
            if fences:
                writer.fence(ticket(version))
            else:
                writer.append(rows(version), ticket=ticket(version))
            assert version >= seen
            expected += [version] if version > seen and not fences else []
            seen = version
        except LeaseLostError:
            assert version < seen
    assert numbers(writers[0]) == expected


def test_a_holder_that_was_stopped_past_its_lease_commits_nothing(storage: Storage) -> None:
    source = str(Path(lease.__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED, storage.root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    ) as former:
        assert former.stdin and former.stdout and former.stdout.readline() == "held\n"
        former.send_signal(signal.SIGSTOP)
        table = Table(storage, "t", SCHEMA, "day")
        with take_over(storage) as held:
            held.fence(table)
            former.send_signal(signal.SIGCONT)
            former.stdin.write("\n")
            former.stdin.flush()
            assert [former.stdout.readline() for _ in range(3)] == ["lost\n"] * 3
            former.wait()
            held.check()
            table.append(rows(3), ticket=held.ticket())
            assert storage.names("leases/predictions") == ["2.json"]
    assert numbers(table) == [1, 3]


@contextmanager
def take_over(storage: Storage) -> Iterator[Lease]:
    """The lease, as soon as it is to be had."""
    with ExitStack() as open_:
        held = None
        while held is None:
            try:
                held = open_.enter_context(lease.hold(storage, "predictions"))
            except BusyError:
                time.sleep(0.02)
        yield held
