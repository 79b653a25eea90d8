"""Owns the automations on a Prefect server: what starts a pipeline by itself, and what tells people.

Invariant: after :func:`automate` the server has those that pipelines.yaml and NIGHTSORT_WEBHOOK ask for and no others
of these pipelines, however often it ran; one that a person switched off stays off. The webhook's address is in a
block of the server, as a secret, and nowhere else.
Does not know when an event is emitted.
"""

import json
import os
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import httpx
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import CallWebhook, RunDeployment
from prefect.events.filters import AutomationFilter, AutomationFilterTags
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.types import SecretDict
from pydantic import SecretStr

from nightsort.errors import ConfigError
from nightsort.pipelines import Declaration
from nightsort.storage import Storage
from nightsort.words import Occasion, Trigger
from tasks.events import BY_ITSELF, DRIFT, LABELS, REFUSED, STARTED
from tasks.notice import ADDRESS, automation, resource

_STARTS: dict[Trigger, tuple[str, str]] = {"labels": (LABELS, "labels arrive"), "drift": (DRIFT, "pictures drift")}
_STATES: dict[Occasion, str] = {"failed": "prefect.flow-run.Failed", "crashed": "prefect.flow-run.Crashed"}
_EVENTS: dict[Occasion, str] = {"refused": REFUSED, "drift": DRIFT}
_LONGEST = 900  # characters told


def automate(declaration: Declaration, deployments: dict[str, UUID]) -> list[str]:
    """Make the automations of these pipelines those that are declared.

    :param deployments: name of a pipeline -> its deployment on the server
    :returns: their names
    :raises ConfigError: if the webhook's address is none
    """
    address = _address()
    with get_client(sync_client=True) as client:
        wanted = [*_starting(declaration, deployments)]
        if address:
            wanted += _telling(declaration, deployments, _block(declaration, address))
        _reconcile(client, _roots(declaration), [str(identifier) for identifier in deployments.values()], wanted)
    return [item.name for item in wanted]


def _roots(declaration: Declaration) -> list[str]:
    """What events are about: the declared storage root first, then those that pipelines have of their own."""
    own = (declaration.params(name).storage for name in declaration.pipelines)
    return list(dict.fromkeys(resource(Storage(root).root) for root in (declaration.storage, *own)))


def _address() -> str:
    address = os.environ.get(ADDRESS, "")
    if address:
        try:
            known = httpx.URL(address)
        except httpx.InvalidURL:
            known = httpx.URL()
        if known.scheme not in ("http", "https") or not known.host:
            raise ConfigError(f"{ADDRESS}: must be an address such as https://host/path; it is a secret, so not shown")
    return address


def _starting(declaration: Declaration, deployments: dict[str, UUID]) -> Iterator[AutomationCore]:
    """What starts a pipeline; never for what a flow inside another one did, which goes on with it by itself."""
    for name, pipeline in declaration.pipelines.items():
        params = declaration.params(name)
        due = params.model_dump(mode="json") | {"if_needed": True}
        root = resource(Storage(params.storage).root)
        for trigger in pipeline.triggers:
            event, when = _STARTS[trigger]
            yield AutomationCore(
                name=f"nightsort: {name} when {when}",
                description=f"At {event}: starts {name}, which first asks if enough is new. See pipelines.yaml.",
                trigger=_on(event, {"prefect.resource.id": root, STARTED: BY_ITSELF}),
                # All parameters: the server replaces `params` of the deployment as a whole.
                actions=[RunDeployment(deployment_id=deployments[name], parameters={"params": due})],
            )


def _telling(declaration: Declaration, deployments: dict[str, UUID], block: UUID) -> Iterator[AutomationCore]:
    """What tells people of the occasions that any pipeline is to tell of."""
    for occasion in get_args(Occasion):
        asking = [name for name in deployments if occasion in declaration.params(name).notify]
        ids = [f"prefect.deployment.{deployments[name]}" for name in asking]
        if not asking:
            continue
        event = _STATES.get(occasion) or _EVENTS[occasion]
        if occasion in _STATES:
            related = {"prefect.resource.id": ids, "prefect.resource.role": "deployment"}
            trigger = _on(event, {"prefect.resource.id": "prefect.flow-run.*"}, related)
            said = f"(deployment.name ~ ' {occasion}: ' ~ (flow_run.state.message or ''))"
        else:
            trigger = _on(event, {"prefect.resource.id": _roots(declaration)})
            said = "event.payload.text"
        yield AutomationCore(
            name=automation(occasion),
            description=f"At {event}: tells the address in {ADDRESS}. See notify in pipelines.yaml.",
            trigger=trigger,
            actions=[CallWebhook(block_document_id=block, payload=_payload(occasion, said, declaration.storage))],
        )


def _on(event: str, match: dict[str, Any], related: dict[str, Any] | None = None) -> EventTrigger:
    """A trigger that fires at each of these events."""
    return EventTrigger(
        expect={event},
        match=match,
        match_related=related or {},
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
    )


def _payload(occasion: Occasion, said: str, storage: str) -> str:
    """A template of the object that :func:`tasks.notice.post` sends; what comes in from outside is quoted as JSON."""
    text = f"{{{{ ('Nightsort: ' ~ {said}) | truncate({_LONGEST}) | tojson }}}}"
    root = json.dumps(storage).replace("{", "\\u007b")  # else a template
    return f'{{"text": {text}, "occasion": "{occasion}", "storage": {root}}}'


def _block(declaration: Declaration, address: str) -> UUID:
    headers = SecretDict({"content-type": "application/json"})
    name = _roots(declaration)[0].replace(".", "-")
    return Webhook(url=SecretStr(address), headers=headers).save(name, overwrite=True)


def _reconcile(
    client: SyncPrefectClient, roots: list[str], deployments: list[str], wanted: list[AutomationCore]
) -> None:
    """Ours are those that were made for any of our deployments, whatever storage root they had then."""
    ours = AutomationFilter(tags=AutomationFilterTags(any_=deployments))
    known = {item.name: item for item in client.read_automations(automations=ours, limit=200)}
    for name in known.keys() - {core.name for core in wanted}:
        client.delete_automation(known[name].id)
    for core in wanted:
        before = known.get(core.name)
        kept = {"tags": ["nightsort", *roots, *deployments], "enabled": not before or before.enabled}
        whole = AutomationCore(**core.model_dump(exclude={"owner_resource"}) | kept)  # what is unset would not be sent
        if before:
            client.update_automation(before.id, whole)
        else:
            client.create_automation(whole)
