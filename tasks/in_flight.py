"""Owns calls in flight: what was sent to workers and has not come back.

Invariant: each call that was sent lands once, in a value or an error of its own, whatever connection, worker or
scheduler is lost on the way.
Does not know what is called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from distributed import Future

from nightsort.errors import RunError
from tasks.absence import Watch
from tasks.connection import Connection

T = TypeVar("T")

_LOOK = 5.0  # seconds without a landing after which one looks whether anybody is there
_LOSSES = 5  # of one call; then it is what breaks the connection


@dataclass
class _Sent(Generic[T]):
    tag: T
    function: Callable[..., Any]
    args: tuple[Any, ...]
    retries: int
    losses: int = 0


@dataclass(frozen=True)
class Landed(Generic[T]):
    """A call that came back: with its value, or with the error that it ended with."""

    tag: T
    value: Any
    error: Exception | None = None


class InFlight(Generic[T]):
    """Calls in flight over a cluster, each with a tag by which its sender knows it."""

    def __init__(self, connection: Connection, patience: float, resources: dict[str, float]) -> None:
        self._connection, self._resources = connection, resources
        self._watch = Watch(connection, patience)
        self._arrived: SimpleQueue[Future] = SimpleQueue()
        self._sent: dict[Future, _Sent[T]] = {}

    def __len__(self) -> int:
        return len(self._sent)

    def send(self, tag: T, function: Callable[..., Any], *args: Any, retries: int = 0) -> None:
        """Send a call.

        :param retries: how often it is tried again if it raises
        """
        self._submit(_Sent(tag, function, args, retries))

    def landed(self) -> Landed[T]:
        """Wait for the next of them, in any order; there must be one.

        :raises RunError: if workers or the scheduler are away for longer than the patience
        """
        while True:
            future = self._next()
            sent = self._sent.pop(future)
            try:
                value = self._fetch(future)
            except RunError:
                raise
            except Exception as error:
                if future.status == "error":
                    return Landed(sent.tag, None, error)
                self._again(sent, error)
            else:
                self._watch.back()
                return Landed(sent.tag, value)

    def _next(self) -> Future:
        while True:
            try:
                return self._arrived.get(timeout=_LOOK)
            except Empty:
                self._watch.look()

    def _fetch(self, future: Future) -> Any:
        patience = _LOOK
        while True:  # what was done may be lost with its worker, and is done again when there is another
            try:
                return future.result(timeout=patience)
            except TimeoutError:
                if future.status == "error":  # it is the call's own
                    raise
                self._watch.look()
                patience *= 2  # a large value is not given up for ever

    def _again(self, sent: _Sent[T], error: Exception) -> None:
        """Send once more what was lost with the connection: the scheduler forgets what a lost client wanted."""
        sent.losses += 1
        if sent.losses > _LOSSES:
            raise RunError(f"{self._connection.name}: lost the same call {sent.losses} times ({error})") from None
        self._watch.lost()
        self._submit(sent)

    def _submit(self, sent: _Sent[T]) -> None:
        options = {"resources": self._resources} if self._resources else {}
        self._connection.regain()
        future = self._connection.client.submit(sent.function, *sent.args, pure=False, retries=sent.retries, **options)
        self._sent[future] = sent
        future.add_done_callback(self._arrived.put)
