"""Owns what a Prefect server has of the pipelines, as it was when it was asked.

Invariant: only what this program made for these pipelines is named: deployments that are declared, or have its tag
with that of the storage root; automations that were made for one of them. Nothing is written.
Does not know what is to be there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import BlockDocument, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.filters import AutomationFilter, AutomationFilterTags
from prefect.events.schemas.automations import Automation
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from flows.deployment import automations, deployments
from flows.deployment.deployments import OURS, roots
from flows.deployment.plan import Thing
from nightsort.pipelines import Declaration

_PAGE = 200  # that a server gives at once


@dataclass(frozen=True)
class Found:
    """What a server has.

    :param deployments: `flow/name` -> it; those that are declared, and those that were
    :param automations: name -> it
    :param block: the block of the webhook, with its secret
    """

    pools: dict[str, WorkPool]
    deployments: dict[str, DeploymentResponse]
    automations: dict[str, Automation]
    block: BlockDocument | None

    def things(self, pools: list[str]) -> list[Thing]:
        """All of it as it is compared.

        :param pools: names of those that are asked for
        """
        names = {str(item.id): name for name, item in self.deployments.items()} | self.block_name()
        return [
            *(deployments.pool_as_thing(self.pools[name]) for name in pools if name in self.pools),
            *([webhook_as_thing(str(self.block.data.get("url")))] if self.block else []),
            *(deployments.as_thing(name.partition("/")[0], item) for name, item in self.deployments.items()),
            *(automations.as_thing(item, names) for item in self.automations.values()),
        ]

    def block_name(self) -> dict[str, str]:
        """Its id in words."""
        return {str(self.block.id): "webhook"} if self.block else {}

    def ids(self, declaration: Declaration) -> dict[str, UUID]:
        """The deployments of the declared pipelines; a placeholder for one that is not there yet."""
        return {
            name: self.deployments[full].id if full in self.deployments else uuid5(NAMESPACE_URL, full)
            for name, full in full_names(declaration).items()
        }


def full_names(declaration: Declaration) -> dict[str, str]:
    """Name of a pipeline -> `flow/name`, by which a server knows its deployment."""
    return {name: f"{pipeline.flow}/{name}" for name, pipeline in declaration.pipelines.items()}


def block_name(declaration: Declaration) -> str:
    """Name of the block of the webhook."""
    return roots(declaration)[0].replace(".", "-")


def webhook_as_thing(address: str) -> Thing:
    """The block of the webhook as it is compared."""
    return Thing("webhook", "webhook", {"address": SecretStr(address)})


def look(client: SyncPrefectClient, declaration: Declaration) -> Found:
    """Ask a server for all of it."""
    made = dict(_deployments(client, declaration))
    ours = [str(made[name].id) for name in full_names(declaration).values() if name in made]
    pools = client.read_work_pools(limit=_PAGE)
    about = AutomationFilter(tags=AutomationFilterTags(any_=ours))
    automated = client.read_automations(automations=about, limit=_PAGE) if ours else []
    return Found(
        {pool.name: pool for pool in pools},
        made,
        {item.name: item for item in automated},
        _block(client, block_name(declaration)),
    )


def _deployments(client: SyncPrefectClient, declaration: Declaration) -> Iterator[tuple[str, DeploymentResponse]]:
    for name in full_names(declaration).values():
        try:
            yield name, client.read_deployment_by_name(name)
        except ObjectNotFound:
            continue
    before = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS, roots(declaration)[0]]))
    for item in _paged(client, before):
        yield f"{client.read_flow(item.flow_id).name}/{item.name}", item


def _paged(client: SyncPrefectClient, wanted: DeploymentFilter) -> Iterator[DeploymentResponse]:
    offset = 0
    while page := client.read_deployments(deployment_filter=wanted, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)


def _block(client: SyncPrefectClient, name: str) -> BlockDocument | None:
    try:
        return client.read_block_document_by_name(name, "webhook", include_secrets=True)
    except ObjectNotFound:
        return None
