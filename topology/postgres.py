"""Owns a PostgreSQL of its own: a cluster in a folder, and the words that start its server.

Invariant: it listens on loopback alone, asks for a password, and runs as a user who may do nothing else, since
PostgreSQL refuses to run as root. Does not know what is kept in it.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nightsort.errors import ConfigError
from topology.supervisor import Unit, without_others

_USERS = ("postgres", "nobody")  # who runs it if root starts it
_NAME = "prefect"  # of the database, and of who owns it


def programs() -> Path | None:
    """The folder of initdb, postgres and psql: that of the newest version from Debian, or where the path finds it."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
    found = shutil.which("initdb")
    return folders[-1] if folders else Path(found).parent if found else None


@dataclass(frozen=True)
class Postgres:
    """A database cluster.

    :param folder: made by :meth:`prepare`; whoever runs the server must be able to reach it
    """

    folder: Path
    port: int
    password: str

    @cached_property
    def _programs(self) -> Path:
        found = programs()
        if found is None:
            raise ConfigError("PostgreSQL is missing; 'make services' installs it")
        return found

    @cached_property
    def _user(self) -> str | None:
        known = {entry.pw_name for entry in pwd.getpwall()}
        return next(name for name in _USERS if name in known) if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """What Prefect's server is told; holds the password."""
        return f"postgresql+asyncpg://{_NAME}:{self.password}@127.0.0.1:{self.port}/{_NAME}"

    def prepare(self) -> None:
        """Make the cluster."""
        self.folder.mkdir(mode=0o700)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if self._user:
            for place in (self.folder, secret):
                shutil.chown(place, self._user)
        words = ["--auth=scram-sha-256", f"--username={_NAME}", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"]
        self._run("initdb", "--pgdata", str(self._data), *words)

    @property
    def unit(self) -> Unit:
        """The server, and with it the database."""
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self._data), *words]
        return Unit("postgres", command, without_others(), self._ready, self._user)

    def _ready(self) -> bool:
        """It takes words, and has the database."""
        try:
            if not self.ask(f"SELECT 1 FROM pg_database WHERE datname = '{_NAME}'", "postgres"):
                self.ask(f"CREATE DATABASE {_NAME}", "postgres")
        except subprocess.CalledProcessError:
            return False
        return True

    def ask(self, query: str, database: str = _NAME) -> list[list[str]]:
        """The rows that a query gives, each value as text.

        :raises subprocess.CalledProcessError: if the server is not there, or minds the query
        """
        words = ["--no-psqlrc", "--tuples-only", "--no-align", "--field-separator=\t", "--command", query]
        where = ["--host=127.0.0.1", f"--port={self.port}", f"--username={_NAME}", f"--dbname={database}"]
        said = self._run("psql", *where, *words)
        return [line.split("\t") for line in said.splitlines() if line]

    def _run(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [str(self._programs / program), *words],
            env=without_others(PGPASSWORD=self.password),
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    @property
    def _data(self) -> Path:
        return self.folder / "data"
