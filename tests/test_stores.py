"""Every library goes to the endpoint that the environment names, and goes on where an answer broke off."""

import re
import threading
from collections.abc import Callable

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from nightsort.errors import StaleError
from nightsort.learning.registry import Registry
from nightsort.leases import lease
from nightsort.storage import Storage
from nightsort.stores import code, delta_options, endpoint, gist, persistently
from nightsort.tables import Table
from tests.object_store import FaultProxy, ObjectStore
from tests.ticketed import SCHEMA, again, numbers, rows, ticket


def test_the_endpoint_of_s3_alone_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://everything")
    assert delta_options("s3://b/x") == {"AWS_ENDPOINT_URL": "https://everything"}
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://here:9000")
    assert endpoint() == "http://here:9000"
    assert delta_options("s3://b/x") == {"AWS_ENDPOINT_URL": "http://here:9000", "AWS_ALLOW_HTTP": "true"}
    assert delta_options("/srv/x") == {} == delta_options("gs://b/x")


def test_a_store_that_is_not_there_is_told_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1", "max_retries": "0"}
    with pytest.raises(OSError, match="Connect") as caught:
        DeltaTable("s3://bucket/root", storage_options={**delta_options("s3://bucket/root"), **keys})
    told = r"no connection to http://127\.0\.0\.1:9: .*refused.*; see whether AWS_ENDPOINT_URL is right"
    assert re.match(told, gist(caught.value))


def test_of_an_answer_of_s3_the_fault_is_told() -> None:
    answer = "Generic S3 error\n\x1b[31m↳\x1b[0m 403 <Error><Code>AccessDenied</Code><Message>No</Message></Error>"
    assert gist(OSError(answer)) == "AccessDenied: No"
    assert gist(OSError("one\n↳ two\n   0: a::b\n   1: c")) == "one two"
    nobody = OSError("Generic S3 error: PUT http://169.254.169.254/latest/api/token in 0.2s - 403 Forbidden")
    assert gist(nobody).startswith("no credentials: set AWS_ACCESS_KEY_ID")
    assert code(ValueError("x")) == ""


def test_only_what_broke_off_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    left = [OSError("HTTP error request or response body error"), OSError("Access Denied"), None]

    def attempt() -> str:
        if error := left.pop(0):
            raise error
        return "done"

    with pytest.raises(OSError, match="Access Denied"):
        persistently(attempt)
    assert persistently(attempt) == "done"


@pytest.mark.usefixtures("impatient")
def test_answers_that_are_lost_neither_lose_nor_double_a_commit(
    object_store: ObjectStore, rude: Callable[..., FaultProxy]
) -> None:
    """Refused, broken off or unanswered: of reads and of writes that may have been done."""
    proxy = rude(object_store.endpoint, busy=0.15, reset=0.15, seed=1)
    root = Storage(f"s3://{object_store.bucket}/root")
    root.prepare()
    table = Table(root, "t", SCHEMA, partition_by="day")
    with lease.hold(root, "dataset") as held:
        for number in range(3):
            table.append(rows(number), ticket=held.ticket())
    moves = Registry(root)
    last = moves.promote(2, moves.promote(1, None, how="forced"), how="forced")
    assert numbers(table) == [0, 1, 2] and table.version() == 3
    assert [move.version for move in moves.history()] == [1, 2] and moves.alias() == last
    assert root.names("leases/dataset") == ["1.json"]
    assert proxy.counts["reset"] > 0 and proxy.counts["busy"] > 0


def test_of_two_commits_at_once_none_is_lost(object_store: ObjectStore) -> None:
    root = Storage(f"s3://{object_store.bucket}/root")
    table = Table(root, "t", SCHEMA, partition_by="day")
    table.append(rows(0), ticket=ticket(1))
    start = threading.Barrier(2)

    def commit(own: Table, first: int) -> None:
        start.wait()
        for number in range(3):
            own.append(rows(first + number), ticket=ticket(number + 1, app=f"lease {first}"))

    threads = [threading.Thread(target=commit, args=(again(table, root), first)) for first in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(table) == [0, 10, 11, 12, 20, 21, 22]


def test_of_two_that_move_the_champion_at_once_one_is_told(object_store: ObjectStore) -> None:
    root = Storage(f"s3://{object_store.bucket}/root")
    first = Registry(root).promote(1, None, how="forced")
    start, ended = threading.Barrier(2), list[str]()

    def move(version: int) -> None:
        start.wait()
        try:
            ended.append(f"moved to {Registry(root).promote(version, first, how='forced').version}")
        except StaleError:
            ended.append("stale")

    threads = [threading.Thread(target=move, args=(version,)) for version in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == [f"moved to {Registry(root).champion()}", "stale"]


def test_rows_of_a_bucket_are_read_by_arrow_over_a_plain_endpoint(object_store: ObjectStore) -> None:
    table = Table(Storage(f"s3://{object_store.bucket}/root"), "t", pa.schema([("n", pa.int64())]))
    assert table.version() is None
    table.append(pa.table({"n": [1, 2]}))
    assert table.count() == 2 and table.sizes()[0] > 0 and table.vacuum(0, keep_versions=True) == 0
