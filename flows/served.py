"""Owns the flows as Prefect knows them: the function of each flow's module, with its name and description.

Invariant: one for each of `nightsort.config.catalogue.PARAMS`; a deployment names them here, `flows.served.<name>`.
A flow's module is imported when it runs: all of them together load torch, which takes longer than a deploy or a
night's ingest. Does not know what a flow does. Importing Prefect takes a second, so nothing that runs without it
imports this.
"""

from typing import Any

from prefect import Flow, flow

from flows.catalogue import DESCRIPTIONS, function_named
from nightsort.config.catalogue import PARAMS
from nightsort.config.run import RunParams
from nightsort.reports.data import Report


def _served(name: str) -> Flow[Any, Report]:
    def run(params: RunParams) -> Report:
        return function_named(name)(params)

    run.__annotations__["params"] = PARAMS[name]  # what Prefect makes the form of
    run.__doc__ = PARAMS[name].__doc__
    return flow(run, name=name, description=DESCRIPTIONS[name])


ingest = _served("ingest")
train = _served("train")
classify = _served("classify")
retrain = _served("retrain")
compare = _served("compare")
tune = _served("tune")
ensemble = _served("ensemble")
augment = _served("augment")
audit = _served("audit")
promote = _served("promote")


def flow_named(name: str) -> Flow[Any, Report]:
    """The flow `name`; :func:`flows.catalogue.function_named` has the same without Prefect."""
    found: Flow[Any, Report] = globals()[name]
    return found
