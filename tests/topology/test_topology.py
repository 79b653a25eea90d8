"""A night on the whole topology: PostgreSQL, a Prefect server with a password, a worker, Dask over TLS, a store.

`make topology` kills everything in turn; here two of them are killed in the middle of one night.
"""

import string
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client

from tests.conftest import missing
from tests.waiting import until
from topology.bucket import Bucket
from topology.postgres import programs
from topology.runs import Runs, asking
from topology.services import BUCKET, WORKERS, Services
from topology.supervisor import Supervisor

DECLARED = string.Template(
    """
storage: s3://$bucket/storage
compute: {scheduler: $scheduler, tls: {ca: $ca, cert: $cert, key: $key}}
pipelines:
  nightly:
    flow: classify
    parameters: {source: "s3://$bucket/incoming", chunk_size: 2, settle_seconds: 0, sample: 0}
    schedule: {cron: 0 2 * * *, timezone: Europe/Berlin}
"""
)


@dataclass
class Site:
    """The running topology, with a trained root in its bucket and one pipeline deployed."""

    services: Services
    supervisor: Supervisor
    bucket: Bucket
    runs: Runs


@pytest.fixture(scope="module")
def site(trained: Any) -> Iterator[Site]:
    if programs() is None:
        missing("PostgreSQL")
    # Not below pytest's own folder: that is closed to others, and PostgreSQL's user has to pass.
    with tempfile.TemporaryDirectory(prefix="nightsort-site-", ignore_cleanup_errors=True) as folder:
        services = Services(Path(folder))
        services.prepare()
        bucket = Bucket(BUCKET, services.store)
        with Supervisor(services.folder / "logs") as supervisor:
            database, *others = services.units()
            supervisor.start(database)
            supervisor.start(*others)
            bucket.make()
            bucket.put(trained.root, "storage")
            deploy(services)
            with asking(services.api, services.password) as runs:
                yield Site(services, supervisor, bucket, runs)


def deploy(services: Services) -> None:
    """Register the pipeline by the command."""
    file = services.folder / "pipelines.yaml"
    words = {**services.tls.model_dump(), "bucket": BUCKET, "scheduler": services.scheduler}
    file.write_text(DECLARED.substitute(words))
    command = [Path(sys.executable).with_name("nightsort"), "deploy", "--config", file]
    done = subprocess.run(command, env=services.client, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_stranger_is_told_nothing_and_starts_nothing(site: Site) -> None:
    assert httpx.get(f"{site.services.api}/admin/version").status_code == 401
    with get_client(sync_client=True) as known:
        assert known.hello().status_code == 200
    refused = httpx.post(f"{site.services.api}/flow_runs/filter", auth=tuple(site.services.password.split(":")))
    assert refused.status_code == 403 and "CSRF" in refused.text, "the password alone starts nothing, either"


def test_what_is_old_is_removed(site: Site) -> None:
    password = tuple(site.services.password.split(":"))
    told = httpx.get(f"{site.services.api}/admin/settings", auth=password).json()["server"]
    assert set(told["services"]["db_vacuum"]["enabled"]) == {"events", "flow_runs"}
    assert told["api"]["csrf_protection_enabled"] and told["database"]["connection_url"] == "**********"


def test_a_night_goes_on_while_the_database_and_a_worker_are_killed(site: Site, pictures: Any, tmp_path: Path) -> None:
    drop = pictures.mixed(tmp_path / "drop")
    plain = pictures.plain(tmp_path / "drop" / "more", 30, start=3000)
    site.bucket.put(tmp_path / "drop", "incoming")
    run = site.runs.start("nightly")
    until(committed(site, 1), "the first commits of the night")
    assert site.supervisor.kill("postgres") > 1, "its children too"
    until(committed(site, 3), "commits while the database is away or just back")
    assert site.supervisor.kill(WORKERS[0]) > 1, "its nanny too"
    ended = site.runs.ended(run)
    assert ended.state_name == "Completed", ended.state
    assert [site.supervisor.starts(name) for name in ("postgres", WORKERS[0], WORKERS[1])] == [2, 2, 1]

    rows = site.bucket.rows("predictions", "path", "sha256", "label")
    loose = {row["path"].rpartition("/")[2]: row["label"] for row in rows if "/more/" in row["path"]}
    assert loose == plain.truth
    assert set(Counter(row["sha256"] for row in rows).values()) == {1}
    assert len(rows) == drop.tally["done"] + plain.tally["done"]
    (report,) = (each for each in site.bucket.reports() if each["flow"] == "classify")
    assert report["intake"]["tally"]["balanced"]
    assert report["intake"]["tally"]["done"] == drop.tally["done"] + plain.tally["done"]


def committed(site: Site, more: int) -> Callable[[], bool]:
    """Whether the ledger has seen so many more commits."""
    before = site.bucket.commits("predictions")
    return lambda: site.bucket.commits("predictions") >= before + more


def test_the_tasks_of_the_night_stand_in_postgresql(site: Site) -> None:
    question = (
        "SELECT count(*) FROM task_run WHERE flow_run_id IN (SELECT id FROM flow_run WHERE state_name='Completed')"
    )
    until(lambda: int(site.services.postgres.ask(question)[0][0]) >= 3, "task runs in PostgreSQL")
