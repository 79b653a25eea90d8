"""Owns what a Prefect server is to know of the pipelines: their deployments, and the pools that these are in.

Invariant: a function of pipelines.yaml and of this version of Nightsort alone; the same fields are taken from what is
declared and from what a server has, so that the two can be compared.
Does not know a server.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC
from importlib.metadata import version
from typing import Any

from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.deployments.runner import EntrypointType, RunnerDeployment
from prefect.schedules import Cron, Interval, RRule, Schedule
from pydantic import SecretStr

from flows.deployment.plan import Thing
from flows.environment import HEARTBEAT
from flows.served import flow_named
from nightsort.config import schedule as schedules
from nightsort.config.serving import Pool
from nightsort.errors import ConfigError
from nightsort.pipelines import Declaration, Pipeline
from nightsort.storage import Storage
from tasks.notice import resource

OURS = "nightsort"
"""Tag of every deployment that this program made."""


def roots(declaration: Declaration) -> list[str]:
    """What events are about: the declared storage root first, then those that pipelines have of their own."""
    own = (declaration.params(name).storage for name in declaration.pipelines)
    return list(dict.fromkeys(resource(Storage(root).root) for root in (declaration.storage, *own)))


def deployments(declaration: Declaration, pool: str | None = None) -> list[RunnerDeployment]:
    """Every pipeline as a deployment.

    :param pool: the work pool of those that name none; None if this process serves them all
    :raises ConfigError: none is declared
    """
    if not declaration.pipelines:
        raise ConfigError("pipelines: none is declared, so there is nothing to serve; see the README's pipelines.yaml")
    return [_deployment(declaration, name, pipeline, pool) for name, pipeline in declaration.pipelines.items()]


def _deployment(declaration: Declaration, name: str, pipeline: Pipeline, pool: str | None) -> RunnerDeployment:
    flow = flow_named(pipeline.flow)
    place = pipeline.pool or pool if pool else None
    deployment: RunnerDeployment = flow.to_deployment(
        name=name,
        description=pipeline.description or flow.description,
        version=version("nightsort"),
        parameters={"params": declaration.params(name).model_dump(mode="json")},
        schedule=_schedule(pipeline),
        tags=sorted({OURS, resource(Storage(declaration.storage).root), *pipeline.tags}),
        work_pool_name=place,
        job_variables=_job_variables(declaration, pipeline, declaration.pools.get(place)) if place else {},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment.entrypoint = f"flows.served.{flow.name}"  # Prefect would name the plain function
    return deployment


def _job_variables(declaration: Declaration, pipeline: Pipeline, pool: Pool | None) -> dict[str, Any]:
    of_pool = pool.job_variables if pool else {}
    beats = {HEARTBEAT: str(declaration.server.heartbeat_seconds)} if declaration.server.zombie_seconds else {}
    env = {**beats, **of_pool.get("env", {}), **pipeline.job_variables.get("env", {})}
    both = {**of_pool, **pipeline.job_variables}
    return {**both, "env": {name: str(value) for name, value in env.items()}} if env else both


def _schedule(pipeline: Pipeline) -> Schedule | None:
    declared = pipeline.schedule
    if declared is None:
        return None
    if declared.cron:
        return Cron(declared.cron, timezone=declared.timezone)
    if declared.rrule:
        return RRule(declared.rule, timezone=declared.timezone)
    return Interval(float(declared.interval_seconds or 0), anchor_date=schedules.START.replace(tzinfo=UTC))


def as_thing(flow: str, item: RunnerDeployment | DeploymentResponse) -> Thing:
    """A deployment as it is compared; whether a person paused it is none of our business."""
    paused = [entry for entry in item.schedules or [] if not entry.active]
    fields = {
        "description": item.description,
        "version": item.version,
        "tags": sorted(item.tags),
        "entrypoint": item.entrypoint,
        "pool": item.work_pool_name,
        "schedule": sorted(map(said, item.schedules or [])),
        "parameters": (item.parameters or {}).get("params", item.parameters),
        "form": _form(item),
        "job_variables": _hidden(item.job_variables or {}),
    }
    return Thing("deployment", f"{flow}/{item.name}", fields, "its schedule is paused, and stays so" if paused else "")


def said(entry: Any) -> str:
    """A schedule in words, the same for what is declared and for what a server gives back."""
    match entry.schedule:
        case CronSchedule() as cron:
            return f"{cron.cron} {cron.timezone}"
        case RRuleSchedule() as rule:
            return f"{' '.join(rule.rrule.split())} {rule.timezone}"
        case IntervalSchedule() as every:
            return f"every {every.interval.total_seconds():g} s from {every.anchor_date.astimezone(UTC):%Y-%m-%d %H:%M}"
    return str(entry.schedule)


def schema(item: RunnerDeployment | DeploymentResponse) -> dict[str, Any]:
    """What the form of the UI is made from."""
    if isinstance(item, RunnerDeployment):
        return dict(item._parameter_openapi_schema.model_dump(exclude_unset=True))
    return item.parameter_openapi_schema or {}


def _form(item: RunnerDeployment | DeploymentResponse) -> str:
    """A short name of the form, which would fill pages."""
    return hashlib.sha256(json.dumps(schema(item), sort_keys=True).encode()).hexdigest()[:12]


def _hidden(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Values of environment variables may be secrets; that of our own is none."""
    env = variables.get("env")
    if not isinstance(env, Mapping):
        return dict(variables)
    hidden = {name: value if name == HEARTBEAT else SecretStr(str(value)) for name, value in env.items()}
    return {**variables, "env": hidden}


def pools(declaration: Declaration, default: str, found: Mapping[str, WorkPool]) -> Iterator[Thing]:
    """The pools that are used, as they are to be; one that is not declared only has to be there.

    :raises ConfigError: a pool of this name has another type
    """
    used = dict.fromkeys(pipeline.pool or default for pipeline in declaration.pipelines.values())
    for name in dict.fromkeys((*declaration.pools, *used)):
        pool, there = declaration.pools.get(name), found.get(name)
        if there and not pool:
            yield pool_as_thing(there)
            continue
        pool = pool or Pool()
        if there and there.type != pool.type:
            raise ConfigError(
                f"pools.{name}: is a {pool.type} pool, but the server has a {there.type} pool of this name; choose "
                "another name, or delete that one"
            )
        yield Thing("pool", name, {"type": pool.type, "concurrency": pool.concurrency})


def pool_as_thing(pool: WorkPool) -> Thing:
    """A pool as it is compared."""
    note = "it is paused, and stays so" if pool.is_paused else ""
    return Thing("pool", pool.name, {"type": pool.type, "concurrency": pool.concurrency_limit}, note)
