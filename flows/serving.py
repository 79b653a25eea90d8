"""Owns the pipelines on a Prefect server: served by this process (`up`) or by workers (`deploy`).

Invariant: what the server knows of a pipeline is what pipelines.yaml declares, whichever command
registered it. Binds to loopback unless pipelines.yaml names another host.
Does not know what a flow does.
"""

import os
import warnings
from contextlib import suppress
from datetime import UTC, datetime

import click
import prefect
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import EntrypointType, RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron, Interval, Schedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.automations import automate
from flows.catalogue import flow_named
from flows.launch import is_alive
from flows.server import running
from nightsort.errors import ConfigError
from nightsort.pipelines import Declaration, Pipeline
from nightsort.storage import Storage

_ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)  # intervals are counted from here; else each start would put them off


def up(declaration: Declaration) -> None:
    """Start a Prefect server on SQLite and serve every pipeline until interrupted."""
    deployments = _deployments(declaration)
    storage = Storage(declaration.storage)
    storage.prepare()
    if storage.is_local:  # else the user's own Prefect home
        os.environ.setdefault("PREFECT_HOME", storage.locate("prefect"))
    with running(declaration.server), temporary_settings({PREFECT_API_URL: declaration.server.api}):
        # What the runner starts finds the server by its environment.
        os.environ["PREFECT_API_URL"] = declaration.server.api
        click.echo(f"Nightsort is up: http://{declaration.server.host}:{declaration.server.port}")
        for name in automate(declaration, {item.name: item.apply() for item in deployments}):
            click.echo(f"  {name}")
        for name in declaration.pipelines:
            click.echo(f"  serving {name}")
        # Prefect 3.8.8 forgets to await its own stop when it is told to end.
        warnings.filterwarnings("ignore", message="coroutine 'Runner.astop'", category=RuntimeWarning)
        prefect.serve(*deployments, print_starting_message=False, pause_on_shutdown=False)


def deploy(declaration: Declaration, pool: str) -> list[str]:
    """Register every pipeline with the Prefect server in force, for the workers of a work pool.

    :returns: names of the deployments
    :raises ConfigError: if no server answers
    """
    api = PREFECT_API_URL.value() or declaration.server.api
    if not is_alive(api):
        raise ConfigError(f"no Prefect server answers at {api}; set PREFECT_API_URL or run 'nightsort up'")
    deployments = _deployments(declaration)
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        with suppress(ObjectAlreadyExists):  # made by an earlier deploy, or by hand with its own settings
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        automate(declaration, {item.name: item.apply(work_pool_name=pool) for item in deployments})
    return [f"{deployment.flow_name}/{deployment.name}" for deployment in deployments]


def _deployments(declaration: Declaration) -> list[RunnerDeployment]:
    if not declaration.pipelines:
        raise ConfigError("pipelines: none is declared, so there is nothing to serve; see the README's pipelines.yaml")
    return [_deployment(declaration, name, pipeline) for name, pipeline in declaration.pipelines.items()]


def _deployment(declaration: Declaration, name: str, pipeline: Pipeline) -> RunnerDeployment:
    flow = flow_named(pipeline.flow)
    deployment: RunnerDeployment = flow.to_deployment(
        name=name,
        description=pipeline.description or flow.description,
        parameters={"params": declaration.params(name).model_dump(mode="json")},
        schedule=_schedule(pipeline),
        tags=["nightsort"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment.entrypoint = f"flows.served.{flow.name}"  # Prefect would name the plain function
    return deployment


def _schedule(pipeline: Pipeline) -> Schedule | None:
    if pipeline.schedule is None:
        return None
    if pipeline.schedule.cron:
        return Cron(pipeline.schedule.cron, timezone=pipeline.schedule.timezone)
    return Interval(float(pipeline.schedule.interval_seconds or 0), anchor_date=_ANCHOR)
