"""Scheduler and workers elsewhere: reached by TLS, killed in mid-run, away, and back.

Chunk functions are made inside functions, so that they travel to the workers by value.
"""

import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from distributed import Client

from flows.ingest import ingest
from nightsort.config.compute import Tls
from nightsort.config.intake import IngestParams
from nightsort.config.run import RunParams
from nightsort.errors import ConfigError, RunError
from tasks import absence, compute, connection, in_flight
from tasks.compute import Done, Workers
from tests.tasks.outside import Outside
from topology.certificates import issue

NAMES = [f"{number:02d}.png" for number in range(30)]


def chunks_of(names: list[str]) -> list[pa.Table]:
    """A chunk of each."""
    return [pa.table({"path": [name], "member": [""]}) for name in names]


def answer(seconds: float = 0.0) -> Callable[..., tuple[str, str, int]]:
    """Name of the chunk's row, name of the worker and its process; kills the process if the row says so."""

    def run(chunk: Any) -> tuple[str, str, int]:
        import signal
        import time

        from distributed import get_worker

        name = chunk["path"][0].as_py()
        if name == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(seconds)
        return name, str(get_worker().name), os.getpid()

    return run


def names_of(done: list[Done[Any]]) -> Counter[str]:
    """Rows that came back in a result."""
    return Counter(item.result[0] for item in done if item.result)


