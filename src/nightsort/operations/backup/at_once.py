"""Owns doing the same to many files of a backup at once.

Invariant: results come in order, each is counted; where one fails, what was not begun is not.
Does not know what is done.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")
T = TypeVar("T")

_THREADS = 4  # a file is in memory as a whole, and none of a root is larger than some 128 MB or its model

Advance = Callable[[int, int], object]
"""Is told how many files are done by now, and of how many."""


def at_once(one: Callable[[T], R], items: Sequence[T], advance: Advance, before: int = 0) -> Iterator[R]:
    """What `one` makes of each item.

    :param before: items that were done without it
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for done, made in enumerate(pool.map(one, items), 1):
                advance(before + done, before + len(items))
                yield made
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
