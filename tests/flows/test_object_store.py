"""Pictures in a bucket are the same dataset as pictures on disk, also of a store that refuses one request in five."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.ingest import ingest
from nightsort.config.intake import IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.quarantine import Quarantine
from nightsort.reports.data import Report
from nightsort.storage import Storage
from tests.flows.shelves import SHELVES, Pictures, labelled, stored
from tests.object_store import FaultProxy, ObjectStore

KINDS = ("folder", "zip", "tar gz", "csv", "zip in a folder")
Rows = set[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def first() -> Pictures:
    return labelled(20)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, first: Pictures, inline_workers: Any) -> Rows:
    """The dataset of a folder on disk."""
    folder = tmp_path_factory.mktemp("local")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.ingest.Workers", inline_workers)
        source = folder / SHELVES["folder"](folder, first)["source"]
        ingest(IngestParams(source=str(source), storage=str(folder / "root"), settle_seconds=0))
    return stored(folder / "root")


def put(store: ObjectStore, folder: Path, kind: str, pictures: Pictures) -> dict[str, str]:
    """Build a source and copy it into the bucket; what `ingest` is to be told."""
    words = SHELVES[kind](folder, pictures)
    for file in (file for file in folder.rglob("*") if file.is_file()):
        store.put(f"night/{file.relative_to(folder)}", file.read_bytes())
    return words | {"source": f"s3://{store.bucket}/night/{words['source']}"}


def run(root: Path, **words: Any) -> Report:
    report = ingest(IngestParams(**{"storage": str(root), "settle_seconds": 0} | words))
    assert report.state == "completed" and report.intake and report.intake.tally.balanced
    return report


def done(report: Report) -> int:
    assert report.intake
    return report.intake.tally.done


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("kind", KINDS)
def test_a_bucket_is_the_same_dataset_and_only_new_objects_are_added(
    kind: str, object_store: ObjectStore, tmp_path: Path, first: Pictures, local: Rows
) -> None:
    root = tmp_path / "root"
    words = put(object_store, tmp_path / "source", kind, first)
    assert done(run(root, **words)) == 20
    assert stored(root) == local
    assert done(run(root, **words)) == 0
    assert done(run(root, **put(object_store, tmp_path / "source", kind, first | labelled(10, start=20)))) == 10
    assert local < stored(root) and stored(root, 1) == local


@pytest.mark.usefixtures("inline", "impatient")
@pytest.mark.parametrize("kind", ["folder", "zip", "csv"])
def test_a_busy_store_is_the_same_dataset(
    kind: str, object_store: ObjectStore, rude: Callable[..., FaultProxy], tmp_path: Path, first: Pictures, local: Rows
) -> None:
    words = put(object_store, tmp_path / "source", kind, first)
    proxy = rude(object_store.endpoint, busy=0.2, reset=0.05, seed=3)
    assert done(run(tmp_path / "root", **words)) == 20
    assert stored(tmp_path / "root") == local
    assert proxy.counts["busy"] > 0


def test_worker_processes_read_a_busy_store_as_one_would(
    object_store: ObjectStore, rude: Callable[..., FaultProxy], tmp_path: Path, local: Rows, first: Pictures
) -> None:
    """Real processes: what they need to reach the store comes to them by the environment."""
    words = put(object_store, tmp_path / "source", "folder", first)
    proxy = rude(object_store.endpoint, busy=0.2, seed=3)
    assert done(run(tmp_path / "root", **words, workers=2, chunk_size=5)) == 20
    assert stored(tmp_path / "root") == local
    assert proxy.counts["busy"] > 0 and proxy.counts["served"] > 20


@pytest.mark.usefixtures("inline", "impatient")
def test_what_could_not_be_read_is_set_aside_and_taken_the_next_time(
    object_store: ObjectStore,
    rude: Callable[..., FaultProxy],
    tmp_path: Path,
    first: Pictures,
    local: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store that stops answering between the listing and the reading: nothing is lost, and nothing is learned."""
    words = put(object_store, tmp_path / "source", "folder", first)
    proxy = rude(object_store.endpoint, busy=0.0)
    from flows import ingest as module

    open_account = module.open_account

    def breaks(*args: Any) -> Any:
        proxy.busy = 1.0
        return open_account(*args)

    with monkeypatch.context() as patch:
        patch.setattr(module, "open_account", breaks)
        report = run(tmp_path / "root", **words, min_quarantined=100)
    assert report.intake and report.intake.reasons == {"unreadable": 20}
    assert Dataset(Storage(str(tmp_path / "root"))).version() is None
    proxy.busy = 0.0
    assert done(run(tmp_path / "root", **words)) == 20
    assert stored(tmp_path / "root") == local
    assert Quarantine(Storage(str(tmp_path / "root"))).count() == 20, "the verdicts of the first night stay on record"
