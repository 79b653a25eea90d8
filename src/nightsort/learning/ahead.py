"""Owns working ahead: the next items of an iterator are made in a thread while the last one is used.

Invariant: the same items in the same order; at most `count` of them wait. Does not know what they are.
"""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None], count: int = 2) -> Iterator[T]:
    """The items, made ahead of their use; what their making raises is raised where they are used."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:  # one thread: items come in their order
        try:
            waiting = deque(thread.submit(next, items, None) for _ in range(count))
            while (item := waiting.popleft().result()) is not None:
                waiting.append(thread.submit(next, items, None))
                yield item
        finally:
            thread.submit(items.close)