@pytest.fixture(scope="module")
def processes(tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Nothing of it runs yet; see `outside`."""
    processes = Outside(tmp_path_factory.mktemp("outside"), tls)
    yield processes
    processes.stop()


@pytest.fixture
def outside(processes: Outside) -> Outside:
    """A scheduler and two workers, one of them with what it takes for a GPU; what a test killed is started again."""
    if not processes.is_up("scheduler"):
        processes.scheduler()
    for name, options in {"plain": (), "gpu": ("--resources", "GPU=1")}.items():
        if not processes.is_up(name):
            processes.worker(name, *options)
    return processes


@pytest.fixture
def params(outside: Outside, tls: Tls, tmp_path: Path) -> Callable[..., RunParams]:
    def make(**changes: Any) -> RunParams:
        return RunParams(**{"scheduler": outside.address, "tls": tls, "storage": str(tmp_path / "root")} | changes)

    return make


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a run says of its workers, which it looks after more often than usual."""
    lines: list[str] = []
    monkeypatch.setattr(in_flight, "_LOOK", 0.2)
    monkeypatch.setattr(absence, "_say", lines.append)
    return lines


def test_chunks_are_computed_by_all_workers_over_tls(params: Callable[..., RunParams]) -> None:
    with Workers(params()) as workers:
        assert workers.start().scheduler.address.startswith("tls://127.0.0.1:")
        done = list(workers.map(answer(0.05), chunks_of(NAMES)))
        assert (workers.count, workers.threads) == (2, 1)
        assert workers.call(max, 3, 4) == 4
    assert names_of(done) == Counter(NAMES)
    assert {item.result[1] for item in done if item.result} == {"plain", "gpu"}


def test_a_chunk_goes_only_where_its_resources_are(params: Callable[..., RunParams]) -> None:
    with Workers(params(resources={"GPU": 1})) as workers:
        done = list(workers.map(answer(), chunks_of(NAMES[:6])))
        assert workers.count == 1
    assert {item.result[1] for item in done if item.result} == {"gpu"}


def test_resources_that_nobody_has_are_an_error_and_no_wait(
    params: Callable[..., RunParams], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "_GRACE", 0)
    expected = "has 2 workers and none that offers GPU: 2; start some with `dask worker --resources`"
    with Workers(params(resources={"GPU": 2})) as workers, pytest.raises(ConfigError, match=expected):
        workers.start()


def test_whoever_has_no_certificate_is_refused(outside: Outside, tls: Tls, tmp_path: Path) -> None:
    host, port = outside.address.removeprefix("tls://").split(":")
    context = ssl.create_default_context(cafile=tls.ca)  # trusts the scheduler, and has nothing to show
    plain = socket.create_connection((host, int(port)))
    refused = pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED")
    with context.wrap_socket(plain, server_hostname=host) as secured, refused:
        secured.recv(1)


@pytest.mark.parametrize(
    ("protocol", "foreign", "why"),
    [
        ("tls", {"cert", "key"}, r"UNKNOWN_CA|EOF occurred"),  # the scheduler refuses the run
        ("tls", {"ca", "cert", "key"}, r"CERTIFICATE_VERIFY_FAILED"),  # the run refuses the scheduler
        ("tcp", {}, ""),
    ],
)
def test_another_authority_and_clear_text_are_refused(
    protocol: str, foreign: set[str], why: str, outside: Outside, tls: Tls, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "START_SECONDS", 3)
    other = issue(tmp_path / "other")
    address = outside.address.replace("tls", protocol)
    shown = tls.model_copy(update={part: getattr(other, part) for part in foreign}) if foreign else None
    expected = rf"^scheduler {address}: cannot be reached \(.*({why})"
    params = RunParams(scheduler=address, tls=shown, storage=str(tmp_path / "root"))
    with Workers(params) as stranger, pytest.raises(ConfigError, match=expected) as caught:
        stranger.start()
    print(caught.value)
    assert len(caught.value.lines) == 1


def test_a_whole_flow_computes_elsewhere(
    outside: Outside, tls: Tls, tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    for seed in range(40):
        folder = tmp_path / "labelled" / ("cat", "dog")[seed % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{seed}.png").write_bytes(picture(seed))
    (tmp_path / "labelled" / "cat" / "notes.png").write_text("no picture")
    params = IngestParams(
        source=str(tmp_path / "labelled"), storage=str(tmp_path / "root"), settle_seconds=0, max_quarantined=0.5,
        scheduler=outside.address, tls=tls, chunk_size=5,
    )  # fmt: skip
    report = ingest(params)
    assert report.intake is not None
    tally = report.intake.tally
    assert (tally.discovered, tally.done, tally.quarantined) == (41, 40, 1)


def test_only_the_row_that_kills_its_worker_is_set_aside(params: Callable[..., RunParams]) -> None:
    with Workers(params()) as workers:
        done = list(workers.map(answer(), chunks_of([*NAMES[:5], "poison"])))
    assert names_of(done) == Counter(NAMES[:5])
    assert [item.chunk["path"].to_pylist() for item in done if item.result is None] == [["poison"]]


def test_another_release_is_refused(params: Callable[..., RunParams], monkeypatch: pytest.MonkeyPatch) -> None:
    original = Client.get_versions

    def older(self: Client, **options: Any) -> Any:
        found = original(self, **options)
        next(iter(found["workers"].values()))["packages"]["nightsort"] = "0.0.1"
        return found

    monkeypatch.setattr(Client, "get_versions", older)
    with (
        Workers(params()) as workers,
        pytest.raises(ConfigError, match=r"nightsort is 0\.0\.1 on worker tls://.* here"),
    ):
        workers.start()


def test_a_worker_that_is_killed_in_mid_run_costs_no_chunk(outside: Outside, params: Callable[..., RunParams]) -> None:
    with Workers(params()) as workers:
        done = []
        for item in workers.map(answer(0.05), chunks_of(NAMES)):
            done.append(item)
            if len(done) == 2:
                outside.kill("plain")
    assert names_of(done) == Counter(NAMES)
    assert len(done) == len(NAMES)


def test_without_any_worker_a_run_waits_and_goes_on_when_one_is_there(
    outside: Outside, params: Callable[..., RunParams], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            outside.worker("gpu")

    monkeypatch.setattr(absence, "_say", note)
    with Workers(params()) as workers:
        done = []
        for item in workers.map(answer(), chunks_of(NAMES)):
            done.append(item)
            if len(done) == 1:
                outside.kill("plain", "gpu")
    assert names_of(done) == Counter(NAMES)
    assert said == [
        f"scheduler {outside.address}: has no worker; waiting for up to 600 s",
        f"scheduler {outside.address}: workers are there, going on",
    ]


def test_a_run_without_workers_for_too_long_ends_in_one_line(
    outside: Outside, params: Callable[..., RunParams], said: list[str]
) -> None:
    outside.kill("plain", "gpu")
    expected = f"scheduler {outside.address}: has no worker for 1 s (worker_timeout); the next run completes the work"
    with Workers(params(worker_timeout=1)) as workers, pytest.raises(RunError) as caught:
        workers.start()
    assert str(caught.value) == expected


def test_a_scheduler_that_comes_back_is_given_the_rest(outside: Outside, params: Callable[..., RunParams]) -> None:
    with Workers(params()) as workers:
        done = []
        for item in workers.map(answer(), chunks_of(NAMES)):
            done.append(item)
            if len(done) == 1:
                outside.kill("scheduler", "plain", "gpu")
                outside.scheduler()
                outside.worker("plain")
    assert names_of(done) == Counter(NAMES)
    assert len(done) == len(NAMES)


def test_a_scheduler_that_stays_away_is_an_error_that_names_it(
    outside: Outside, params: Callable[..., RunParams]
) -> None:
    expected = (
        f"scheduler {outside.address}: lost, and not back within 1 s (worker_timeout); the next run completes the work"
    )
    with Workers(params(worker_timeout=1)) as workers:
        mapped = workers.map(answer(), chunks_of(NAMES))
        next(mapped)
        outside.kill("scheduler")
        with pytest.raises(RunError) as caught:
            list(mapped)
    assert str(caught.value) == expected
