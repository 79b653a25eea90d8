"""Owns where each flow is found: the same names as `nightsort.config.PARAMS`.

Invariant: a flow is imported when it is asked for, so that an ingest does not load torch.
"""

from importlib import import_module
from typing import Any

from prefect import Flow

from nightsort.reports.data import Report


def flow_named(name: str) -> Flow[Any, Report]:
    """The flow `name`, which is the function of that name in the module of that name."""
    flow: Flow[Any, Report] = getattr(import_module(f"flows.{name}"), name)
    return flow
