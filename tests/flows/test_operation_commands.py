"""nightsort doctor and nightsort metrics, and what doctor asks of a Prefect server and a Dask scheduler."""

import importlib.metadata
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from distributed import LocalCluster
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

from flows.deployment import server_check
from nightsort.config.compute import Compute, Tls
from nightsort.config.serving import Server
from nightsort.operations.checks.finding import Finding
from tasks import connection
from tasks.scheduler_check import scheduler
from tests.flows.commands import Said

HERE = importlib.metadata.version("prefect")


@dataclass
class FakeServer:
    """As much of a Prefect server as doctor asks."""

    api: str = ""
    version: str = HERE
    code: int = 200
    settings: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    told = FakeServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {"version": told.version, "settings": told.settings}
            self.send_response(200 if self.path == "/api/health" else told.code)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(self.path.rpartition("/")[2])).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.api = f"http://127.0.0.1:{server.server_port}/api"
    monkeypatch.setenv("PREFECT_API_URL", told.api)
    yield told
    server.shutdown()
    server.server_close()


def asked() -> dict[str, str]:
    """What is told of the server -> its grade."""
    return {finding.told: finding.grade for finding in server_check.server(Server())}


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server answers, wherever the tests run."""
    monkeypatch.setattr(server_check, "is_alive", lambda _: False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("NIGHTSORT_WEBHOOK", raising=False)


def test_doctor_ends_well_though_there_are_warnings(
    nightsort: Callable[..., Said], tmp_path: Path, nobody: None
) -> None:
    (tmp_path / "root").mkdir()
    said = nightsort("doctor", "--storage", tmp_path / "root", "--json")
    subjects = {finding["subject"] for finding in said.data["findings"]}
    assert said.code == 0 and said.data["fail"] == 0 and said.data["warn"] > 0
    assert {"python", "packages", "machine", "gpu", "clock", "webhook", "storage", "leases", "server"} <= subjects
    assert list((tmp_path / "root").iterdir()) == []


def test_doctor_ends_with_1_where_something_fails(
    nightsort: Callable[..., Said], tmp_path: Path, nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSORT_WEBHOOK", "nowhere")
    Path("pipelines.yaml").write_text("pipelines:\n  nightly: {flow: clasify}\n")
    said = nightsort("doctor", "--storage", "odd://nowhere")
    failed = [line for line in said.out if line.startswith("fail")]
    assert said.code == 1 and said.err == []
    assert [line.split()[1] for line in failed] == ["webhook", "pipelines", "storage"]
    assert said.out[-1].endswith(", 3 fail")


def test_no_server(monkeypatch: pytest.MonkeyPatch, nobody: None) -> None:
    assert list(asked().values()) == ["warn"]
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert asked() == {"no Prefect server answers at http://127.0.0.1:9/api": "fail"}


def test_a_server_of_our_version(fake: FakeServer) -> None:
    fake.settings = {"server": {"database": {"driver": "postgresql+asyncpg"}}}
    found = asked()
    assert set(found.values()) == {"ok"}
    assert f"{fake.api}: Prefect {HERE}, as here" in found and "it keeps its records in PostgreSQL" in found
    assert f"the clock of {fake.api} agrees with this machine's" in found


@pytest.mark.parametrize(("version", "grade"), [("2.20.1", "fail"), (f"{HERE.rpartition('.')[0]}.999", "warn")])
def test_a_server_of_another_version(version: str, grade: str, fake: FakeServer) -> None:
    fake.version = version
    assert asked()[f"{fake.api}: Prefect {version}, here {HERE}"] == grade


def test_a_server_that_does_not_let_us_in(fake: FakeServer) -> None:
    fake.code = 401
    for credentials, state in ((None, "is not set"), ("admin:canary-1", "is refused")):
        with temporary_settings({PREFECT_API_AUTH_STRING: credentials}):
            ((told, grade), _) = asked().items()
        assert told.startswith(f"PREFECT_API_AUTH_STRING: {state}, and the Prefect server at {fake.api} wants it (401)")
        assert grade == "fail"


def checked(compute: Compute) -> list[Finding]:
    return list(scheduler(compute))


def test_processes_of_this_machine_and_a_cluster_to_be_made_are_not_tried() -> None:
    assert [finding.grade for finding in checked(Compute())] == ["ok"]
    assert [finding.grade for finding in checked(Compute.model_validate({"cluster": {"kind": "slurm"}}))] == ["ok"]


def test_a_scheduler_with_a_worker() -> None:
    with LocalCluster(n_workers=1, threads_per_worker=3, processes=False, protocol="tcp://", host="127.0.0.1",
                      dashboard_address="127.0.0.1:0", worker_dashboard_address="127.0.0.1:0") as there:  # fmt: skip
        open_to_all, found = checked(Compute(scheduler=there.scheduler_address))
    assert open_to_all.grade == "warn" and "is not at tls://" in open_to_all.told
    assert found.grade == "ok" and "1 workers, 1 of them usable, 3 chunks at a time" in found.told


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connection, "START_SECONDS", 0.2)
    assert [finding.grade for finding in checked(Compute(scheduler="tcp://127.0.0.1:9"))] == ["warn", "fail"]
    missing = Tls(ca=str(tmp_path / "ca"), cert="c", key="k")
    (found,) = checked(Compute(scheduler="tls://127.0.0.1:9", tls=missing))
    assert found.grade == "fail" and f"ca: {tmp_path}/ca cannot be read" in found.told


def test_metrics_once(nightsort: Callable[..., Said], tmp_path: Path) -> None:
    said = nightsort("metrics", "--once", "--storage", tmp_path / "away")
    assert said.code == 0 and "nightsort_up 0.0" in said.out


def test_metrics_are_served_until_the_process_is_told_to_end(tmp_path: Path, environment: dict[str, str]) -> None:
    words = ["metrics", "--port", "0", "--json", "--storage", tmp_path]
    process = subprocess.Popen(
        [Path(sys.executable).parent / "nightsort", *words], stdout=subprocess.PIPE, env=environment, text=True
    )
    try:
        address = json.loads(process.stdout.readline())["address"]
        assert "nightsort_up 1.0" in httpx.get(address, timeout=60).text
        process.terminate()
        assert process.wait(timeout=300) == 143
    finally:
        process.kill()
        process.stdout.close()


def test_a_run_logs_lines_that_a_program_reads(
    nightsort: Callable[..., Said], tmp_path: Path, pictures: Any, environment: dict[str, str]
) -> None:
    drop = pictures.labelled(tmp_path / "labelled", {"red": 2, "blue": 2})
    words = ["ingest", drop, "--storage", tmp_path / "root", "--settle-seconds", "0", "--workers", "1"]
    done = subprocess.run(
        [Path(sys.executable).parent / "nightsort", *words],
        env={**environment, "NIGHTSORT_LOG": "json"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    runs = {line["run_id"] for line in lines}
    assert len(runs) == 1 and {line["flow"] for line in lines} == {"ingest"}
    assert {"nightsort.run", "nightsort.stage", "nightsort.chunk", "nightsort.commit"} <= {
        line["logger"] for line in lines
    }
    assert all("red" in line["chunk"] for line in lines if line["logger"] == "nightsort.chunk")
    (last,) = [line for line in lines if line["message"] == "completed"]
    assert last["discovered"] == 4 and last["done"] == 4 and last["seconds"] > 0
    said = nightsort(*words)
    assert said.code == 0 and said.err == []  # as quiet as ever where nobody asked
