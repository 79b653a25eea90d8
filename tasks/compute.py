"""Owns the fan-out of a stage: chunks of rows over the worker processes of a Dask cluster.

Invariant: every row of every chunk comes back exactly once, in a result or as a row that killed its
worker; at most a few chunks a worker are in flight, whatever the number of chunks.
Does not know what is done with a chunk, nor where the workers are. Starts no cluster until there is a chunk.
"""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from types import TracebackType
from typing import Any, Generic, TypeVar

import pyarrow as pa
from distributed import Client, KilledWorker

from nightsort.config.intake import IntakeParams
from nightsort.config.run import RunParams
from nightsort.errors import ConfigError, NightsortError, RunError, ShardError
from tasks.chunk_log import logged, span
from tasks.connection import START_SECONDS, Connection
from tasks.in_flight import InFlight, Landed
from tasks.memory import worker_memory
from tasks.worker_check import Sighted, require_same_release, require_sight

R = TypeVar("R")
T = TypeVar("T")

_IN_FLIGHT = 3  # chunks per thread: one at work, two waiting so that it never idles
_CORES = 16  # that one process may keep busy with threads; beyond, they wait for Python's lock
_GRACE = 10  # seconds for the first worker that has the resources, where others are there


@dataclass(frozen=True)
class Done(Generic[R]):
    """A chunk and its result; `result` is None if the chunk, one row by then, kills its worker."""

    chunk: pa.Table
    result: R | None


