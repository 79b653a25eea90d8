"""Owns the fan-out of a stage: chunks of rows over the worker processes of a Dask cluster.

Invariant: every row of every chunk comes back exactly once, in a result or as a row that killed its
worker; at most a few chunks a worker are in flight, whatever the number of chunks.
Does not know what is done with a chunk. Starts no cluster until there is a chunk.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Generic, TypeVar

import dask
import pyarrow as pa
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed

from nightsort.config import RunParams
from nightsort.errors import ConfigError, NightsortError, ShardError

R = TypeVar("R")

_IN_FLIGHT = 3  # chunks per worker: one at work, two waiting so that it never idles
_START_SECONDS = 30


@dataclass(frozen=True)
class Done(Generic[R]):
    """A chunk and its result; `result` is None if the chunk, one row by then, kills its worker."""

    chunk: pa.Table
    result: R | None


class Workers:
    """The worker processes of one run, started when first needed.

    :param params: `workers` and `scheduler` are what is used of it
    """

    def __init__(self, params: RunParams) -> None:
        self._address = params.scheduler
        self.count = params.workers or os.cpu_count() or 1
        self._client: Client | None = None
        self._cluster: LocalCluster | None = None

    @property
    def threads(self) -> int:
        """Threads that each worker may use for itself."""
        return max(1, (os.cpu_count() or 1) // self.count)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def map(self, function: Callable[..., R], chunks: Iterable[pa.Table], *args: Any) -> Iterator[Done[R]]:
        """Apply `function(chunk, *args)` to each chunk, in any order.

        A chunk that fails is tried once more. One that kills its worker is halved, down to the row
        that does it.

        :param function: at module level, so that workers can import it
        :raises ShardError: names the chunk that failed twice
        :raises NightsortError: whatever of ours the function raised
        """
        waiting = iter(chunks)
        first = next(waiting, None)
        if first is None:
            return
        client = self._start()
        chunk_of: dict[Future, pa.Table] = {}
        running: Any = as_completed(loop=client.loop)

        def submit(chunk: pa.Table) -> None:
            future = client.submit(function, chunk, *args, pure=False, retries=1)
            chunk_of[future] = chunk
            running.add(future)

        submit(first)
        for chunk in islice(waiting, _IN_FLIGHT * self.count - 1):
            submit(chunk)
        for future in running:
            chunk = chunk_of.pop(future)
            halves, done = _settle(future, chunk)
            for half in halves:
                submit(half)
            if (following := next(waiting, None)) is not None:
                submit(following)
            if done is not None:
                yield done

    def _start(self) -> Client:
        if self._client is None:
            # One death may be anybody's fault; a chunk whose worker dies again is suspected itself.
            dask.config.set({"distributed.scheduler.allowed-failures": 1})
            self._client = self._connect() if self._address else self._local()
        return self._client

    def _connect(self) -> Client:
        try:
            return Client(self._address, timeout=_START_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(f"scheduler {self._address}: cannot be reached ({error})") from None

    def _local(self) -> Client:
        self._cluster = LocalCluster(
            n_workers=self.count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None would open port 8787 on every interface
            worker_dashboard_address="127.0.0.1:0",
            silence_logs=50,
        )
        return Client(self._cluster, set_as_default=False)


def _settle(future: Future, chunk: pa.Table) -> tuple[list[pa.Table], Done[Any] | None]:
    """What to submit next because of a finished future, and what to hand out."""
    try:
        return [], Done(chunk, future.result())
    except KilledWorker:
        if chunk.num_rows == 1:
            return [], Done(chunk, None)
        middle = chunk.num_rows // 2
        return [chunk.slice(0, middle), chunk.slice(middle)], None
    except NightsortError:
        raise
    except Exception as error:
        raise ShardError(f"{_name(chunk)}: {type(error).__name__}: {error}") from error


def _name(chunk: pa.Table) -> str:
    rows = chunk.select(["path", "member"]).to_pylist()
    first, last = (f"{row['path']}!{row['member']}".rstrip("!") for row in (rows[0], rows[-1]))
    return f"the chunk of {len(rows)} pictures from {first} to {last} failed twice"
