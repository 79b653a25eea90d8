"""The same flows through a Prefect server: states, few task runs, artifacts that add up."""

import errno
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness

from flows.launch import is_alive, launch
from flows.served import classify, retrain
from nightsort.config.intake import ClassifyParams
from nightsort.config.run import RunParams
from nightsort.config.training import RetrainParams
from nightsort.errors import CeilingError, SourceError
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tasks import stage as stage_module
from tasks.events import STARTED
from tasks.notice import resource
from tasks.runs import Run
from tasks.stage import stage
from tests.waiting import until

Params = Callable[..., ClassifyParams]
pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture(scope="module")
def client() -> Iterator[SyncPrefectClient]:
    """A client of a server made for this file."""
    with prefect_test_harness(server_startup_timeout=600), get_client(sync_client=True) as client:
        yield client


def newest(client: SyncPrefectClient) -> FlowRun:
    """The flow run that started last."""
    return client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]


def artifacts(client: SyncPrefectClient, run: FlowRun) -> dict[str, list[Any]]:
    """The artifacts of a flow run by type."""
    where = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    found: dict[str, list[Any]] = {}
    for artifact in client.read_artifacts(artifact_filter=where, limit=200):
        found.setdefault(artifact.type or "", []).append(artifact)
    return found


def task_names(client: SyncPrefectClient, run: FlowRun) -> list[str]:
    """The task runs of a flow run."""
    only = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    return [item.name.rsplit("-", 1)[0] for item in client.read_task_runs(flow_run_filter=only, limit=200)]


def emitted(name: str) -> dict[str, Any]:
    """The only event of this name that the server has, once it has arrived there."""
    wanted = {"filter": {"event": {"name": [name]}}}
    events = f"{PREFECT_API_URL.value()}/events/filter"
    (event,) = until(lambda: httpx.post(events, json=wanted).json()["events"], f"the event {name}")
    return dict(event)


def test_a_classification_shows_where_every_picture_went(
    client: SyncPrefectClient, tmp_path: Path, root: Path, pictures: Any, classify_params: Params
) -> None:
    drop = pictures.mixed(tmp_path / "drop")
    report = classify(classify_params(drop.folder, chunk_size=1))
    run = newest(client)
    assert (run.name != "", run.state_name) == (True, "Completed")
    assert run.parameters["params"]["source"] == str(drop.folder)
    found = artifacts(client, run)
    (table,) = (json.loads(item.data) for item in found["table"])
    assert table == [{"classified" if k == "done" else k: v for k, v in drop.tally.items()} | {"balanced": True}]
    (markdown,) = found["markdown"]
    assert markdown.key == "classify-report" and "12" in markdown.data and report.run_id in markdown.data
    assert [item.data for item in found["progress"]] == [100.0] * len(found["progress"])
    described = [item.description.partition(" (") for item in found["progress"]]
    assert {what for what, _, _ in described} == {"listing", "comparing", "classifying"}
    (shares,) = [rest for what, _, rest in described if what == "classifying"]
    assert re.fullmatch(r"([\w ]+ \d+%(, |\)$)){1,3}", shares)
    assert Ledger(Storage(str(root))).count() == 12


def test_the_number_of_task_runs_does_not_grow_with_the_pictures(
    client: SyncPrefectClient, tmp_path: Path, pictures: Any, classify_params: Params
) -> None:
    counts = []
    for number in (3, 60):
        drop = pictures.plain(tmp_path / str(number), number, start=5000 * number)
        classify(classify_params(drop.folder, chunk_size=1))
        counts.append(Counter(task_names(client, newest(client))))
    assert counts[0] == counts[1]
    assert 3 < counts[1].total() < 20
    assert counts[1]["classify pictures"] == 1


def test_a_mistake_of_the_users_fails_the_flow_run_with_our_error(
    client: SyncPrefectClient, tmp_path: Path, classify_params: Params
) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        classify(classify_params(tmp_path / "missing"))
    run = newest(client)
    assert run.state_name == "Failed" and "SourceError" in run.state.message
    assert not artifacts(client, run).keys() & {"table", "markdown"}


def test_a_failed_run_shows_its_report(client: SyncPrefectClient, tmp_path: Path, classify_params: Params) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "notes.png").write_text("not a picture")
    with pytest.raises(CeilingError):
        classify(classify_params(tmp_path / "drop", min_quarantined=1))
    run = newest(client)
    assert run.state_name == "Failed" and "CeilingError" in run.state.message
    found = artifacts(client, run)
    assert json.loads(found["table"][0].data)[0]["quarantined"] == 1
    assert "CeilingError" in found["markdown"][0].data


def test_a_retraining_is_an_ingest_and_a_training(
    client: SyncPrefectClient, tmp_path: Path, root: Path, pictures: Any, quick: dict[str, Any]
) -> None:
    folder = pictures.labelled(tmp_path / "new", {"red": 3, "green": 3}, start=500)
    report = retrain(RetrainParams(source=str(folder), storage=str(root), **quick | {"epochs": 2}))
    assert report.training.dataset_version == 2
    runs = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=3)
    flows = {client.read_flow(run.flow_id).name: run for run in runs}
    assert flows.keys() == {"retrain", "ingest", "train"}
    assert {run.state_name for run in runs} == {"Completed"}
    assert artifacts(client, flows["train"]).keys() == {"progress", "markdown"}
    event = emitted("nightsort.labels.arrived")
    assert (event["payload"]["labels"], event["payload"]["dataset_version"]) == (6, 2)
    about = {"prefect.resource.id": resource(str(root)), "prefect.resource.name": str(root), STARTED: "by another flow"}
    assert event["resource"] == about
    assert f"prefect.flow-run.{flows['ingest'].id}" in {item["prefect.resource.id"] for item in event["related"]}


def test_the_command_line_tells_a_server_that_answers(
    client: SyncPrefectClient,
    tmp_path: Path,
    pictures: Any,
    classify_params: Params,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    drop = pictures.plain(tmp_path / "drop", 2)
    before = newest(client).id
    assert not is_alive("http://127.0.0.1:9/api")
    assert launch("classify", classify_params(drop.folder), "http://127.0.0.1:9/api").intake.tally.done == 2
    assert newest(client).id == before, "nobody was told"
    assert launch("classify", classify_params(drop.folder), PREFECT_API_URL.value()).intake.tally.skipped == 2
    assert newest(client).id != before


@pytest.mark.parametrize(
    ("error", "tries"),
    [(OSError(errno.EIO, "hiccup"), 3), (OSError(errno.ENOSPC, "full"), 1), (SourceError("yours"), 1)],
)
def test_a_stage_retries_the_same_faults_under_prefect(
    client: SyncPrefectClient, tmp_path: Path, error: Exception, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "_DELAY", 0.0)
    run, calls = Run("classify", RunParams(storage=str(tmp_path))), []

    @stage(retries=2)
    def failing(run: Run) -> None:
        calls.append(1)
        raise error

    @flow
    def outer() -> None:
        failing(run)

    with pytest.raises(type(error)):
        outer()
    assert len(calls) == tries and run.seconds["failing"] > 0
