"""What a store does not offer is found before any work, in one line that says what to do."""

from collections.abc import Callable
from typing import Any

import pytest

from nightsort.errors import StorageError, WriteError
from nightsort.operations.checks.probing import probe
from nightsort.storage import Storage
from tests.object_store import FaultProxy, ObjectStore

CAPABILITIES = ["write", "read", "list after write", "put if absent", "delete"]


def test_a_folder_offers_everything_and_is_left_empty(storage: Storage) -> None:
    found = probe(storage)
    assert [finding.name for finding in found] == CAPABILITIES
    assert all(finding.ok and finding.told == "works" for finding in found)
    assert storage.names("") == []


def test_a_bucket_offers_everything_and_is_left_empty(object_store: ObjectStore) -> None:
    assert [
        finding.name for finding in probe(Storage(f"s3://{object_store.bucket}/root")) if finding.ok
    ] == CAPABILITIES
    assert object_store.client.list_objects_v2(Bucket=object_store.bucket)["KeyCount"] == 0


def test_a_store_that_would_lose_commits_is_refused(object_store: ObjectStore, rude: Callable[..., FaultProxy]) -> None:
    rude(object_store.endpoint, busy=0.0).careless = True
    root = Storage(f"s3://{object_store.bucket}/root")
    found = probe(root)
    assert [finding.name for finding in found if finding.ok] == CAPABILITIES[:3]
    assert (found[-1].name, found[-1].ok) == ("put if absent", False) and "If-None-Match" in found[-1].told
    with pytest.raises(StorageError, match=r"put-if-absent.*choose a store that honours it") as caught:
        root.prepare()
    assert len(caught.value.lines) == 1
    assert object_store.client.list_objects_v2(Bucket=object_store.bucket)["KeyCount"] == 0


def test_a_bucket_that_is_not_there_is_said_so(object_store: ObjectStore) -> None:
    nowhere = Storage(f"s3://no-{object_store.bucket}/root")
    (found,) = probe(nowhere)
    assert (found.name, found.ok) == ("write", False) and "there is no such bucket" in found.told
    for asked in (nowhere.prepare, lambda: nowhere.names("models"), lambda: nowhere.read_bytes("a")):
        with pytest.raises(StorageError, match="there is no such bucket") as caught:
            asked()
        assert len(caught.value.lines) == 1


def test_a_store_that_forgets_is_found_out(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "names", lambda *_: [])
        assert [finding.name for finding in probe(storage) if not finding.ok] == ["list after write"]

    def refuse(*_: Any) -> None:
        raise WriteError("x: could not be written (Access Denied)")

    monkeypatch.setattr(Storage, "remove", refuse)
    (last,) = (finding for finding in probe(storage) if not finding.ok)
    assert last.name == "delete" and last.told.startswith("x: could not be written (Access Denied); nothing can be del")
