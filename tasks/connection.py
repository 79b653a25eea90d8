"""Owns how a Dask client comes about: processes of this machine, a scheduler that is there, or a cluster for the run.

Invariant: no socket is opened off loopback unless a scheduler or a cluster is configured; where certificates are, no
word is sent in clear; what was made for a run ends with it.
Does not know what is computed.
"""

import logging
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster, Security

from nightsort.config.compute import Compute, Tls
from nightsort.errors import ConfigError, RunError
from tasks.cluster import make
from tasks.memory import MemoryLimit

START_SECONDS = 30
_AGAIN = 0.5  # seconds between two looks whether the connection is back

_SETTINGS = {
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


class Connection:
    """A Dask cluster that is started, or reached, once it is asked for its client.

    :param params: `scheduler`, `tls` and `cluster` say which
    :param count: processes of a local cluster
    :param threads: of each of them
    :param memory: bytes for each of them; that of workers elsewhere is not ours to limit
    """

    def __init__(self, params: Compute, count: int, threads: int, memory: int) -> None:
        self._params, self._count, self._threads, self._memory = params, count, threads, memory
        self._client: Client | None = None
        self._cluster: Any = None

    @property
    def is_local(self) -> bool:
        """Whether the workers are processes that this one started, and starts again."""
        return not (self._params.scheduler or self._params.cluster)

    @property
    def name(self) -> str:
        """For messages."""
        if self._params.cluster:
            return f"cluster {self._params.cluster.kind}"
        return f"scheduler {self._params.scheduler}" if self._params.scheduler else "the local cluster"

    @property
    def needed(self) -> str:
        """The resources that a chunk takes, for messages: " that offers GPU: 1"."""
        wanted = ", ".join(f"{name}: {amount:g}" for name, amount in self._params.resources.items())
        return f" that offers {wanted}" if wanted else ""

    @property
    def client(self) -> Client:
        """The client of now, another one after a connection was lost; starts the cluster when first asked.

        :raises ConfigError: if it cannot be reached or made; names what is wrong
        """
        if self._client is None:
            dask.config.set(_SETTINGS)
            # Prefect sets every logger to INFO; Dask's comings and goings are not the run's story.
            logging.getLogger("distributed").setLevel(logging.ERROR)
            logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a lost connection is told by us
            self._client = self._local() if self.is_local else self._elsewhere()
        return self._client

    @property
    def is_started(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    def close(self) -> None:
        """End what was made for the run; an external scheduler is left running."""
        client, cluster = self._client, self._cluster
        self._client = self._cluster = None
        try:
            if client is not None:
                client.close()
        finally:
            if cluster is not None:
                cluster.close()

    def regain(self) -> None:
        """Wait until a connection that broke is there again.

        :raises RunError: if it does not come within the worker_timeout of the run
        """
        end = time.monotonic() + self._params.worker_timeout
        while self.client.status != "running":
            if time.monotonic() > end:
                raise RunError(
                    f"{self.name}: lost, and not back within {self._params.worker_timeout} s (worker_timeout); "
                    "the next run completes the work"
                )
            if self.client.status == "closed":  # Dask itself has given up
                with suppress(ConfigError):
                    self._client = self._reach()
            time.sleep(_AGAIN)

    def workers(self) -> dict[str, dict[str, Any]]:
        """The workers of now, by address, that have the resources which a chunk needs, as Dask describes them."""
        needed = self._params.resources
        everyone: dict[str, dict[str, Any]] = self.everyone()
        return {
            address: worker
            for address, worker in everyone.items()
            if all(worker["resources"].get(name, 0) >= amount for name, amount in needed.items())
        }

    def everyone(self) -> dict[str, dict[str, Any]]:
        """The workers of now, by address, whatever they have."""
        found: dict[str, dict[str, Any]] = self.client.scheduler_info(n_workers=-1)["workers"]
        return found

    def slots(self, worker: dict[str, Any]) -> int:
        """Chunks that a worker can have at work at a time."""
        have, needed = worker["resources"], self._params.resources
        room = [int(have.get(name, 0) // amount) for name, amount in needed.items() if amount]
        return max(1, min([worker["nthreads"], *room]))

    def _elsewhere(self) -> Client:
        if self._params.cluster:
            self._cluster = make(self._params.cluster, self._secured())
        return self._reach()

    def _reach(self) -> Client:
        where, secured = self._cluster or self._params.scheduler, self._secured()
        try:
            return Client(where, timeout=START_SECONDS, set_as_default=False, security=secured)
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            raise ConfigError(f"{self.name}: cannot be reached ({_reason(error)})") from None

    def _secured(self) -> Security | None:
        return security(self._params.tls) if self._params.tls else None

    def _local(self) -> Client:
        with _deaf_to_interrupts():
            self._cluster = LocalCluster(
                n_workers=self._count,
                threads_per_worker=self._threads,
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


def security(tls: Tls) -> Security:
    """What Dask encrypts and authenticates with, in all roles.

    :raises ConfigError: names the file that is missing or wrong
    """
    for name, place in tls.model_dump().items():
        try:
            Path(place).read_bytes()
        except OSError as error:
            raise ConfigError(f"tls: {name}: {place} cannot be read ({error.strerror})") from None
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except ssl.SSLError:
        raise ConfigError(f"tls: ca: {tls.ca} holds no certificate in PEM form") from None
    try:
        context.load_cert_chain(tls.cert, tls.key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(f"tls: cert: {tls.cert}, or key: {tls.key}, is wrong ({_reason(error)})") from None
    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_{part}": getattr(tls, part) for role in roles for part in ("cert", "key")}
    return Security(require_encryption=True, tls_ca_file=tls.ca, **files)


def _reason(error: BaseException) -> str:
    """What lies at the bottom of an error, in one line: Dask's own says how long it waited."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


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
