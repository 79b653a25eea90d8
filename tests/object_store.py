"""A real S3 server on loopback, and a proxy in front of it that is as rude as a busy store."""

import http.client
import random
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
import s3fs

_SERVER = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()  # until who started it ends, however it does
"""
_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass(frozen=True)
class ObjectStore:
    """A bucket of a server, which the environment names to every S3 client of this process and its children."""

    endpoint: str
    bucket: str
    client: Any  # of boto3, past any proxy

    def put(self, key: str, data: bytes) -> str:
        """Write an object; its URI."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)
        return f"s3://{self.bucket}/{key}"


class FaultProxy(ThreadingHTTPServer):
    """Passes requests on, but answers a share of them 503 SlowDown and resets the connection of another.

    :param endpoint: http://host:port of the server behind it
    :param busy: share of requests answered with 503
    :param reset: share of requests that are done, and whose answer breaks off in the middle or never comes
    """

    daemon_threads = True

    def __init__(self, endpoint: str, busy: float, reset: float, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = endpoint.removeprefix("http://")
        self.busy, self.reset = busy, reset
        self.careless = False  # whether it takes If-None-Match from requests, as some stores do
        self.counts: Counter[str] = Counter()
        self._random, self._lock = random.Random(seed), threading.Lock()

    @property
    def endpoint(self) -> str:
        """The http://host:port to ask instead."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client may hang up on what it does not need any more."""

    def fate(self) -> str:
        """What happens to the next request: busy, reset or served."""
        with self._lock:
            drawn = self._random.random()
            fate = "busy" if drawn < self.busy else "reset" if drawn < self.busy + self.reset else "served"
            self.counts[fate] += 1
        return fate


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fate = self.server.fate()
        if fate == "busy":
            return self._send(503, [("Content-Type", "application/xml")], _SLOW_DOWN)
        connection = http.client.HTTPConnection(self.server.behind)
        asked = dict(self.headers)
        if self.server.careless:
            asked = {name: value for name, value in asked.items() if name.lower() != "if-none-match"}
        connection.request(self.command, self.path, body, asked)
        response = connection.getresponse()
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in ("connection", "date")]
        data = response.read()
        connection.close()
        if fate == "reset" and not data:  # such as that of a PUT, which was done
            self.close_connection = True
            return None
        return self._send(response.status, headers, data, len(data) // 2 if fate == "reset" else None)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def _send(self, status: int, headers: list[tuple[str, str]], data: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "server"):
                self.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length", str(len(data)))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:cut])
        self.close_connection = cut is not None

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of an S3 server that lasts as long as the session.

    A process of its own: delta-rs waits for some answers without letting other threads run.
    """
    asked = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            found = server.stdout.readline().strip()
            assert found, "the S3 server did not start"
            yield found
        finally:
            server.kill()


@pytest.fixture
def object_store(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A new bucket, and an environment in which s3:// means its server."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    settings = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}
    for name, value in (settings | {"ENDPOINT_URL": s3_server, "EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    s3fs.S3FileSystem.clear_instance_cache()  # it would go on with the endpoint of the test before
    client = boto3.client("s3")
    store = ObjectStore(s3_server, f"pictures-{uuid.uuid4().hex}", client)
    client.create_bucket(Bucket=store.bucket)
    yield store
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def rude(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FaultProxy]]:
    """Starter of a proxy before a server; s3:// means it from then on."""
    proxies: list[FaultProxy] = []

    def start(endpoint: str, busy: float = 0.2, reset: float = 0.0, seed: int = 0) -> FaultProxy:
        proxy = FaultProxy(endpoint, busy, reset, seed)
        proxies.append(proxy)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        s3fs.S3FileSystem.clear_instance_cache()
        return proxy

    yield start
    for proxy in proxies:
        proxy.shutdown()
        proxy.server_close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between attempts."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
    monkeypatch.setattr("nightsort.stores._LONGEST", 0.05)
