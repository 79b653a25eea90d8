"""Owns which processes the topology is made of, where each listens, and what it is told of the others.

Invariant: everything listens on loopback, on ports that were free, and every secret is new. Does not know how a
process is kept running, or what is done with it.
"""

import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx

from nightsort.config.compute import Tls
from topology.certificates import issue
from topology.postgres import Postgres
from topology.server import asking, served
from topology.supervisor import Unit, answers, free_ports, without_others

BUCKET = "nightsort"
POOL = "nightsort"
WORKERS = ("dask-worker-1", "dask-worker-2")


@dataclass(frozen=True)
class Services:
    """The topology.

    :param folder: where it keeps what it keeps; :meth:`prepare` fills it
    """

    folder: Path
    password: str = field(default_factory=lambda: f"nightsort:{secrets.token_urlsafe(16)}")
    _ports: list[int] = field(default_factory=lambda: free_ports(4))

    @cached_property
    def postgres(self) -> Postgres:
        """The database."""
        return Postgres(self.folder / "postgres", self._ports[0], secrets.token_urlsafe(16))

    @cached_property
    def tls(self) -> Tls:
        """What scheduler, workers and clients know one another by."""
        return issue(self.folder / "tls")

    @property
    def page(self) -> str:
        """Address of the Prefect UI."""
        return f"http://127.0.0.1:{self._ports[1]}"

    @property
    def api(self) -> str:
        """Address of the Prefect API."""
        return f"{self.page}/api"

    @property
    def scheduler(self) -> str:
        """Address of the Dask scheduler."""
        return f"tls://127.0.0.1:{self._ports[2]}"

    @property
    def store(self) -> dict[str, str]:
        """What every S3 client is told."""
        where = {
            "ENDPOINT_URL": f"http://127.0.0.1:{self._ports[3]}",
            "ALLOW_HTTP": "true",
            "DEFAULT_REGION": "us-east-1",
        }
        who = {"ACCESS_KEY_ID": "nightsort", "SECRET_ACCESS_KEY": self.password, "EC2_METADATA_DISABLED": "true"}
        return {f"AWS_{name}": value for name, value in (where | who).items()}

    @property
    def client(self) -> dict[str, str]:
        """The environment of whoever uses it, and of what works in it."""
        home = {"PREFECT_HOME": str(self.folder / "prefect"), "OMP_WAIT_POLICY": "PASSIVE"}
        return without_others(**asking(self.password, self.api), **self.store, **home)

    def prepare(self) -> None:
        """Make the folder, which whoever runs PostgreSQL must be able to pass through, and the database."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        self.postgres.prepare()

    def units(self) -> Iterator[Unit]:
        """All processes, each after those that it needs."""
        yield self.postgres.unit
        yield self._store()
        yield self._prefect_server()
        yield self._scheduler()
        yield from (self._worker(name) for name in WORKERS)
        yield self._prefect_worker()

    def _store(self) -> Unit:
        command = [sys.executable, "-m", "topology.store", str(self._ports[3]), str(self.folder / "store.journal")]
        # The checkout's own packages: topology is not installed.
        path = without_others(PYTHONPATH=str(Path(__file__).resolve().parent.parent))
        return Unit("store", command, path, self._listens(3))

    def _prefect_server(self) -> Unit:
        words = ["server", "start", "--host", "127.0.0.1", "--port", str(self._ports[1])]
        home = {"PREFECT_HOME": str(self.folder / "prefect-server")}
        told = without_others(**served(self.postgres.url, self.password, self.api), **home)
        return Unit("prefect-server", [sys.executable, "-m", "prefect", *words], told, self._serves)

    def _prefect_worker(self) -> Unit:
        words = ["worker", "start", "--pool", POOL, "--type", "process", "--name", "worker-1"]
        told = {**self.client, "PREFECT_WORKER_QUERY_SECONDS": "2"}
        return Unit("prefect-worker", [sys.executable, "-m", "prefect", *words], told, self._serves)

    def _scheduler(self) -> Unit:
        words = ["--host", "127.0.0.1", "--port", str(self._ports[2]), "--protocol", "tls", "--no-dashboard"]
        command = [self._dask, "scheduler", *words, "--no-show", *self._certificates]
        return Unit("dask-scheduler", command, self.client, self._listens(2))

    def _worker(self, name: str) -> Unit:
        words = ["--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--memory-limit", "0", "--name", name]
        place = ["--local-directory", str(self.folder / name)]
        command = [self._dask, "worker", self.scheduler, *words, *place, *self._certificates]
        return Unit(name, command, self.client, self._listens(2))

    @property
    def _dask(self) -> str:
        return str(Path(sys.executable).with_name("dask"))

    @property
    def _certificates(self) -> list[str]:
        return ["--tls-ca-file", self.tls.ca, "--tls-cert", self.tls.cert, "--tls-key", self.tls.key]

    def _listens(self, at: int) -> Callable[[], bool]:
        return lambda: answers(self._ports[at])

    def _serves(self) -> bool:
        """Whether the Prefect server reaches its database."""
        try:
            return httpx.get(f"{self.api}/ready", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False
