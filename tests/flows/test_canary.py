"""Canaries in every secret that Nightsort is given: none sings in a log, a report, a table or the Prefect database."""

import html
import io
import json
import logging
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
import s3fs
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness

from flows import served
from flows.deployment import deploying
from flows.launch import launch
from nightsort import logs
from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.config.run import RunParams
from nightsort.config.training import TrainParams
from nightsort.errors import NightsortError
from nightsort.pipelines import Declaration
from tests.webhooks import Webhook

CANARIES = {
    "webhook user": "hookuser-canary-7f21",
    "webhook password": "hookpass-canary-8a42",
    "webhook path": "hookpath-canary-1c93",
    "AWS_SECRET_ACCESS_KEY": "aws/secret+canary-55e0",
    "AWS_SESSION_TOKEN": "aws-session-canary-d1b7==",
    "PREFECT_API_AUTH_STRING": "prefect-canary-90aa",
    "source": "source-canary-3e66",
    "database": "database-canary-47cd",
    "FSSPEC_S3_SECRET": "fsspec-canary-b6f8",
}


class Forbidding(ThreadingHTTPServer):
    """An S3 store that refuses everybody, and, as S3 does, says in its answer what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)


class _Refusal(BaseHTTPRequestHandler):
    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = html.escape(f"{self.headers} {CANARIES['AWS_SECRET_ACCESS_KEY']}")
        body = f"<Error><Code>SignatureDoesNotMatch</Code><Message>{said}</Message></Error>".encode()
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_GET = do_HEAD = do_PUT = do_POST = _refuse

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, receiver: Webhook) -> Iterator[None]:
    """An environment full of secrets, in which the webhook refuses and the bucket is forbidden."""
    receiver.told.clear()
    receiver.status = 500
    store = Forbidding()
    threading.Thread(target=store.serve_forever, args=(0.05,), daemon=True).start()
    user, password, path = (CANARIES[f"webhook {part}"] for part in ("user", "password", "path"))
    given = {
        "NIGHTSORT_WEBHOOK": f"http://{user}:{password}@127.0.0.1:{receiver.server_port}/hooks/{path}",
        "NIGHTSORT_LOG": "json",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": CANARIES["AWS_SECRET_ACCESS_KEY"],
        "AWS_SESSION_TOKEN": CANARIES["AWS_SESSION_TOKEN"],
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.server_address[1]}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PREFECT_API_AUTH_STRING": f"admin:{CANARIES['PREFECT_API_AUTH_STRING']}",
        "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://prefect:{CANARIES['database']}@db/prefect",
        "FSSPEC_S3_SECRET": CANARIES["FSSPEC_S3_SECRET"],
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in logs._OURS}
    with temporary_settings({PREFECT_API_AUTH_STRING: given["PREFECT_API_AUTH_STRING"]}):
        yield
    root.handlers[:] = handlers
    logging.setLogRecordFactory(factory)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    s3fs.S3FileSystem.clear_instance_cache()
    store.shutdown()
    store.server_close()
    receiver.status = 200


@pytest.fixture(scope="module")
def client() -> Iterator[SyncPrefectClient]:
    with prefect_test_harness(server_startup_timeout=600), get_client(sync_client=True) as client:
        yield client


def database() -> Path:
    """The file of the Prefect server that the harness made."""
    return Path(str(PREFECT_SERVER_DATABASE_CONNECTION_URL.value()).partition("///")[2])


def searched(*places: Path) -> dict[str, bytes]:
    """What everything below these places holds, tables read out."""
    files = (file for place in places for file in (place.rglob("*") if place.is_dir() else [place]) if file.is_file())
    return {
        str(file): file.read_bytes()
        + repr(pq.read_table(file).to_pylist() if file.suffix == ".parquet" else "").encode()
        for file in files
    }


def forms(secret: str) -> set[bytes]:
    """A secret as it may be written down."""
    ways = (secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1], secret.replace("/", "\\/"))
    whole = b64encode(f"admin:{secret}".encode()).decode()
    return {way.encode() for way in (*ways, b64encode(secret.encode()).decode(), whole)}


def singing(found: dict[str, bytes]) -> list[str]:
    """Which canaries are where."""
    return [
        f"{name} in {place}: ...{data[max(0, at - 80) : at + 60]!r}"
        for place, data in found.items()
        for name, secret in CANARIES.items()
        for form in forms(secret)
        if (at := data.find(form)) >= 0
    ]


@pytest.mark.usefixtures("secrets", "inline")
def test_no_secret_is_written_down(
    client: SyncPrefectClient,
    root: Path,
    tmp_path: Path,
    pictures: Any,
    quick: dict[str, Any],
    classify_params: Callable[..., ClassifyParams],
    capfd: pytest.CaptureFixture[str],
    receiver: Webhook,
) -> None:
    said = io.StringIO()
    heard = logging.StreamHandler(said)
    logs.install()
    logging.getLogger().addHandler(heard)
    try:
        drop = pictures.mixed(tmp_path / "drop")
        labelled = pictures.labelled(tmp_path / "labelled", {"red": 4, "blue": 4}, start=500)
        served.ingest(IngestParams(source=str(labelled), storage=str(root), settle_seconds=0, workers=1))
        served.train(TrainParams(storage=str(root), workers=1, **{**quick, "epochs": 1}))
        good = served.classify(classify_params(drop.folder))
        (tmp_path / "junk").mkdir()
        (tmp_path / "junk" / "a.png").write_bytes(b"no picture")
        failing: list[RunParams] = [
            classify_params("s3://forbidden/drop"),
            IngestParams(source="s3://forbidden/a.zip", storage=str(root), workers=1),
            classify_params(drop.folder, storage="s3://forbidden/root"),
            classify_params(tmp_path / "junk", max_quarantined=0.0, min_quarantined=0),
        ]
        for params in failing:
            with pytest.raises(NightsortError) as refused:
                launch("ingest" if isinstance(params, IngestParams) else "classify", params, PREFECT_API_URL.value())
            print(refused.value)  # as the command line does
        declared = Declaration.model_validate(
            {
                "storage": str(root),
                "pipelines": {"nightly": {"flow": "classify", "parameters": {"source": str(drop.folder)}}},
            }
        )
        deploying.deploy(declared, "nightsort", lambda lines: print(*lines))
        with pytest.raises(PrefectHTTPStatusError, match=r"409|422"):
            deployment = client.read_deployment_by_name("classify/nightly")
            secret = f"https://reader:{CANARIES['source']}@example.org/a.zip"
            params = {**deployment.parameters["params"], "source": secret}
            client.create_flow_run_from_deployment(deployment.id, parameters={"params": params})
        APILogHandler().flush()
    finally:
        logging.getLogger().removeHandler(heard)
    out, err = capfd.readouterr()
    found = searched(root, *database().parent.glob(f"{database().name}*"))
    told = json.dumps(receiver.told)
    found |= {
        name: text.encode()
        for name, text in (("stdout", out), ("stderr", err), ("log", said.getvalue()), ("webhook", told))
    }
    assert singing(found) == []
    # It would have been heard: what is no secret is in all of these places.
    assert good.run_id in out + err and "under lease predictions" in said.getvalue() and "quarantined" in told
    assert good.run_id.encode() in found[str(database())] + found.get(f"{database()}-wal", b"")
    assert any(place.endswith(".parquet") and good.run_id.encode() in data for place, data in found.items())


@pytest.mark.parametrize("flag", ["--source", "--storage", "--manifest"])
def test_an_address_with_credentials_is_refused_and_not_shown(
    nightsort: Callable[..., Any], tmp_path: Path, flag: str
) -> None:
    secret = f"https://reader:{CANARIES['source']}@example.org/a.zip"
    words = [secret] if flag == "--source" else [tmp_path, flag, secret]
    refused = nightsort("ingest", *words)
    assert refused.code == 2 and "must hold no user or password" in refused.err[0]
    assert flag.strip("-") in refused.err[0] and CANARIES["source"] not in "".join(refused.out + refused.err)


def test_an_at_in_a_path_is_no_credential() -> None:
    for source in ("s3://bucket/user@host.png", "/mnt/drop@night", "https://example.org/a@b.zip"):
        assert ClassifyParams(source=source).source == source
