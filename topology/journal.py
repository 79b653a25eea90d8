"""Owns the journal of a server that keeps everything in memory: each change, on disk before it is made.

Invariant: whatever was answered, or seen by anybody, is there after kill -9 and a new start: a change is appended and
synced before it is applied, one at a time, and each is applied as if at the moment at which it first was.
Does not know what the server serves.
"""

import os
import pickle
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from werkzeug.wsgi import get_input_stream

_READS = ("GET", "HEAD", "OPTIONS")
_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True)
class Change:
    """A request that may change something.

    :param moment: seconds since 1970
    :param environ: what WSGI says of it, without its streams
    """

    number: int
    moment: float
    environ: dict[str, str]
    body: bytes


class Journaled:
    """A WSGI application whose changes outlive it.

    :param serve: the application that is journaled
    :param file: the journal; what is in it is applied first
    :param at: called with each change before it is applied, so that the application's clock and chance are the same
        whenever that is
    """

    def __init__(self, serve: Any, file: Path, at: Callable[[Change], None]) -> None:
        self._serve, self._at = serve, at
        self._lock = threading.Lock()
        self._number = 0
        for change in _whole(file):
            self._number = change.number
            with suppress(Exception):  # it failed the first time, too
                at(change)
                _drain(serve(_environ(change), _nowhere))
        self._file = file.open("ab", buffering=0)

    def __call__(self, environ: dict[str, Any], answer: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in _READS:
            with self._lock:
                return _drain(self._serve(environ, answer))
        body = get_input_stream(environ).read()
        with self._lock:
            self._number += 1
            plain = {name: value for name, value in environ.items() if isinstance(value, str)}
            plain.pop("HTTP_TRANSFER_ENCODING", None)
            change = Change(self._number, time.time(), plain | {"CONTENT_LENGTH": str(len(body))}, body)
            _append(self._file, change)
            self._at(change)
            return _drain(self._serve(_environ(change), answer))


def _environ(change: Change) -> dict[str, Any]:
    streams = {"wsgi.input": BytesIO(change.body), "wsgi.errors": BytesIO(), "wsgi.version": (1, 0)}
    flags = {"wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False}
    return {**change.environ, **streams, **flags}


def _drain(answer: Any) -> list[bytes]:
    """All of it, while nobody else changes anything."""
    try:
        return list(answer)
    finally:
        getattr(answer, "close", lambda: None)()


def _nowhere(status: str, headers: Any, error: Any = None) -> Callable[[bytes], None]:
    """Nobody waits for the answer any more."""
    return lambda _: None


def _append(file: BinaryIO, change: Change) -> None:
    data = pickle.dumps(change)
    file.write(_LENGTH.pack(len(data)) + data)
    os.fsync(file.fileno())


def _whole(file: Path) -> Iterator[Change]:
    """The changes of a journal; what kill -9 cut off at its end was answered to nobody, and is removed."""
    file.touch()
    with file.open("r+b") as journal:
        while True:
            start = journal.tell()
            head = journal.read(_LENGTH.size)
            data = journal.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
            if not data or len(data) < _LENGTH.unpack(head)[0]:
                journal.truncate(start)
                return
            yield pickle.loads(data)  # our own words: the journal is readable and writable by its owner alone
