"""Owns work that may hang: a thread of its own, that nobody has to wait for.

Invariant: a process ends although such work hangs. Does not know what the work is.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent import futures
from typing import Generic, TypeVar

T = TypeVar("T")


class Future(futures.Future[list[T]], Generic[T]):
    """Answers to come."""


def begun(work: Callable[[], Iterable[T]]) -> Future[T]:
    """All that the work yields, once it has ended; what it raises is raised to who asks for the result."""
    answers: Future[T] = Future()

    def working() -> None:
        try:
            answers.set_result(list(work()))
        except BaseException as error:
            answers.set_exception(error)

    threading.Thread(target=working, name="in the background", daemon=True).start()
    return answers
