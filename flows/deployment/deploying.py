"""Owns deploying: a Prefect server is made to have what pipelines.yaml declares, and is told so before.

Invariant: what is as declared is not written; what a person paused or switched off stays so; nothing is taken away but
automations of declared pipelines, unless it is asked for. The webhook's address is in a block of the server, as a
secret, and nowhere else.
Does not know what is declared, nor what a field means.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.deployments.runner import RunnerDeployment
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.types import SecretDict
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type
from pydantic import SecretStr

from flows.deployment import automations, deployments
from flows.deployment.deployed import Found, block_name, full_names, look, webhook_as_thing
from flows.deployment.plan import Step, Thing, lines, plan
from flows.environment import API
from flows.prefect_api import is_alive, require
from nightsort.config import webhook
from nightsort.errors import ConfigError, RunError
from nightsort.pipelines import Declaration
from nightsort.storage import Storage

_NO_BLOCK = uuid5(NAMESPACE_URL, "webhook")  # while there is none


def deploy(
    declaration: Declaration,
    pool: str,
    tell: Callable[[list[str]], None],
    prune: bool = False,
    dry_run: bool = False,
) -> list[Step]:
    """Make the Prefect server in force have every pipeline, for the workers of its work pool.

    :param pool: work pool of pipelines that name none
    :param tell: takes the plan, before anything is done
    :param prune: remove what is no longer declared
    :param dry_run: only tell
    :returns: what was, or would be, done
    :raises ConfigError: no server answers or lets us in; it has another type of pool; the webhook's address is none
    """
    api = PREFECT_API_URL.value() or declaration.server.api
    if not is_alive(api):
        raise ConfigError(f"no Prefect server answers at {api}; set {API} or run 'nightsort up'")
    require(api)
    # A worker has another working directory.
    declaration = declaration.model_copy(update={"storage": Storage(declaration.storage).root})
    with temporary_settings({PREFECT_API_URL: api}):
        return register(declaration, pool, tell, prune, dry_run)[0]


def register(
    declaration: Declaration, pool: str | None, tell: Callable[[list[str]], None], prune: bool, dry_run: bool
) -> tuple[list[Step], dict[str, UUID]]:
    """The same on the server in force.

    :param pool: None if this process serves the pipelines itself
    :returns: the steps, and the id of each pipeline's deployment
    """
    address = webhook.address()
    with get_client(sync_client=True) as client:
        found = look(client, declaration)
        work = _Work(client, declaration, found, deployments.deployments(declaration, pool), address)
        places = list(deployments.pools(declaration, pool, found.pools)) if pool else []
        steps = plan([*places, *work.declared()], found.things([place.name for place in places]), prune)
        tell(lines(steps))
        if not dry_run:
            try:
                work.do(steps, {place.name: place for place in places})
            except PrefectHTTPStatusError as error:
                raise RunError(f"the Prefect server refused a step of the plan: {error}") from None
        return steps, work.ids


@dataclass
class _Work:
    """One deploying: what is declared, what was found, and the ids that come about."""

    client: SyncPrefectClient
    declaration: Declaration
    found: Found
    made: list[RunnerDeployment]
    address: str

    def __post_init__(self) -> None:
        self.ids = self.found.ids(self.declaration)
        self.block = (self.found.block.id if self.found.block else _NO_BLOCK) if self.address else None

    def declared(self) -> list[Thing]:
        """All but the pools."""
        full = full_names(self.declaration)
        names = {str(self.ids[name]): full[name] for name in full} | {str(self.block): "webhook"}
        return [
            *([webhook_as_thing(self.address)] if self.address else []),
            *(deployments.as_thing(item.flow_name or "", item) for item in self.made),
            *(automations.as_thing(core, names) for core in self.cores()),
        ]

    def cores(self) -> list[AutomationCore]:
        """The automations, about the ids of this moment."""
        return automations.automations(self.declaration, self.ids, self.block)

    def do(self, steps: list[Step], pools: dict[str, Thing]) -> None:
        """Carry the plan out: what others need first, and what is not needed last."""
        deployed = {f"{item.flow_name}/{item.name}": item for item in self.made}
        writes = [step for step in steps if step.action in ("create", "update")]
        for step in writes:
            if step.kind == "pool":
                self._pool(step, pools[step.name])
            elif step.kind == "webhook":
                self._webhook()
            elif step.kind == "deployment":
                item = deployed[step.name]
                self.ids[item.name] = self._create(item) if step.action == "create" else self._update(step, item)
        cores = {core.name: core for core in self.cores()}  # about deployments that are there by now
        for step in writes:
            if step.kind == "automation":
                self._automation(cores[step.name])
        for step in steps:
            if step.action == "remove":
                self._remove(step)

    def _pool(self, step: Step, pool: Thing) -> None:
        limit = pool.fields["concurrency"]
        if step.action == "update":
            self.client.update_work_pool(pool.name, WorkPoolUpdate(concurrency_limit=limit))
            return
        kind = pool.fields["type"]
        template = asyncio.run(get_default_base_job_template_for_infrastructure_type(kind)) or {}
        made = WorkPoolCreate(name=pool.name, type=kind, base_job_template=template, concurrency_limit=limit)
        self.client.create_work_pool(made)

    def _webhook(self) -> None:
        headers = SecretDict({"content-type": "application/json"})
        made = Webhook(url=SecretStr(self.address), headers=headers)
        self.block = made.save(block_name(self.declaration), overwrite=True)

    def _create(self, item: RunnerDeployment) -> UUID:
        flow = self.client.create_flow_from_name(item.flow_name or "")
        return self.client.create_deployment(
            flow, item.name, work_pool_name=item.work_pool_name, schedules=item.schedules, **_payload(item)
        )

    def _update(self, step: Step, item: RunnerDeployment) -> UUID:
        before = self.found.deployments[step.name]
        update = DeploymentUpdate(work_pool_name=item.work_pool_name, **_payload(item))
        self.client.update_deployment(before.id, update)
        if any(change.field == "schedule" for change in step.changes):
            active = not before.schedules or any(entry.active for entry in before.schedules)
            for entry in before.schedules:
                self.client.delete_deployment_schedule(before.id, entry.id)
            if item.schedules:
                self.client.create_deployment_schedules(before.id, [(one.schedule, active) for one in item.schedules])
        return before.id

    def _automation(self, core: AutomationCore) -> None:
        before = self.found.automations.get(core.name)
        enabled = before.enabled if before else True
        # A field that was not set is not sent.
        whole = AutomationCore(**core.model_dump(exclude={"owner_resource"}) | {"enabled": enabled})
        if before:
            self.client.update_automation(before.id, whole)
        else:
            self.client.create_automation(whole)

    def _remove(self, step: Step) -> None:
        if step.kind == "automation":
            self.client.delete_automation(self.found.automations[step.name].id)
        elif step.kind == "deployment":
            self.client.delete_deployment(self.found.deployments[step.name].id)
        elif self.found.block:
            self.client.delete_block_document(self.found.block.id)


def _payload(item: RunnerDeployment) -> dict[str, object]:
    """What creating and updating write alike; `paused` is not among it."""
    return {
        "description": item.description,
        "version": item.version,
        "tags": item.tags,
        "parameters": item.parameters,
        "entrypoint": item.entrypoint,
        "path": None,
        "pull_steps": [],
        "job_variables": item.job_variables,
        "enforce_parameter_schema": True,
        "parameter_openapi_schema": deployments.schema(item),
    }
