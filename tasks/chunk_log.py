"""Owns what the log says of a chunk in the worker that has it.

Invariant: lines that a worker logs name the run and the chunk, whichever machine it is on. Does not know what is done
with the chunk.
"""

import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from nightsort import logs
from nightsort.redaction import cleanse
from nightsort.schema import place

_LOG = logs.logger("chunk")


def logged(chunk: pa.Table, function: Callable[..., Any], *before: Any) -> "Logged":
    """What calls a function in a worker as part of this chunk, and of the run that the caller is in.

    :param before: what its arguments begin with
    """
    return Logged({**logs.carried(), "chunk": name(chunk)}, function, *before)


def name(chunk: pa.Table) -> str:
    """How many pictures a chunk has, and which."""
    return f"{chunk.num_rows} {span(chunk) or 'rows'}"


def span(chunk: pa.Table) -> str:
    """The first picture of a chunk and the last; "" if its rows are no pictures, but trainings of a comparison."""
    if not {"path", "member"} <= set(chunk.column_names):
        return ""
    rows = chunk.select(["path", "member"])
    first, last = (place(**rows.slice(at, 1).to_pylist()[0]) for at in (0, rows.num_rows - 1))
    return f"from {first} to {last}"


class Logged:
    """Calls a function in a worker, and logs how it went.

    :param fields: of every line that is logged meanwhile
    """

    def __init__(self, fields: dict[str, str], function: Callable[..., Any], *before: Any) -> None:
        self._fields, self._function, self._before = fields, function, before

    def __call__(self, *args: Any) -> Any:
        """The value of the function, or what it raises."""
        logs.install()
        begun = time.perf_counter()
        with logs.within(**self._fields):
            try:
                value = self._function(*self._before, *args)
            except Exception as error:
                cleanse(error)
                _LOG.warning("failed: %s: %s", type(error).__name__, error, exc_info=True)
                raise
            seconds = time.perf_counter() - begun
            _LOG.info("took %.3f s", seconds, extra={"seconds": round(seconds, 3)})
            return value