class Workers:
    """The worker processes of one run, started, or reached, when first needed.

    :param params: what :class:`nightsort.config.compute.Compute` has, and, if it has it, `worker_memory`; the memory
        of workers elsewhere is not ours to limit
    :param threaded: few processes with a chunk on a thread for every core, for work that shares something large,
        rather than a process for every core
    :raises ConfigError: if the workers would have too little memory
    """

    def __init__(self, params: RunParams, threaded: bool = False) -> None:
        self._params = params
        cores = os.cpu_count() or 1
        self.count = params.workers or (math.ceil(cores / _CORES) if threaded else cores)
        self.threads = max(1, cores // self.count) if threaded else 1
        memory = worker_memory(params.worker_memory if isinstance(params, IntakeParams) else 0, self.count)
        self._connection = Connection(params, self.count, self.threads, memory)
        self._leaving: list[Callable[[Client], object]] = []
        self._sighted: Sighted | None = None  # workers elsewhere may see other files

    @property
    def lanes(self) -> int:
        """Chunks that are worked on at the same time."""
        return self.count * self.threads

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection.is_started and self._params.elsewhere and self._connection.client.status == "running":
            for leave in self._leaving:
                with suppress(Exception):  # a connection that breaks now; what is left is swept one day
                    leave(self._connection.client)
        self._connection.close()

    def at_end(self, function: Callable[..., object], *args: Any) -> None:
        """Have every worker elsewhere, which outlives the run, call a function when the run is over."""
        self._leaving.append(lambda client: client.run(function, *args, on_error="ignore"))

    def map(self, function: Callable[..., R], chunks: Iterable[pa.Table], *args: Any) -> Iterator[Done[R]]:
        """Apply `function(chunk, *args)` to each chunk, in any order.

        A chunk that fails is tried once more. One whose worker died twice is suspected: when all others
        are done it runs alone, and if its worker dies again, so do its halves, down to the row that does it.

        :param chunks: tables of any one schema, at least a row each
        :param function: at module level, so that workers can import it
        :raises ShardError: names the chunk that failed twice
        :raises NightsortError: whatever of ours the function raised
        :raises RunError: if workers elsewhere, or their scheduler, are away for longer than the run's worker_timeout
        """
        waiting = iter(chunks)
        first = next(waiting, None)
        if first is None:
            return
        self.start()
        calls: InFlight[pa.Table] = self._calls()
        suspects: list[pa.Table] = []
        for chunk in chain([first], islice(waiting, _IN_FLIGHT * self.lanes - 1)):
            self._send(calls, function, chunk, args)
        while len(calls):
            landed = calls.landed()
            done = self._collect(landed)
            if (following := next(waiting, None)) is not None:
                self._send(calls, function, following, args)
            if done is None:
                suspects.append(landed.tag)
            else:
                yield done
        for chunk in suspects:
            yield from self._isolate(calls, function, chunk, args)

    def call(self, function: Callable[..., R], *args: Any) -> R:
        """Apply a function once, in a worker process.

        :raises RunError: if its process dies of it, twice
        """
        self.start()
        return self._call(function, *args)

    def _call(self, function: Callable[..., R], *args: Any) -> R:
        calls: InFlight[None] = self._calls()
        calls.send(None, function, *args)
        landed = calls.landed()
        if isinstance(landed.error, KilledWorker):
            self._await_workers()
            raise RunError(f"{function.__name__}: its worker process died, twice; is there memory for it?")
        if landed.error is not None:
            raise landed.error
        result: R = landed.value
        return result

    def _calls(self) -> InFlight[Any]:
        elsewhere = not self._connection.is_local
        return InFlight(self._connection, self._params.worker_timeout, self._params.resources if elsewhere else {})

    def _send(
        self, calls: InFlight[pa.Table], function: Callable[..., Any], chunk: pa.Table, args: tuple[Any, ...]
    ) -> None:
        call = (self._sighted, function) if self._sighted else (function,)
        calls.send(chunk, logged(chunk, *call), _alone(chunk), *args, retries=1)

    def _isolate(
        self, calls: InFlight[pa.Table], function: Callable[..., Any], chunk: pa.Table, args: tuple[Any, ...]
    ) -> Iterator[Done[Any]]:
        """Run a chunk with nothing else in flight, so that a worker that dies now dies of this chunk."""
        self._send(calls, function, chunk, args)
        done = self._collect(calls.landed())
        if done is not None:
            yield done
        elif chunk.num_rows == 1:
            yield Done(chunk, None)
        else:
            middle = chunk.num_rows // 2
            for half in (chunk.slice(0, middle), chunk.slice(middle)):
                yield from self._isolate(calls, function, half, args)

    def _collect(self, landed: Landed[pa.Table]) -> Done[Any] | None:
        """The result of a chunk; None if workers died while they had it."""
        if landed.error is None:
            return Done(landed.tag, landed.value)
        if isinstance(landed.error, KilledWorker):
            self._await_workers()
            return None
        if isinstance(landed.error, NightsortError):
            raise landed.error
        raise ShardError(f"{_name(landed.tag)}: {type(landed.error).__name__}: {landed.error}") from landed.error

    def _await_workers(self) -> None:
        """Let a worker that died come back: a local cluster cannot be closed while one is being started again."""
        if not self._connection.is_local:
            return  # they come back, or others do, or the flight says that nobody is there
        try:
            self._connection.client.wait_for_workers(self.count, timeout=START_SECONDS)
        except TimeoutError:
            raise RunError(
                f"a worker process died and did not come back within {START_SECONDS} s; "
                f"is there memory for {self.count} of them?"
            ) from None

    def start(self) -> Client:
        """Start the cluster, or reach it, unless that was done; work that is mapped does it by itself.

        :raises ConfigError: if what is elsewhere cannot be reached, or its workers are not fit for the run
        """
        is_new, client = not self._connection.is_started, self._connection.client
        if is_new and not self._connection.is_local:
            self._meet()
        return client

    def _meet(self) -> None:
        """Wait for the first worker elsewhere, see whether those that are there will do, and count them."""
        if not self._connection.workers():
            self._require_resources()
            self._call(os.getpid)  # workers of an adaptive cluster come when there is work
        require_same_release(self._connection)
        if self._params.elsewhere:
            require_sight(self._connection, self._params)
            self._sighted = Sighted(self._params)
        slots = [self._connection.slots(worker) for worker in self._connection.workers().values()]
        self.count = max(1, len(slots), self._params.cluster.maximum if self._params.cluster else 0)
        self.threads = max([1, *slots])

    def _require_resources(self) -> None:
        """:class:`ConfigError` if workers are there, and none of them has what a chunk needs."""
        end = time.monotonic() + _GRACE
        while (others := self._connection.everyone()) and not self._connection.workers():
            if time.monotonic() > end:
                raise ConfigError(
                    f"resources: {self._connection.name} has {len(others)} workers and none{self._connection.needed}; "
                    "start some with `dask worker --resources`"
                )
            time.sleep(0.5)


def _alone(chunk: pa.Table) -> pa.Table:
    """A copy of the rows: pickled as it is, a slice takes all the rows along that it was cut from."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, chunk.schema) as stream:
        stream.write_table(chunk)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def _name(chunk: pa.Table) -> str:
    what = f"pictures {where}" if (where := span(chunk)) else "rows"
    return f"the chunk of {chunk.num_rows} {what} failed twice"
