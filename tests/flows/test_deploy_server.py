"""`nightsort deploy` on a server that wants credentials and CSRF tokens; one server, steps in the order of the file."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.objects import FlowRun
from prefect.events import Event
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Running
from prefect.types._datetime import now

from flows.deployment.deploying import deploy
from flows.deployment.plan import Step
from flows.launch import launch
from flows.prefect_api import is_alive, require
from nightsort.config.intake import ClassifyParams
from nightsort.errors import ConfigError
from nightsort.pipelines import Declaration, load
from tests.flows.served import free_port
from tests.waiting import until

DECLARED = """
storage: {root}
pools:
  boxes: {{type: docker, job_variables: {{image: "nightsort:1"}}}}
  cloud: {{type: kubernetes, job_variables: {{image: "nightsort:1", namespace: ml}}, concurrency: 3}}
pipelines:
  nightly: {{flow: classify, parameters: {{source: drop}}, schedule: {{cron: {cron}}}}}
  monthly:
    flow: classify
    parameters: {{source: drop}}
    pool: boxes
    job_variables: {{mem_limit: 4g, env: {{TOKEN: h1dden}}}}
    schedule: {{rrule: "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=22", timezone: Europe/Berlin}}
  often: {{flow: ingest, parameters: {{source: drop}}, pool: cloud, schedule: {{interval_seconds: 3600}}}}
  by-hand: {{flow: ingest, parameters: {{source: drop}}}}
