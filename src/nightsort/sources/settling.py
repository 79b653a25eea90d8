"""Owns the question whether a file is still being written.

Invariant: a file younger than the window is looked at twice, a window apart, and is whole only if its size
and stamp are the same. Few are waited for as Python objects: the rest wait as Arrow batches, and there is a
bound to them.
Does not know what becomes of a file that is not whole.
"""

import time
from collections import deque
from collections.abc import Iterator

import pyarrow as pa

from nightsort.sources.labels import decided_by_name
from nightsort.sources.tree import Found, Tree

_ROWS = 10_000
_BATCHES = 30  # that wait at most
_WAITING = pa.schema([("path", pa.string()), ("size", pa.int64()), ("stamp", pa.string())])


def settle(files: Iterator[Found], tree: Tree, seconds: float) -> Iterator[tuple[Found, bool]]:
    """Each file, and whether it is whole; young ones come when they have been looked at again.

    :param seconds: the window
    """
    young: list[Found] = []
    waiting: deque[tuple[float, pa.RecordBatch]] = deque()
    for found in files:
        if not _is_young(found, tree, seconds):
            yield found, True
            continue
        young.append(found)
        if len(young) == _ROWS:
            waiting.append((time.monotonic() + seconds, _batch(young)))
            young = []
        while waiting and (len(waiting) > _BATCHES or waiting[0][0] <= time.monotonic()):
            yield from _again(tree, *waiting.popleft())
    if young:
        waiting.append((time.monotonic() + seconds, _batch(young)))
    for due, batch in waiting:
        yield from _again(tree, due, batch)


def _is_young(found: Found, tree: Tree, seconds: float) -> bool:
    if not found.is_file or time.time() - found.modified >= seconds:
        return False
    return not decided_by_name(tree.inside(found.path)) and _is_text(found.path)


def _is_text(path: str) -> bool:
    """Whether Arrow can hold the name; what becomes of the others does not depend on their bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _batch(files: list[Found]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([found._asdict() for found in files], schema=_WAITING)


def _again(tree: Tree, due: float, batch: pa.RecordBatch) -> Iterator[tuple[Found, bool]]:
    if (remaining := due - time.monotonic()) > 0:
        time.sleep(remaining)
    paths, sizes, stamps = (column.to_pylist() for column in batch.columns)
    for path, size, stamp, now in zip(paths, sizes, stamps, tree.again(iter(paths)), strict=True):
        same = now is not None and now.is_file and (now.size, now.stamp) == (size, stamp)
        yield (now if now and same else Found(path, size, stamp, 0)), same
