"""Owns how a flow is started: under Prefect where a Prefect API is at hand, else as plain Python.

Invariant: the same flow function runs either way, with the same result and the same errors.
Does not know what the flow does.
"""

import os

from flows.catalogue import function_named
from flows.environment import API
from flows.prefect_api import is_alive, require
from nightsort.config.run import RunParams
from nightsort.errors import ConfigError
from nightsort.reports.data import Report
from tasks.context import in_flow_run
from tasks.notice import tell


def subflow(name: str, params: RunParams) -> Report:
    """Run a flow inside another one."""
    return _under_prefect(name, params) if in_flow_run() else function_named(name)(params)


def launch(name: str, params: RunParams, api: str) -> Report:
    """Run a flow from the command line.

    A Prefect API named by PREFECT_API_URL, or answering at `api`, is told of the run and shows it.
    Without one the flow runs all the same, and neither starts a server for itself nor loads Prefect.
    Whatever ends it, but the hand of a person, people are told of; of a deployment's run an automation tells.
    """
    try:
        return _launched(name, params, api)
    except (Exception, SystemExit) as error:
        tell(params.storage, params.notify, "failed", f"{name} failed: {type(error).__name__}: {error}")
        raise


def _launched(name: str, params: RunParams, api: str) -> Report:
    named = os.environ.get(API)
    if named and not is_alive(named):
        raise ConfigError(f"{API}={named}: no Prefect server answers there; unset it to run without one")
    if not named and not is_alive(api):
        return function_named(name)(params)
    require(named or api)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: named or api}):
        return _under_prefect(name, params)


def _under_prefect(name: str, params: RunParams) -> Report:
    from flows.served import flow_named  # loads Prefect

    return flow_named(name)(params)
