"""Owns the fan-out of a stage: chunks of rows over the worker processes of a Dask cluster.

Invariant: every row of every chunk comes back exactly once, in a result or as a row that killed its
worker; at most a few chunks a worker are in flight, whatever the number of chunks.
Does not know what is done with a chunk. Starts no cluster until there is a chunk.
"""

import logging
import math
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Generic, TypeVar

import dask
import pyarrow as pa
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed

from nightsort.config.intake import IntakeParams
from nightsort.config.run import RunParams
from nightsort.errors import ConfigError, NightsortError, RunError, ShardError
from nightsort.schema import place
from tasks.memory import MemoryLimit, worker_memory

R = TypeVar("R")

_IN_FLIGHT = 3  # chunks per thread: one at work, two waiting so that it never idles
_CORES = 16  # that one process may keep busy with threads; beyond, they wait for Python's lock
_START_SECONDS = 30


@dataclass(frozen=True)
class Done(Generic[R]):
    """A chunk and its result; `result` is None if the chunk, one row by then, kills its worker."""

    chunk: pa.Table
    result: R | None


class Workers:
    """The worker processes of one run, started when first needed.

    :param params: `workers`, `scheduler` and, if it has it, `worker_memory` are what is used of it; the
        memory of an external scheduler's workers is not ours to limit
    :param threaded: few processes with a chunk on a thread for every core, for work that shares something large,
        rather than a process for every core
    :raises ConfigError: if the workers would have too little memory
    """

    def __init__(self, params: RunParams, threaded: bool = False) -> None:
        self._address = params.scheduler
        cores = os.cpu_count() or 1
        self.count = params.workers or (math.ceil(cores / _CORES) if threaded else cores)
        self.threads = max(1, cores // self.count) if threaded else 1
        self._memory = worker_memory(params.worker_memory if isinstance(params, IntakeParams) else 0, self.count)
        self._client: Client | None = None
        self._cluster: LocalCluster | None = None

    @property
    def lanes(self) -> int:
        """Chunks that are worked on at the same time."""
        return self.count * self.threads

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

        A chunk that fails is tried once more. One whose worker died twice is suspected: when all others
        are done it runs alone, and if its worker dies again, so do its halves, down to the row that does it.

        :param function: at module level, so that workers can import it
        :raises ShardError: names the chunk that failed twice
        :raises NightsortError: whatever of ours the function raised
        """
        waiting = iter(chunks)
        first = next(waiting, None)
        if first is None:
            return
        client = self.start()
        chunk_of: dict[Future, pa.Table] = {}
        suspects: list[pa.Table] = []
        running: Any = as_completed(loop=client.loop)

        def submit(chunk: pa.Table) -> Future:
            return client.submit(function, _alone(chunk), *args, pure=False, retries=1)

        def add(chunk: pa.Table) -> None:
            future = submit(chunk)
            chunk_of[future] = chunk
            running.add(future)

        add(first)
        for chunk in islice(waiting, _IN_FLIGHT * self.lanes - 1):
            add(chunk)
        for future in running:
            chunk = chunk_of.pop(future)
            done = self._collect(future, chunk)
            if (following := next(waiting, None)) is not None:
                add(following)
            if done is None:
                suspects.append(chunk)
            else:
                yield done
        for chunk in suspects:
            yield from self._isolate(chunk, submit)

    def call(self, function: Callable[..., R], *args: Any) -> R:
        """Apply a function once, in a worker process.

        :raises RunError: if its process dies of it, twice
        """
        try:
            result: R = self.start().submit(function, *args, pure=False).result()
        except KilledWorker:
            self._await_workers()
            raise RunError(f"{function.__name__}: its worker process died, twice; is there memory for it?") from None
        return result

    def _isolate(self, chunk: pa.Table, submit: Callable[[pa.Table], Future]) -> Iterator[Done[Any]]:
        """Run a chunk with nothing else in flight, so that a worker that dies now dies of this chunk."""
        done = self._collect(submit(chunk), chunk)
        if done is not None:
            yield done
        elif chunk.num_rows == 1:
            yield Done(chunk, None)
        else:
            middle = chunk.num_rows // 2
            for half in (chunk.slice(0, middle), chunk.slice(middle)):
                yield from self._isolate(half, submit)

    def _collect(self, future: Future, chunk: pa.Table) -> Done[Any] | None:
        """The result of a future; None if workers died while they had it."""
        try:
            return Done(chunk, future.result())
        except KilledWorker:
            self._await_workers()
            return None
        except NightsortError:
            raise
        except Exception as error:
            raise ShardError(f"{_name(chunk)}: {type(error).__name__}: {error}") from error

    def _await_workers(self) -> None:
        """Let a worker that died come back: a cluster cannot be closed while one is being started again."""
        if self._client is None or self._cluster is None:
            return
        try:
            self._client.wait_for_workers(self.count, timeout=_START_SECONDS)
        except TimeoutError:
            raise RunError(
                f"a worker process died and did not come back within {_START_SECONDS} s; "
                f"is there memory for {self.count} of them?"
            ) from None

    def start(self) -> Client:
        """Start the cluster, or reach it, unless that was done; work that is mapped does it by itself.

        :raises ConfigError: if an external scheduler cannot be reached
        """
        if self._client is None:
            dask.config.set(
                {
                    # One death may be anybody's fault; a chunk whose worker dies again is suspected itself.
                    "distributed.scheduler.allowed-failures": 1,
                    # Dask gives a worker up that is away 15 s after any of its deaths, also if that was a later one.
                    "distributed.deploy.lost-worker-timeout": "7d",
                    # Sampling every worker's stack a hundred times a second takes time from the pictures.
                    "distributed.worker.profile.enabled": False,
                    # Dask would keep the last messages, and with them their chunks, for whoever debugs it.
                    "distributed.admin.low-level-log-length": 0,
                    # Arrow's other allocators reserve a gigabyte, which would count against a worker's limit.
                    "distributed.nanny.pre-spawn-environ.ARROW_DEFAULT_MEMORY_POOL": "system",
                    # Threads of torch that wait for one another would spin, and two trainings beside each other crawl.
                    "distributed.nanny.pre-spawn-environ.OMP_WAIT_POLICY": "PASSIVE",
                }
            )
            # Prefect sets every logger to INFO; Dask's comings and goings are not the run's story.
            logging.getLogger("distributed").setLevel(logging.ERROR)
            self._client = self._connect() if self._address else self._local()
        return self._client

    def _connect(self) -> Client:
        try:
            client = Client(self._address, timeout=_START_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(f"scheduler {self._address}: cannot be reached ({error})") from None
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        self.count = max(1, len(workers))
        self.threads = max([1, *(worker["nthreads"] for worker in workers)])
        return client

    def _local(self) -> Client:
        with _deaf_to_interrupts():
            self._cluster = LocalCluster(
                n_workers=self.count,
                threads_per_worker=self.threads,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # None would open port 8787 on every interface
                worker_dashboard_address="127.0.0.1:0",
                silence_logs=50,
                memory_limit=0,  # Dask would kill a worker, and with it what its neighbours wait for
            )
        client = Client(self._cluster, set_as_default=False)
        client.register_plugin(MemoryLimit(self._memory))
        return client


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started inside ignore Ctrl-C: it is ours to end them, quietly, when it is pressed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set what a signal does
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _alone(chunk: pa.Table) -> pa.Table:
    """A copy of the rows: pickled as it is, a slice takes all the rows along that it was cut from."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, chunk.schema) as stream:
        stream.write_table(chunk)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def _name(chunk: pa.Table) -> str:
    rows = chunk.select(["path", "member"]).to_pylist()
    first, last = (place(row["path"], row["member"]) for row in (rows[0], rows[-1]))
    return f"the chunk of {len(rows)} pictures from {first} to {last} failed twice"
