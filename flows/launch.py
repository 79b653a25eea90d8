"""Owns how a flow is started: under Prefect where a Prefect API is at hand, else as plain Python.

Invariant: the same flow function runs either way, with the same result and the same errors.
Does not know what the flow does.
"""

import os
from typing import Any

import httpx
from prefect import Flow
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL, temporary_settings

from nightsort.config import RunParams
from nightsort.errors import ConfigError
from nightsort.reports.data import Report

_TIMEOUT = 1.0  # seconds to wait for a server that is there; one that is not refuses at once


def subflow(flow: Flow[Any, Report], params: RunParams) -> Report:
    """Run a flow inside another one."""
    return flow(params) if FlowRunContext.get() else flow.fn(params)


def launch(flow: Flow[Any, Report], params: RunParams, api: str) -> Report:
    """Run a flow from the command line.

    A Prefect API named by PREFECT_API_URL, or answering at `api`, is told of the run and shows it.
    Without one the flow runs all the same, and starts no server for itself.
    """
    if named := os.environ.get("PREFECT_API_URL"):
        if not is_alive(named):
            raise ConfigError(f"PREFECT_API_URL={named}: no Prefect server answers there; unset it to run without one")
        return flow(params)
    if is_alive(api):
        with temporary_settings({PREFECT_API_URL: api}):
            return flow(params)
    return flow.fn(params)


def is_alive(api: str) -> bool:
    """Whether a Prefect API answers."""
    try:
        return httpx.get(f"{api}/health", timeout=_TIMEOUT).status_code == 200
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
