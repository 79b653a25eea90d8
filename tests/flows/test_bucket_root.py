"""A storage root in a bucket does what one on a disk does, also where the store refuses, hangs up, or is shared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.classify import classify
from flows.ingest import ingest
from flows.train import train
from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.config.training import TrainParams
from nightsort.learning.registry import Registry
from nightsort.quarantine import Quarantine
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tests.flows.commands import Said
from tests.flows.conftest import Pictures, Trained
from tests.holding import another_process
from tests.object_store import FaultProxy, ObjectStore

QUICKLY = {"settle_seconds": 0, "workers": 1}


@pytest.fixture
def bucket(trained: Trained, object_store: ObjectStore) -> Storage:
    """The trained storage root, moved into a bucket as any tool would do it."""
    for file in (file for file in trained.root.rglob("*") if file.is_file()):
        object_store.put(f"root/{file.relative_to(trained.root)}", file.read_bytes())
    return Storage(f"s3://{object_store.bucket}/root")


@pytest.mark.usefixtures("inline", "impatient")
def test_through_a_rude_store_every_picture_is_accounted_for(
    bucket: Storage,
    object_store: ObjectStore,
    rude: Callable[..., FaultProxy],
    pictures: Pictures,
    quick: dict[str, Any],
    tmp_path: Path,
) -> None:
    """503s, answers that break off, and answers that never come, of reads and of writes that were done."""
    drop, labelled = pictures.mixed(tmp_path / "drop"), pictures.labelled(tmp_path / "more", {"red": 4}, start=100)
    proxy = rude(object_store.endpoint, busy=0.05, reset=0.03, seed=5)
    night = ClassifyParams(source=str(drop.folder), storage=bucket.root, sample=0, **QUICKLY)
    report = classify(night)
    assert report.intake and report.intake.tally.balanced and report.intake.reasons == drop.reasons
    again = classify(night)
    assert again.intake and again.intake.tally.done == 0
    assert Ledger(bucket).count() == drop.tally["done"] and Quarantine(bucket).count() == drop.tally["quarantined"]
    taken = ingest(IngestParams(source=str(labelled), storage=bucket.root, **QUICKLY))
    assert taken.intake and taken.intake.tally.done == 4
    learned = train(TrainParams(storage=bucket.root, workers=1, **{**quick, "epochs": 2}))
    assert learned.state == "completed" and Registry(bucket).versions() == [1, 2]
    assert {report.run_id, again.run_id, taken.run_id, learned.run_id} <= {*bucket.names("reports")}
    assert bucket.names("leases/predictions") == ["2.json"]
    assert proxy.counts["busy"] > 0 and proxy.counts["reset"] > 0


@pytest.mark.usefixtures("inline")
def test_of_two_clients_one_classifies_and_the_other_is_told_who_does(
    bucket: Storage, pictures: Pictures, tmp_path: Path
) -> None:
    drop = pictures.plain(tmp_path / "drop", 3)
    params = ClassifyParams(source=str(drop.folder), storage=bucket.root, sample=0, **QUICKLY)
    with another_process(bucket, "predictions") as other:
        skipped = classify(params)
    assert skipped.state == "skipped" and f"process {other.pid} on " in skipped.message
    assert "has been running since 20" in skipped.message
    report = classify(params)
    assert report.state == "completed" and Ledger(bucket).count() == 3
    assert f"process {other.pid}" in report.message, "its death is told"


def test_every_command_that_looks_or_moves_works_on_a_bucket(
    bucket: Storage, nightsort: Callable[..., Said], pictures: Pictures, tmp_path: Path
) -> None:
    drop, root = pictures.mixed(tmp_path / "drop"), ["--storage", bucket.root]
    commands: list[list[object]] = [
        ["classify", drop.folder, *root, "--settle-seconds", 0, "--sample", 0],
        ["status", *root],
        ["models", "show", 1, *root],
        ["datasets", *root, "--compact"],
        ["predictions", "export", "--into", tmp_path / "p.csv", *root],
        ["quarantine", "list", *root],
        ["quarantine", "export", "--into", tmp_path / "aside", *root],
        ["quarantine", "requeue", "--all", *root],
        ["review", "export", "--into", tmp_path / "review", *root],
        ["report", *root],
    ]
    said = {f"{words[0]} {words[1]}": nightsort(*words) for words in commands}
    assert {name: (each.code, each.err) for name, each in said.items() if each.code} == {}
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 1 + drop.tally["done"]
    assert len([*(tmp_path / "aside").rglob("*.png")]) >= 1 and Quarantine(bucket).count() == 0
    assert said["report --storage"].out[0].startswith(f"{bucket.root}/reports/")


def test_a_bucket_that_is_not_there_is_a_mistake_of_the_users(
    object_store: ObjectStore, nightsort: Callable[..., Said], pictures: Pictures, tmp_path: Path
) -> None:
    drop = pictures.plain(tmp_path / "drop", 1)
    for words in (["ingest", drop.folder], ["status"], ["train"]):
        said = nightsort(*words, "--storage", f"s3://no-{object_store.bucket}/root")
        assert said.code == 2 and len(said.err) == 1, said
        assert "there is no such bucket" in said.err[0]
