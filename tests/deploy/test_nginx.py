"""The nginx configuration, as nginx reads it and as it serves, in front of a server that tells what it was asked."""

import base64
import http.client
import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import missing
from tests.deploy.programs import DEPLOY
from tests.waiting import until
from topology.supervisor import answers, free_ports

FOLDER = DEPLOY / "nginx"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
MAIN = """{user} pid {place}/nginx.pid; error_log {place}/error.log; daemon off; worker_processes 1; events {{}}
http {{
    access_log off; client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/a; uwsgi_temp_path {place}/b; scgi_temp_path {place}/c;
    include conf.d/*.conf;
}}
"""


class _Prefect(BaseHTTPRequestHandler):
    """Says what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass
class Front:
    """A running nginx."""

    plain: int
    port: int
    authority: Path

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask it over TLS."""
        context = ssl.create_default_context(cafile=self.authority)
        return httpx.get(f"https://localhost:{self.port}{path}", verify=context, trust_env=False, **options)


def _configure(place: Path, certificates: Path, *more: str, ports: tuple[int, int, int] = (1080, 1443, 1042)) -> Path:
    """A folder like /etc/nginx, with the files of deploy/nginx and the ports of this test."""
    for name in ("conf.d", "tls", "nightsort.d", "reports"):
        (place / name).mkdir()
    for made, wanted in [("web-cert", "cert"), ("web-key", "key"), ("web-ca", "clients-ca")]:
        shutil.copy(certificates / f"{made}.pem", place / "tls" / f"{wanted}.pem")
    plain, tls, behind = ports
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl": f"listen 127.0.0.1:{tls} ssl",
        "127.0.0.1:4200": f"127.0.0.1:{behind}",
        "rate=50r/s": "rate=1r/m",  # a loaded machine is no faster
        "burst=200": "burst=5",
        "/srv/nightsort/reports/": f"{place}/reports/",
    }
    for name in ("nightsort", "upstream", *more):
        text = (FOLDER / f"{name}.conf").read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        (place / ("nightsort.d" if name in more else "conf.d") / f"{name}.conf").write_text(text)
    (place / "nightsort.htpasswd").write_text("ada:{PLAIN}word\n")
    (place / "reports" / "index.html").write_text("<title>Reports</title>")
    file = place / "nginx.conf"
    file.write_text(MAIN.format(place=place, user="user root;" if os.geteuid() == 0 else ""))
    return file


@pytest.mark.parametrize(
    "more", [(), ("reports",), ("clients",), ("reports", "clients")], ids=lambda more: "+".join(more)
)
def test_nginx_finds_no_fault(more: tuple[str, ...], tmp_path: Path, certificates: Path) -> None:
    if not NGINX:
        missing("nginx")
    file = _configure(tmp_path, certificates, *more)
    done = subprocess.run([str(NGINX), "-t", "-q", "-c", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Front]:
    """nginx before a server, with reports."""
    if not NGINX:
        missing("nginx")
    behind = ThreadingHTTPServer(("127.0.0.1", 0), _Prefect)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    plain, tls = free_ports(2)
    ports = (plain, tls, behind.server_port)
    file = _configure(tmp_path_factory.mktemp("nginx"), certificates, "reports", ports=ports)
    process = subprocess.Popen([str(NGINX), "-c", file], stderr=subprocess.DEVNULL)
    until(lambda: process.poll() is not None or answers(tls), "nginx")
    assert process.poll() is None, (file.parent / "error.log").read_text()
    yield Front(plain, tls, certificates / "web-ca.pem")
    process.terminate()
    process.wait()
    behind.shutdown()
    behind.server_close()


def test_it_sends_everybody_to_tls(front: Front) -> None:
    answer = httpx.get(f"http://127.0.0.1:{front.plain}/runs?a=b", headers={"Host": "example.org"}, trust_env=False)
    assert answer.status_code == 301
    assert answer.headers["location"] == "https://example.org/runs?a=b"


def test_it_passes_on_with_the_headers_that_browsers_heed(front: Front) -> None:
    answer = front.get("/api/health", headers={"Authorization": "Basic YTpi"})
    assert answer.status_code == 200
    asked = answer.json()
    assert asked["path"] == "/api/health"
    assert asked["authorization"] == "Basic YTpi"  # which Prefect asks for
    assert asked["x-forwarded-proto"] == "https"
    assert "connection" not in asked or asked["connection"] != "upgrade"
    assert answer.headers["strict-transport-security"] == "max-age=63072000"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "/" not in answer.headers["server"]  # no version


def test_it_passes_websockets_on(front: Front) -> None:
    answer = front.get("/api/events/out", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    assert answer.json()["upgrade"] == "websocket"
    assert answer.json()["connection"] == "upgrade"


@pytest.mark.parametrize(("version", "served"), [("-tls1_1", False), ("-tls1_2", True)])
def test_old_tls_is_refused(version: str, served: bool, front: Front) -> None:
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}", version, "-cipher", "ALL:@SECLEVEL=0"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode == 0) == served


def test_reports_are_for_those_who_know_the_password(front: Front) -> None:
    assert front.get("/reports/").status_code == 401
    word = base64.b64encode(b"ada:word").decode()
    answer = front.get("/reports/", headers={"Authorization": f"Basic {word}"})
    assert "Reports" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["strict-transport-security"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_guesser_is_slowed_down(front: Front) -> None:
    context = ssl.create_default_context(cafile=front.authority)
    with httpx.Client(transport=httpx.HTTPTransport(verify=context, local_address="127.0.0.2")) as client:
        codes = [client.get(f"https://localhost:{front.port}/").status_code for _ in range(7)]
    assert codes == [200, 200, 200, 200, 200, 200, 429]


def test_a_body_that_is_too_large_is_refused(front: Front) -> None:
    context = ssl.create_default_context(cafile=front.authority)
    connection = http.client.HTTPSConnection("localhost", front.port, context=context)
    connection.putrequest("POST", "/api/logs/")
    connection.putheader("Content-Length", str((8 << 20) + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
