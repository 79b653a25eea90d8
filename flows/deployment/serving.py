"""Owns the one-process form of a deployment: a Prefect server with every pipeline served by this process.

Invariant: what the server knows of a pipeline is what pipelines.yaml declares; see :mod:`~flows.deployment.deploying`.
Binds to loopback unless pipelines.yaml names another host, and then says so if nobody has to give a password.
Does not know what a flow does.
"""

import ipaddress
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import prefect
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flows.deployment.deploying import register
from flows.deployment.deployments import deployments
from flows.deployment.server import running
from flows.environment import API, CREDENTIALS, HEARTBEAT, SERVER_CREDENTIALS
from flows.prefect_api import require
from nightsort.config.serving import Server
from nightsort.errors import ConfigError
from nightsort.pipelines import Declaration
from nightsort.storage import Storage


class _Registered(RunnerDeployment):
    """A deployment that the server has already: serving it writes nothing, so that what a person paused stays so."""

    identifier: UUID

    async def aapply(self, *_: Any, **__: Any) -> UUID:
        """The id that the runner asks the work of."""
        return self.identifier


def up(declaration: Declaration) -> None:
    """Start a Prefect server on SQLite and serve every pipeline until interrupted.

    :raises ConfigError: none is declared, or the working directory has a module of one of our names
    """
    _alone(Path.cwd())
    made = deployments(declaration)
    storage = Storage(declaration.storage)
    storage.prepare()
    if storage.is_local:  # else the user's own Prefect home
        os.environ.setdefault("PREFECT_HOME", storage.locate("prefect"))
    if warning := exposed(declaration.server):
        click.echo(f"nightsort: {warning}", err=True)
    with running(declaration.server), _client_of(declaration.server):
        require(declaration.server.api)
        click.echo(f"Nightsort is up: http://{declaration.server.host}:{declaration.server.port}")
        _, ids = register(declaration, None, _tell, prune=False, dry_run=False)
        serving = [
            _Registered(name=item.name, flow_name=item.flow_name, entrypoint=item.entrypoint, identifier=ids[item.name])
            for item in made
        ]
        for item in serving:
            click.echo(f"  serving {item.name}")
        # Prefect 3.8.8 forgets to await its own stop when it is told to end.
        warnings.filterwarnings("ignore", message="coroutine 'Runner.astop'", category=RuntimeWarning)
        try:
            prefect.serve(*serving, print_starting_message=False, pause_on_shutdown=False)
        finally:  # told by SIGTERM, Prefect ends by an exception
            click.echo("Nightsort is going down; until it is up again nothing starts by itself.")


def _alone(folder: Path) -> None:
    """Prefect looks for a run's code in the working directory before it looks at what is installed."""
    for name in ("flows", "tasks", "nightsort"):
        ours, found = find_spec(name), PathFinder.find_spec(name, [str(folder)])
        if ours and found and found.loader and not Path(str(found.origin)).samefile(str(ours.origin)):
            raise ConfigError(
                f"{found.origin}: every run would import it in the place of Nightsort's own {name}; "
                "start from another folder, with --config"
            )


def exposed(server: Server) -> str | None:
    """What is to be said of a server that everybody may use."""
    try:
        alone = ipaddress.ip_address(server.host).is_loopback
    except ValueError:
        alone = server.host == "localhost"
    if alone or os.environ.get(SERVER_CREDENTIALS):
        return None
    return (
        f"server.host: everybody who reaches {server.host}:{server.port} may start runs and read the parameters; set "
        f"{SERVER_CREDENTIALS} to NAME:PASSWORD"
    )


@contextmanager
def _client_of(server: Server) -> Iterator[None]:
    """This process as a client of the server; what the runner starts finds it by its environment."""
    os.environ[API] = server.api
    if asked := os.environ.get(SERVER_CREDENTIALS):
        os.environ.setdefault(CREDENTIALS, asked)
    if server.zombie_seconds:
        os.environ.setdefault(HEARTBEAT, str(server.heartbeat_seconds))
    settings: dict[Any, Any] = {PREFECT_API_URL: server.api}
    if credentials := os.environ.get(CREDENTIALS):
        settings[PREFECT_API_AUTH_STRING] = credentials
    with temporary_settings(settings):
        yield


def _tell(lines: list[str]) -> None:
    for line in lines:
        click.echo(f"  {line}")
