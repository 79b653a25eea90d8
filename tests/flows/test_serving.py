"""`nightsort up` as a person meets it: a server on loopback, deployments, automations, runs, the form, and its end.

The tests are steps with one server, in the order of the file; the last one ends it.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.events import emit_event
from prefect.exceptions import PrefectHTTPStatusError
from selenium.webdriver import Chrome

from flows.deployment.deploying import deploy
from nightsort.config.catalogue import PARAMS
from nightsort.config.serving import Server
from nightsort.errors import ConfigError
from nightsort.pipelines import Declaration
from tasks import events
from tasks.notice import automation, is_automated, resource
from tests.flows.commands import Said
from tests.flows.served import Served, free_port
from tests.webhooks import Webhook

TELLING = {automation(occasion) for occasion in ("failed", "crashed", "refused", "drift")}
ENDING = "nightsort: crash what is dead"
STARTING = {"nightsort: again when labels arrive", "nightsort: again when pictures drift"}


def test_every_pipeline_is_a_deployment_with_its_schedule(served: Served) -> None:
    assert {item.name for item in served.client.read_deployments()} == {"nightly", "often", "again", "by-hand"}
    (nightly,) = served.deployment("nightly").schedules
    assert isinstance(nightly.schedule, CronSchedule) and nightly.active
    assert (nightly.schedule.cron, nightly.schedule.timezone) == ("0 2 * * *", "Europe/Berlin")
    (often,) = served.deployment("often").schedules
    assert isinstance(often.schedule, IntervalSchedule) and often.schedule.interval.total_seconds() == 7200
    assert served.deployment("by-hand").schedules == []
    for name, pipeline in served.declaration.pipelines.items():
        deployment = served.deployment(name)
        assert deployment.parameters == {"params": served.declaration.params(name).model_dump(mode="json")}
        assert deployment.description and deployment.enforce_parameter_schema
        fields = deployment.parameter_openapi_schema["definitions"][PARAMS[pipeline.flow].__name__]["properties"]
        assert all(item["description"] for item in fields.values())


def test_a_schedule_makes_runs(served: Served) -> None:
    wanted = {served.deployment(name).id for name in ("nightly", "often")}
    served.until(lambda: {run.deployment_id for run in served.client.read_flow_runs()} >= wanted)
    assert all(run.state_name == "Scheduled" for run in served.client.read_flow_runs())


def test_a_run_with_changed_parameters(served: Served) -> None:
    run = served.finished(served.start("nightly", batch_size=3, chunk_size=5))
    assert run.state_name == "Completed"
    root = Path(served.declaration.storage)
    reports = [json.loads(file.read_text()) for file in root.glob("reports/*-classify-*/report.json")]
    (report,) = reports
    assert (report["parameters"]["batch_size"], report["parameters"]["chunk_size"]) == (3, 5)
    assert (report["intake"]["tally"]["done"], report["intake"]["tally"]["balanced"]) == (12, True)


def test_a_mistake_fails_the_run_with_our_words_and_people_are_told_once(
    served: Served, tmp_path: Path, webhook: Webhook
) -> None:
    run = served.finished(served.start("nightly", source=str(tmp_path / "missing")))
    assert run.state_name == "Failed"
    assert f"source {tmp_path / 'missing'}: does not exist" in run.state.message
    served.until(lambda: webhook.of("failed"))
    (told,) = webhook.told
    assert told["text"].startswith("Nightsort: nightly failed: ") and run.state.message in told["text"]
    assert told["storage"] == served.declaration.storage


def happen(served: Served, event: str, started: str) -> None:
    """Emit an event as a run on the storage root does."""
    about = {"prefect.resource.id": resource(served.declaration.storage), events.STARTED: started}
    emit_event(event, resource=about, payload={"text": f'"{event}" {started}'})


def test_labels_start_a_retraining_that_asks_first_and_people_are_told_of_drift(
    served: Served, webhook: Webhook
) -> None:
    happen(served, events.DRIFT, "by another flow")  # people are told, and nothing starts
    happen(served, events.LABELS, events.BY_ITSELF)
    deployment = served.deployment("again")

    def runs() -> list[FlowRun]:
        return [run for run in served.client.read_flow_runs() if run.deployment_id == deployment.id]

    served.until(runs)
    (run,) = runs()
    assert run.created_by and run.created_by.display_value == "nightsort: again when labels arrive"
    assert run.parameters == {"params": {**deployment.parameters["params"], "if_needed": True}}
    assert served.finished(run).state_name == "Completed"
    assert not (Path(served.declaration.storage) / "models" / "2").exists(), "there was no need"
    served.until(lambda: webhook.of("drift"))
    assert [told["text"] for told in webhook.of("drift")] == ['Nightsort: "nightsort.drift.detected" by another flow']
    assert len(runs()) == 1


def test_the_address_of_the_webhook_is_shown_nowhere(served: Served, receiver: Webhook) -> None:
    client = served.client
    assert is_automated(served.declaration.storage, "drift") and not is_automated("/elsewhere", "drift")
    things = [client.read_automations(), client.read_flow_runs(), client.read_deployments()]
    (block,) = client.read_block_documents(include_secrets=False)
    assert block.block_type.name == "Webhook" and receiver.address not in str(block.data)
    things.append([block])
    shown = "".join(item.model_dump_json() for group in things for item in group)
    assert "nightsort" in shown and "s3cret" not in shown


@pytest.mark.parametrize("change", [{"batch_size": 0}, {"workers": 5000}, {"source": None}, {"no_such": 1}])
def test_the_server_refuses_what_is_out_of_bounds(served: Served, change: dict[str, Any]) -> None:
    with pytest.raises(PrefectHTTPStatusError, match=r"4\d\d"):
        served.start("nightly", **change)


def test_the_page_asks_the_server_it_came_from(served: Served) -> None:
    server = served.declaration.server
    settings = httpx.get(f"http://{server.host}:{server.port}/ui-settings").json()
    assert settings["api_url"] == server.api


def test_everything_listens_on_loopback_only(served: Served) -> None:
    """Also the clusters of the runs above, which were looked at while they ran."""
    served.look()
    assert served.listening == {"127.0.0.1"}


def test_the_form_explains_its_fields(served: Served, chromium: Chrome, tmp_path: Path) -> None:
    server, deployment = served.declaration.server, served.deployment("nightly")
    chromium.get(f"http://{server.host}:{server.port}/deployments/deployment/{deployment.id}/run")
    wanted = [PARAMS["classify"].model_fields[name].description for name in ("source", "batch_size", "rescore")]
    text = ""
    for _ in range(200):
        text = chromium.execute_script("return document.body.innerText")
        if all(part in text for part in wanted):
            break
        time.sleep(0.2)
    chromium.save_screenshot(str(tmp_path / "form.png"))
    assert [part for part in wanted if part not in text] == []


def deployed(declared: Declaration) -> set[tuple[str, str]]:
    """Deploy for workers: what was done to what kind of thing."""
    return {(step.action, step.kind) for step in deploy(declared, "people", lambda lines: None)}


def test_what_is_served_can_be_deployed_and_the_second_time_changes_nothing(served: Served, webhook: Webhook) -> None:
    def seen() -> dict[str, Any]:
        made = {
            item.name: (item.id, item.parameters, [entry.schedule for entry in item.schedules])
            for item in served.client.read_deployments()
        }
        return made | {item.name: item for item in served.client.read_automations()}

    served.client.pause_automation(seen()[automation("refused")].id)

    before = seen()
    assert deployed(served.declaration) == {
        ("create", "pool"),
        ("update", "deployment"),  # they were served by a process and are now in a pool
        *(("unchanged", kind) for kind in ("webhook", "automation")),
    }
    once = seen()
    assert {action for action, _ in deployed(served.declaration)} == {"unchanged"}
    assert seen() == once == before
    assert seen().keys() - served.declaration.pipelines.keys() == TELLING | STARTING | {ENDING}
    off = [item.name for item in served.client.read_automations() if not item.enabled]
    assert off == [automation("refused")], "what a person switched off stays off"
    assert served.deployment("nightly").work_pool_name == "people"


def test_what_is_no_longer_declared_is_no_longer_automated(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def automated() -> set[str]:
        return {item.name for item in served.client.read_automations()}

    declared = served.declaration
    again = declared.pipelines["again"].model_copy(update={"triggers": ["labels"]})
    less = declared.model_copy(update={"pipelines": {**declared.pipelines, "again": again}})
    monkeypatch.setenv("NIGHTSORT_WEBHOOK", "s3cret")
    with pytest.raises(ConfigError, match="NIGHTSORT_WEBHOOK: must be an address") as refused:
        deployed(less)
    assert "s3cret" not in str(refused.value)
    assert automated() == TELLING | STARTING | {ENDING}
    monkeypatch.delenv("NIGHTSORT_WEBHOOK")
    assert ("remove", "automation") in deployed(less)
    assert automated() == {"nightsort: again when labels arrive", ENDING}


def test_up_keeps_its_things_below_the_storage_root(served: Served) -> None:
    assert (Path(served.declaration.storage) / "prefect" / "prefect.db").is_file()
    assert {item.name for item in served.file.parent.iterdir()} == {"root", "drop", "pipelines.yaml"}


def test_sigterm_ends_it_and_all_that_it_started(served: Served) -> None:
    family = served.family
    assert len(family) > 1
    served.process.terminate()
    served.process.wait()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []


def test_deploying_without_a_server_is_the_users_mistake(served: Served) -> None:
    nobody = served.declaration.model_copy(update={"server": Server(port=free_port())})
    with pytest.raises(ConfigError, match=r"no Prefect server answers at http://127\.0\.0\.1"):
        deployed(nobody)


def test_a_file_that_runs_would_import_in_the_place_of_ours_is_refused(nightsort: Callable[..., Said]) -> None:
    Path("pipelines.yaml").write_text("pipelines: {nightly: {flow: classify, parameters: {source: drop}}}\n")
    Path("tasks.py").write_text("raise SystemExit('imported')\n")
    said = nightsort("up")
    assert said.code == 2
    assert said.err[-1].startswith(f"nightsort: {Path.cwd()}/tasks.py: every run would import it in the place of")
