"""Owns how a command starts a flow, or has it said what the flow would do.

Invariant: nothing heavy is imported before it is needed; parameters that are wrong start nothing. Does not know what a
flow does.
"""

from typing import Any

from flows.terminal import quiet, say
from nightsort.errors import ConfigError

PREVIEWED = ("ingest", "train", "classify", "retrain", "augment", "promote")
"""The flows that can say beforehand what they are going to do."""


def launch(flow: str, values: dict[str, Any], declaration: Any, as_json: bool, dry_run: bool = False) -> None:
    """Run a flow with these values of its parameters, and print what came of it.

    :param dry_run: only print what would come of it
    :raises ConfigError: a value is wrong, or the flow has no dry run
    """
    params = _validated(flow, values)
    quiet()
    if dry_run:
        _preview(flow, params, as_json)
        return
    from flows import launch as launching
    from nightsort.reports import store, summary

    report = launching.launch(flow, params, declaration.server.api)
    place = store.location(report)
    say(summary.as_lines(report, place), summary.as_object(report, place), as_json)


def _preview(flow: str, params: Any, as_json: bool) -> None:
    if flow not in PREVIEWED:
        raise ConfigError(f"--dry-run: {flow} has none; those that have are {', '.join(PREVIEWED)}")
    from flows.actions.dry_run import preview

    say(*preview(flow, params), as_json)


def _validated(flow: str, values: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from nightsort.config.catalogue import PARAMS
    from nightsort.faults import faults_of

    try:
        return PARAMS[flow].model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(faults_of(error, PARAMS[flow], flow))) from None
