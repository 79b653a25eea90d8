"""Owns what is done about a run that died: whoever finds the lease it left behind tells of it.

Invariant: a death is told once: where Prefect saw it, an automation told of it, and this stays silent. A run that
Prefect still believes to be at work, since the machine went down with the server, is told of here.
Does not know how a death is found; see :mod:`nightsort.leases.lease`.
"""

import os
from collections.abc import Sequence

from nightsort.leases.claims import Note
from tasks.context import in_flow_run
from tasks.notice import is_automated, post

_FLOW_RUN = "PREFECT__FLOW_RUN_ID"  # what a runner or a worker of Prefect gives to the process of a flow run


def watch() -> str:
    """The Prefect flow run whose end a runner or a worker watches, if this process is one's."""
    return os.environ.get(_FLOW_RUN, "")


def mourn(storage: str, wanted: Sequence[str], dead: Note) -> str:
    """Tell people that a run died.

    :param storage: the storage root that it worked on
    :param wanted: the occasions that people want to be told of
    :return: the same for the report of the run that found out
    """
    who = f"run {dead.run}" if dead.run else "the run"
    text = f"{who} before this one died: process {dead.pid} on {dead.host}, begun {dead.since.isoformat()}"
    if not (dead.watch and in_flow_run() and is_automated(storage, "crashed") and _seen(dead.watch)):
        post(storage, wanted, "crashed", text, found_dead=dead.run)
    return f"{text}; this run went on with its work"


def _seen(flow_run: str) -> bool:
    """Whether Prefect knows that a flow run has ended."""
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(flow_run).state  # type: ignore[arg-type]
            return bool(state and state.is_final())
    except Exception:  # better twice than never
        return False
