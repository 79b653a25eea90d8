"""The process of the Prefect server: there while it is wanted, gone afterwards; somebody else's is left alone."""

import socket
import sys
from pathlib import Path

import psutil
import pytest

from flows.deployment import server
from flows.deployment.server import kept, running
from nightsort.errors import ConfigError, RunError
from nightsort.pipelines import Server
from tests.waiting import until

NOBODY = "http://127.0.0.1:9/api"


def sleeper(file: Path) -> list[str]:
    """A command that writes down its process id, then sleeps."""
    code = f"import os, time; open({str(file)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    return [sys.executable, "-c", code]


def pids(file: Path, number: int) -> list[int]:
    """The ids written down, once there are as many."""
    until(lambda: file.exists() and file.read_text().count("\n") >= number, f"process {number}", every=0.02)
    return [int(line) for line in file.read_text().split()]


def test_one_that_dies_is_started_again_and_the_last_one_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pids"
    with kept(sleeper(file), NOBODY, every=0.05) as process:
        assert pids(file, 1) == [process.pid]
        process.kill()
        first, second = pids(file, 2)
        assert first != second and psutil.pid_exists(second)
    assert not psutil.pid_exists(second) and len(pids(file, 2)) == 2
    assert f"The Prefect server at {NOBODY} ended with exit code -9; it is started again." in capsys.readouterr().err


def test_one_that_ends_at_its_start_is_an_error_and_stays_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_command", lambda server: [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(RunError, match="ended at its start with exit code 3"), running(Server(port=9)):
        pytest.fail("it is not there")


def test_a_port_that_somebody_else_has_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.settimeout(10)
        with pytest.raises(ConfigError, match=f"server.port: {port} of 127.0.0.1 is taken"):
            server._free(Server(port=port))


def test_one_that_answers_is_used(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(server, "is_alive", lambda api: True)
    monkeypatch.setattr(server, "_command", lambda server: pytest.fail("another one was started"))
    with running(Server(port=9)):
        assert "A Prefect server answers at http://127.0.0.1:9/api already; it is used." in capsys.readouterr().out