"""


class Team:
    """A server, a file of pipelines, and who deploys it."""

    def __init__(self, client: SyncPrefectClient, api: str, folder: Path) -> None:
        self.client, self.api, self.file = client, api, folder / "pipelines.yaml"
        self.told: list[str] = []
        self.declare("0 2 * * *")

    def declare(self, cron: str, without: str = "nothing") -> None:
        """Write the file."""
        lines = DECLARED.format(root="root", cron=cron).splitlines()
        self.file.write_text("\n".join(line for line in lines if not line.startswith(f"  {without}:")))

    @property
    def declaration(self) -> Declaration:
        """What the file declares."""
        return load(self.file)

    def deploy(self, **how: Any) -> dict[str, Step]:
        """Deploy it."""
        self.told.clear()
        return {step.name: step for step in deploy(self.declaration, "people", self.told.extend, **how)}

    def deployment(self, name: str) -> Any:
        """What the server has of a pipeline."""
        return self.client.read_deployment_by_name(name)

    def written(self) -> dict[str, Any]:
        """When each thing was written last."""
        automated = self.client.request("POST", "/automations/filter", json={}).json()
        things = (*self.client.read_deployments(), *self.client.read_work_pools())
        return {f"{type(item).__name__} {item.name}": item.updated for item in things} | {
            item["name"]: item["updated"] for item in automated
        }


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Team]:
    folder, port = tmp_path_factory.mktemp("team"), free_port()
    api = f"http://127.0.0.1:{port}/api"
    settings = {
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_SERVER_API_AUTH_STRING": "team:s3cret",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env={**environment, **settings},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: is_alive(api) or process.poll() is not None, "the server", every=0.3)
        assert process.poll() is None, "the server ended at its start"
        allowed = {PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: "team:s3cret"}
        with temporary_settings(allowed), get_client(sync_client=True) as client:
            yield Team(client, api, folder)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(("given", "state"), [(None, "is not set"), ("team:wr0ng", "is refused")])
def test_without_the_right_credentials_it_is_one_line(
    team: Team, given: str | None, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", team.api)
    with temporary_settings({PREFECT_API_AUTH_STRING: given}):
        for start in (
            lambda: require(team.api),
            lambda: team.deploy(),
            lambda: launch("classify", ClassifyParams(source="drop", notify=[]), team.api),
        ):
            with pytest.raises(ConfigError, match=f"^PREFECT_API_AUTH_STRING: {state}, and the Prefect ") as caught:
                start()
            assert len(caught.value.lines) == 1 and "wr0ng" not in str(caught.value)


def test_a_dry_run_tells_and_writes_nothing(team: Team) -> None:
    steps = team.deploy(dry_run=True)
    assert {step.action for step in steps.values()} == {"create"}
    assert "create    deployment classify/nightly" in team.told and "h1dden" not in str(team.told)
    assert team.written() == {}


def test_it_makes_everything_and_the_second_time_writes_nothing(team: Team) -> None:
    assert {step.action for step in team.deploy().values()} == {"create"}
    pools = {pool.name: pool for pool in team.client.read_work_pools()}
    assert {name: pool.type for name, pool in pools.items()} == {
        "boxes": "docker",
        "cloud": "kubernetes",
        "people": "process",
    }
    assert all("variables" in pool.base_job_template for pool in pools.values())
    assert (pools["cloud"].concurrency_limit, pools["boxes"].concurrency_limit) == (3, None)
    monthly = team.deployment("classify/monthly")
    assert (monthly.work_pool_name, monthly.job_variables["mem_limit"]) == ("boxes", "4g")
    assert monthly.version and monthly.entrypoint == "flows.served.classify"
    before = team.written()
    assert {step.action for step in team.deploy().values()} == {"unchanged"}
    assert team.written() == before


def test_what_a_person_paused_stays_so_and_what_he_changed_is_as_declared_again(team: Team) -> None:
    nightly = team.deployment("classify/nightly")
    team.client.update_deployment_schedule(nightly.id, nightly.schedules[0].id, active=False)
    changed = {"params": {**nightly.parameters["params"], "chunk_size": 7}}
    team.client.update_deployment(nightly.id, DeploymentUpdate(parameters=changed))
    team.declare("30 3 * * *")
    step = team.deploy()["classify/nightly"]
    assert step.action == "update" and "paused" in step.note
    assert [(item.field, item.old, item.new) for item in step.changes] == [
        ("schedule", "0 2 * * * UTC", "30 3 * * * UTC"),
        ("parameters.chunk_size", "7", "512"),
    ]
    after = team.deployment("classify/nightly")
    assert (after.id, after.parameters) == (nightly.id, nightly.parameters)
    assert [(item.schedule.cron, item.active) for item in after.schedules] == [("30 3 * * *", False)]


def test_a_pool_of_another_type_is_refused_before_anything_is_written(team: Team) -> None:
    before = team.written()
    team.file.write_text(team.file.read_text().replace("type: docker", "type: process"))
    with pytest.raises(ConfigError, match=r"^pools\.boxes: is a process pool, but the server has a docker pool"):
        team.deploy()
    assert team.written() == before
    team.declare("30 3 * * *")


def test_what_is_no_longer_declared_goes_when_it_is_asked_for(team: Team) -> None:
    flow = team.client.create_flow_from_name("ingest")
    theirs = team.client.create_deployment(flow, "theirs", tags=["nightsort", "nightsort.storage.another"])
    team.declare("30 3 * * *", without="by-hand")
    assert team.deploy()["ingest/by-hand"].action == "keep"
    assert team.deployment("ingest/by-hand").id
    assert team.deploy(prune=True)["ingest/by-hand"].action == "remove"
    with pytest.raises(ObjectNotFound):
        team.deployment("ingest/by-hand")
    assert team.client.read_deployment(theirs).name == "theirs", "it is not ours"


def beat(team: Team, run: FlowRun) -> None:
    """Say that a run is alive, as the process of a run does."""
    event = Event(
        occurred=now("UTC"),
        event="prefect.flow-run.heartbeat",
        resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"},
        related=[
            {"prefect.resource.id": f"prefect.deployment.{run.deployment_id}", "prefect.resource.role": "deployment"}
        ],
        payload={},
        id=uuid4(),
    )
    team.client.request("POST", "/events", json=[event.model_dump(mode="json")])


def test_a_run_whose_heartbeats_stop_is_crashed_and_one_that_ended_is_not(team: Team) -> None:
    declared = team.declaration
    quick = declared.model_copy(update={"server": declared.server.model_copy(update={"zombie_seconds": 10})})
    deploy(quick, "people", team.told.extend)
    nightly = team.deployment("classify/nightly").id
    dead, ended = (team.client.create_flow_run_from_deployment(nightly) for _ in range(2))
    for run in (dead, ended):
        team.client.set_flow_run_state(run.id, Running(), force=True)
        beat(team, run)
    team.client.set_flow_run_state(ended.id, Completed(), force=True)
    beat(team, dead)

    def crashed() -> Any:
        state = team.client.read_flow_run(dead.id).state
        return state if state and state.is_crashed() else None

    state = until(crashed, "the end of a run that is not heard of", every=0.5)
    assert state.message.startswith("Not heard of for 10 s") and "start it again" in state.message
    assert state.timestamp - team.client.read_flow_run(dead.id).start_time > timedelta(seconds=9)
    assert team.client.read_flow_run(ended.id).state_name == "Completed"
