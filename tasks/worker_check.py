"""Owns the question whether workers elsewhere are fit for a run: their releases, and the files that they see.

Invariant: what would become thousands of pictures that cannot be read, or an error out of the depth of a library, is
one line that names the worker and what it lacks.
Does not know what they are to do.
"""

import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nightsort.config.intake import IntakeParams
from nightsort.config.run import RunParams
from nightsort.disk import absolute, is_uri
from nightsort.errors import ConfigError, NightsortError, RunError
from nightsort.sources.files import is_gone
from nightsort.storage import Storage
from tasks.connection import Connection

_SAME = ("nightsort", "distributed", "cloudpickle")  # what is sent is pickled functions and Nightsort's own types


def require_same_release(connection: Connection) -> None:
    """:class:`ConfigError` if the scheduler or a worker runs another Nightsort, Dask or Python than this process."""
    found = connection.client.get_versions(packages=["nightsort"])
    ours = _releases(found["client"])
    for where, info in {"the scheduler": found["scheduler"], **found["workers"]}.items():
        for name, theirs in _releases(info).items() if isinstance(info, dict) else ():
            if theirs != ours[name]:
                place = where if where == "the scheduler" else f"worker {where}"
                raise ConfigError(
                    f"{connection.name}: {name} is {theirs or 'not installed'} on {place} and {ours[name]} here; "
                    "install the same release and requirements.lock on both"
                )


def _releases(info: dict[str, Any]) -> dict[str, str | None]:
    packages = dict(info["packages"])
    python = ".".join(str(info["host"]["python"]).split(".")[:2])
    return {name: packages.get(name) for name in _SAME} | {"python": python}


def require_sight(connection: Connection, params: RunParams) -> None:
    """:class:`ConfigError` if a worker of now does not see the storage or the pictures of a run.

    That a folder of the same name is there says little: a file is written that all must find.
    """
    storage, source = Storage(params.storage), _source(params)
    if not storage.exists("leases"):  # nobody keeps anything there yet
        return
    probe = f".probe-{uuid.uuid4().hex}"
    storage.write_bytes(probe, b"")
    try:
        answers = connection.client.run(unseen, storage.root, probe, source, on_error="return")
    finally:
        with suppress(OSError, NightsortError):
            storage.remove(probe)
    for address, answer in answers.items():
        if isinstance(answer, OSError):
            continue  # the worker is gone by now
        if isinstance(answer, Exception):
            raise ConfigError(f"{connection.name}: worker {address}: {type(answer).__name__}: {answer}")
        host, lacking = answer
        if lacking:
            raise ConfigError(
                f"{connection.name}: the worker {host} cannot see {lacking}; mount it there at the same path"
            )


def unseen(root: str, probe: str, source: str | None) -> tuple[str, str]:
    """In a worker: the name of its host, and what of a run cannot be seen from there; "" if everything can."""
    if not Storage(root).exists(probe):
        return socket.gethostname(), root
    return socket.gethostname(), source if source and is_gone(source) else ""


class Sighted:
    """Calls a function in a worker unless it lacks a folder of the run: workers may come in the middle of it.

    :param params: of the run; of what they name, the file systems' part that is there on this machine is looked for
    """

    def __init__(self, params: RunParams) -> None:
        named = [Storage(params.storage).root, _source(params)]
        self._places = [place for place in named if place and not is_uri(place) and Path(place).exists()]

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        """The function's value; :class:`RunError` names the host and the folder that it lacks."""
        for place in self._places:
            if not Path(place).exists():
                raise RunError(f"the worker {socket.gethostname()} cannot see {place}; mount it there at the same path")
        return function(*args)


def _source(params: RunParams) -> str | None:
    """The pictures of a run, as all machines name them."""
    return absolute(params.source) if isinstance(params, IntakeParams) else None
