"""Owns the automations of the pipelines: what starts one by itself, what tells people, what ends a run that is dead.

Invariant: a function of what is declared and of who it is about; the webhook's address is in none of them.
Does not know when an event is emitted, nor how a server is written to.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, get_args
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.deployment.deployments import OURS, roots
from flows.deployment.plan import Thing
from nightsort.config.webhook import ADDRESS
from nightsort.pipelines import Declaration
from nightsort.storage import Storage
from nightsort.words import Occasion, Trigger
from tasks.events import BY_ITSELF, DRIFT, LABELS, REFUSED, STARTED
from tasks.notice import automation, resource

_STARTS: dict[Trigger, tuple[str, str]] = {"labels": (LABELS, "labels arrive"), "drift": (DRIFT, "pictures drift")}
_STATES: dict[Occasion, str] = {"failed": "prefect.flow-run.Failed", "crashed": "prefect.flow-run.Crashed"}
_EVENTS: dict[Occasion, str] = {"refused": REFUSED, "drift": DRIFT}
_LONGEST = 900  # characters told
_HEARTBEAT = "prefect.flow-run.heartbeat"
_ENDS = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Crashed", "Cancelled")}


def automations(declaration: Declaration, deployments: Mapping[str, UUID], block: UUID | None) -> list[AutomationCore]:
    """All that is declared.

    :param deployments: name of a pipeline -> its deployment on the server
    :param block: the block of the webhook; None if nobody wants to be told
    """
    made = [*_starting(declaration, deployments), *_ending(declaration, deployments)]
    if block:
        made += _telling(declaration, deployments, block)
    tags = [OURS, *roots(declaration), *map(str, deployments.values())]
    return [item.model_copy(update={"tags": tags}) for item in made]


def as_thing(core: AutomationCore, named: Mapping[str, str]) -> Thing:
    """An automation as it is compared; whether a person switched it off is none of our business.

    :param named: ids on the server -> names for people
    """
    text = core.model_dump_json(include={"description", "tags", "trigger", "actions"})
    for identifier, name in named.items():
        text = text.replace(identifier, name)
    note = "" if core.enabled else "it is switched off, and stays so"
    return Thing("automation", core.name, _in_order(json.loads(text)), note)


def _in_order(value: Any) -> Any:
    """Sets come back from a server in any order."""
    if isinstance(value, dict):
        return {key: _in_order(item) for key, item in value.items() if key != "id"}
    if isinstance(value, list):
        plain = all(isinstance(item, str) for item in value)
        return sorted(value) if plain else [_in_order(item) for item in value]
    return value


def _starting(declaration: Declaration, deployments: Mapping[str, UUID]) -> Iterator[AutomationCore]:
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


def _ending(declaration: Declaration, deployments: Mapping[str, UUID]) -> Iterator[AutomationCore]:
    """What ends a run whose process or machine is gone, which nobody else would."""
    seconds = declaration.server.zombie_seconds
    if not seconds:
        return
    yield AutomationCore(
        name="nightsort: crash what is dead",
        description=f"A run not heard of for {seconds} s is made Crashed. See zombie_seconds in pipelines.yaml.",
        trigger=EventTrigger(
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *_ENDS},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=_of(deployments.values()),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=seconds),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"Not heard of for {seconds} s: its process or machine is gone, or cut off. What it did is "
                "kept; start it again, or wait for the next run, which goes on where it stopped.",
            )
        ],
    )


def _of(deployments: Iterable[UUID]) -> dict[str, Any]:
    """Events about runs of these deployments."""
    ids = [f"prefect.deployment.{identifier}" for identifier in deployments]
    return {"prefect.resource.id": ids, "prefect.resource.role": "deployment"}


def _telling(declaration: Declaration, deployments: Mapping[str, UUID], block: UUID) -> Iterator[AutomationCore]:
    """What tells people of the occasions that any pipeline is to tell of."""
    for occasion in get_args(Occasion):
        asking = [name for name in deployments if occasion in declaration.params(name).notify]
        if not asking:
            continue
        event = _STATES.get(occasion) or _EVENTS[occasion]
        if occasion in _STATES:
            related = _of(deployments[name] for name in asking)
            trigger = _on(event, {"prefect.resource.id": "prefect.flow-run.*"}, related)
            said = f"(deployment.name ~ ' {occasion}: ' ~ (flow_run.state.message or ''))"
        else:
            trigger = _on(event, {"prefect.resource.id": roots(declaration)})
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
