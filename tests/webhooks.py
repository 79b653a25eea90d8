"""A webhook of one's own: what is posted to it, on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest


class Webhook(HTTPServer):
    """Takes JSON objects, and answers as it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[dict[str, Any]] = []
        self.status = 200

    @property
    def address(self) -> str:
        """With a path that is as secret as that of any webhook."""
        return f"http://127.0.0.1:{self.server_port}/hooks/s3cret"

    def of(self, occasion: str) -> list[dict[str, Any]]:
        """What it was told of an occasion."""
        return [item for item in self.told if item["occasion"] == occasion]


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def receiver() -> Iterator[Webhook]:
    """One server for all tests of a process."""
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def webhook(receiver: Webhook, monkeypatch: pytest.MonkeyPatch) -> Webhook:
    """Nothing was told to it yet, and NIGHTSORT_WEBHOOK is its address."""
    receiver.told.clear()
    receiver.status = 200
    monkeypatch.setenv("NIGHTSORT_WEBHOOK", receiver.address)
    return receiver
