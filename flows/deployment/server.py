"""Owns the process of the Prefect server that `nightsort up` starts.

Invariant: while it is wanted it is there: one that dies is started again, so that the next night is not missed; when
it is no longer wanted it ends. One that somebody else started is used, never touched.
Does not know what is served.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

import click

from flows.prefect_api import is_alive
from nightsort.config.serving import Server
from nightsort.errors import ConfigError, RunError

_START_SECONDS = 120
_STOP_SECONDS = 15
_LOOK_SECONDS = 2.0  # between two looks whether it is still there


@contextmanager
def running(server: Server) -> Iterator[None]:
    """A Prefect server for the length of a with-block.

    :raises ConfigError: something else has the port
    :raises RunError: it does not start
    """
    if is_alive(server.api):
        click.echo(f"A Prefect server answers at {server.api} already; it is used.")
        yield
        return
    _free(server)
    click.echo(f"A Prefect server is started at {server.api}; that may take a minute.")
    with kept(_command(server), server.api) as process:
        _await(process, server.api)
        yield


@contextmanager
def kept(command: Sequence[str], api: str, every: float = _LOOK_SECONDS) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is started again whenever it dies while nothing answers at `api`; told to end at last.

    :param every: seconds between two looks at it
    """
    settings = {
        "PREFECT_SERVER_UI_API_URL": api,  # else the page asks port 4200, whatever the server's
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }
    environment = {**settings, **os.environ}  # a proxy before it has another address
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)]
    over = Event()

    def watch() -> None:
        while not over.wait(every):
            code = started[-1].poll()
            if code is not None and not is_alive(api):
                click.echo(f"The Prefect server at {api} ended with exit code {code}; it is started again.", err=True)
                started.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))

    watcher = Thread(target=watch, name="server", daemon=True)
    try:
        watcher.start()
        yield started[0]
    finally:
        over.set()
        watcher.join()  # else it may start one that nobody ends
        _stop(started[-1])


def _free(server: Server) -> None:
    try:
        socket.create_connection((server.host, server.port), timeout=1).close()
    except OSError:
        return
    raise ConfigError(f"server.port: {server.port} of {server.host} is taken by another program; choose another port")


def _command(server: Server) -> list[str]:
    return [sys.executable, "-m", "prefect", "server", "start", "--host", server.host, "--port", str(server.port)]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _await(process: subprocess.Popen[bytes], api: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not is_alive(api):
        if process.poll() is not None:
            raise RunError(f"the Prefect server at {api} ended at its start with exit code {process.returncode}")
        if time.monotonic() > deadline:
            raise RunError(f"the Prefect server at {api} did not answer within {_START_SECONDS} s")
        time.sleep(0.3)
