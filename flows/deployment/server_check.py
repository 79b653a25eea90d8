"""Owns the check of the Prefect server: whether it answers, lets us in, is of our version, and keeps our time.

Invariant: nothing is written to it, and the credentials are never shown. Does not know what is deployed on it.
"""

import os
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import httpx

from flows.environment import API, HEARTBEAT
from flows.prefect_api import is_alive, require
from nightsort.config.serving import Server
from nightsort.errors import ConfigError
from nightsort.operations.checks.clocks import apart
from nightsort.operations.checks.finding import Finding, fail, ok, warn


def server(settings: Server) -> Iterator[Finding]:
    """The server that PREFECT_API_URL names, or else the one of pipelines.yaml."""
    named = os.environ.get(API)
    api = (named or settings.api).rstrip("/")
    if not is_alive(api):
        told = f"no Prefect server answers at {api}"
        if named:
            yield fail("server", told, f"start it, or unset {API}: no command works that tells a server of its runs")
        else:
            yield warn("server", f"{told}: nothing starts by itself", f"run 'nightsort up', or set {API}")
        return
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    try:
        require(api)
    except ConfigError as error:
        yield fail("server", str(error), "mend it; docs/server.md says how")
    else:
        with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
            yield from _asked(api, partial(client.request, "GET"))
    yield _heartbeat(settings)


def _asked(api: str, get: Callable[..., httpx.Response]) -> Iterator[Finding]:
    before = time.time()
    answer = get("/admin/version")
    yield _version(api, str(answer.json()))
    if date := answer.headers.get("date"):
        yield apart("clock", f"the clock of {api}", parsedate_to_datetime(date).timestamp(), before, time.time())
    yield _kept(get("/admin/settings").json())


def _version(api: str, there: str) -> Finding:
    here = version("prefect")
    if there == here:
        return ok("server", f"{api}: Prefect {there}, as here")
    told = f"{api}: Prefect {there}, here {here}"
    if there.split(".")[:2] == here.split(".")[:2]:
        return warn("server", told, "install the same release; upgrade the server first")
    return fail("server", told, "install the same release; upgrade the server first")


def _kept(settings: dict[str, Any]) -> Finding:
    """Where the server keeps what it knows, as far as it tells."""
    database = settings.get("server", {}).get("database", {})
    kind = str(database.get("driver") or database.get("connection_url") or "").partition("+")[0].partition(":")[0]
    if kind == "postgresql":
        return ok("server", "it keeps its records in PostgreSQL")
    if kind == "sqlite":
        return ok("server", "it keeps its records in SQLite, which is for one machine; docs/server.md has more")
    return ok("server", "it does not tell where it keeps its records; docs/server.md names what lasts")


def _heartbeat(settings: Server) -> Finding:
    if not settings.zombie_seconds:
        return warn("server", "zombie_seconds is 0: a run whose machine dies stays Running", "set it in pipelines.yaml")
    every = os.environ.get(HEARTBEAT)
    least = f"{settings.heartbeat_seconds} s" if every is None else f"{every} s by {HEARTBEAT}"
    return ok(
        "server", f"runs are to be heard of every {least}; silent for {settings.zombie_seconds} s they are Crashed"
    )
