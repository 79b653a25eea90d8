"""The systemd units: systemd finds no fault with them, and lets them do little."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.programs import unit, units

UNITS = {file.name: file for file in units()}
ANALYZE = shutil.which("systemd-analyze")
HARD = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "PrivateTmp": "yes",
    "SystemCallFilter": "@system-service",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
}


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_closed_and_comes_back(name: str) -> None:
    settings = unit(UNITS[name])
    assert {key: settings[key][-1] for key in HARD} == HARD
    assert settings["User"] == ["nightsort"]
    assert settings["Restart"][0] in ("always", "on-failure")
    assert settings["WantedBy"] == ["multi-user.target"]
    assert settings["ExecStart"][0].startswith("/opt/nightsort/.venv/bin/")


@pytest.mark.parametrize("name", UNITS)
def test_no_secret_is_in_a_unit(name: str) -> None:
    told = unit(UNITS[name]).get("Environment", [])
    assert not [setting for setting in told if "PASSWORD" in setting or "AUTH_STRING" in setting or "SECRET" in setting]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units, with the programs of this environment in place of those in /opt."""
    folder = tmp_path_factory.mktemp("units")
    for name, file in UNITS.items():
        here = file.read_text().replace("/opt/nightsort/.venv/bin/", f"{Path(sys.executable).parent}/")
        (folder / name).write_text(here)
    return folder


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here")
def test_systemd_finds_no_fault(installed: Path) -> None:
    done = subprocess.run([ANALYZE, "verify", *installed.iterdir()], capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if any(name.split(".")[0].strip("@") in line for name in UNITS)]
    assert not told
    assert done.returncode == 0


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_exposed_little(name: str, installed: Path) -> None:
    words = ["security", "--offline=true", "--threshold=20", "--no-pager"]  # tenths: 10 is all that systemd can do
    done = subprocess.run([ANALYZE, *words, installed / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout.splitlines()[-1]
