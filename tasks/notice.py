"""Owns telling people of an occasion, by a plain webhook: one JSON object to the address in NIGHTSORT_WEBHOOK.

Invariant: an occasion is told once: where an automation of the Prefect server tells of it, this stays silent. The
address is a secret, and is never shown or kept. Telling never fails the work, nor keeps it for long.
Does not know what an occasion is about.
"""

import hashlib
import logging
import os
from collections.abc import Sequence

import httpx

from nightsort.config.webhook import ADDRESS
from nightsort.redaction import redacted
from nightsort.words import Occasion
from tasks.context import in_flow_run

_TIMEOUT = 5.0  # seconds
_LONGEST = 1000  # characters told


def resource(root: str) -> str:
    """What the events and automations of a storage root are about: a name that gives the place away to nobody."""
    return f"nightsort.storage.{hashlib.sha256(root.encode()).hexdigest()[:12]}"


def automation(occasion: Occasion) -> str:
    """Name of the automation that tells of an occasion; see :mod:`flows.deployment.automations`."""
    return f"nightsort: tell when {_WHEN[occasion]}"


_WHEN: dict[Occasion, str] = {
    "failed": "a run failed",
    "crashed": "a run crashed",
    "refused": "a model was refused",
    "drift": "pictures drifted",
}


def tell(storage: str, wanted: Sequence[str], occasion: Occasion, text: str, **facts: str) -> None:
    """Tell people, if they want to be told of it, unless an automation does: what :func:`post` does otherwise."""
    if os.environ.get(ADDRESS) and occasion in wanted and not (in_flow_run() and is_automated(storage, occasion)):
        post(storage, wanted, occasion, text, **facts)


def post(storage: str, wanted: Sequence[str], occasion: Occasion, text: str, **facts: str) -> None:
    """Tell people, if they want to be told of it.

    :param storage: the storage root that it happened in
    :param wanted: the occasions they want to be told of
    :param text: what happened, for people
    :param facts: more, for programs, such as run_id
    """
    address = os.environ.get(ADDRESS)
    if not address or occasion not in wanted:
        return
    told = {"text": redacted(f"Nightsort: {text}")[:_LONGEST], "occasion": occasion, "storage": storage, **facts}
    try:
        with httpx.stream("POST", address, json=told, timeout=_TIMEOUT) as answer:  # its body may never end
            problem = "" if answer.is_success else f"it answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # their words may hold the address
        problem = type(error).__name__
    if problem:
        logging.getLogger(__name__).warning(
            "nobody could be told at %s: %s; it was: %s", ADDRESS, problem, redacted(text)
        )


def is_automated(storage: str, occasion: Occasion) -> bool:
    """Whether an automation of the Prefect server tells of it."""
    from prefect.client.orchestration import get_client
    from prefect.events.filters import AutomationFilter, AutomationFilterName, AutomationFilterTags

    ours = AutomationFilter(
        name=AutomationFilterName(any_=[automation(occasion)]), tags=AutomationFilterTags(all_=[resource(storage)])
    )
    try:
        with get_client(sync_client=True) as client:
            return any(item.enabled for item in client.read_automations(automations=ours))
    except Exception:  # better twice than never
        return False
