"""Whether a server can be used: over TLS with an authority of one's own, and whether everybody may use it."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import trustme

from flows.deployment.serving import exposed
from flows.prefect_api import is_alive, require
from nightsort.config.serving import Server
from nightsort.errors import ConfigError


class Healthy(BaseHTTPRequestHandler):
    """Answers as the health of a Prefect server does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server over TLS whose authority lies in ca.pem."""
    for name in ("PREFECT_API_SSL_CERT_FILE", "PREFECT_API_TLS_INSECURE_SKIP_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


def test_an_authority_of_ones_own_must_be_named(secure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_alive(secure), "nobody knows its authority"
    monkeypatch.setenv("PREFECT_API_SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert is_alive(secure) and not is_alive(f"{secure}/elsewhere")


def test_certificates_may_be_left_unchecked(secure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "true")
    assert is_alive(secure)


def test_certificates_that_cannot_be_read_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_SSL_CERT_FILE", "/nowhere.pem")
    with pytest.raises(ConfigError, match=r"^PREFECT_API_SSL_CERT_FILE=/nowhere\.pem: is no file of certificates"):
        is_alive("https://127.0.0.1:9/api")
    assert not is_alive("http://127.0.0.1:9/api"), "there is nothing to check"


@pytest.mark.parametrize(
    ("host", "password", "open_to_all"),
    [
        ("127.0.0.1", None, False),
        ("localhost", None, False),
        ("::1", None, False),
        ("0.0.0.0", None, True),
        ("prefect.example.org", None, True),
        ("0.0.0.0", "team:s3cret", False),
    ],
)
def test_a_server_that_everybody_may_use_is_told_of(
    host: str, password: str | None, open_to_all: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    if password:
        monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", password)
    warning = exposed(Server(host=host))
    assert bool(warning) == open_to_all
    if warning:
        assert warning.startswith(f"server.host: everybody who reaches {host}:4200") and "\n" not in warning


@pytest.mark.parametrize(
    ("raised", "complaint"),
    [
        (500, "the Prefect server at http://there/api answers with 500; look at its log"),
        (401, "PREFECT_API_AUTH_STRING: is not set, and the Prefect server at http://there/api wants it (401)"),
        (None, "the Prefect server at http://there/api cannot be used: ConnectError: no route"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_line(
    raised: int | None, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = httpx.Request("GET", "http://there/api/version")

    def api_version() -> str:
        if raised is None:
            raise httpx.ConnectError("no route")
        raise httpx.HTTPStatusError("", request=request, response=httpx.Response(raised))

    client = nullcontext(SimpleNamespace(api_version=api_version))
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    monkeypatch.setattr("prefect.client.orchestration.get_client", lambda sync_client: client)
    with pytest.raises(ConfigError) as caught:
        require("http://there/api")
    assert str(caught.value).startswith(complaint)
