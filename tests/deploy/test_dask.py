"""What a lasting Dask cluster is given: its settings and its certificates."""

import ssl
import stat
import subprocess
from pathlib import Path

import dask
import pytest
import yaml

from tasks import connection
from tests.deploy.programs import DEPLOY


def test_a_lasting_cluster_has_the_settings_of_one_made_for_a_run() -> None:
    lasting = yaml.safe_load((DEPLOY / "dask.yaml").read_text())
    of_a_run = {name: value for name, value in connection._SETTINGS.items() if ".deploy." not in name}
    assert {name: dask.config.get(name, config=lasting) for name in of_a_run} == of_a_run


def test_the_certificates_are_those_of_two_authorities(certificates: Path) -> None:
    for authority, name, other in [("dask-ca", "dask", "web-ca"), ("web-ca", "web", "dask-ca")]:
        context = ssl.create_default_context(cafile=certificates / f"{authority}.pem")
        context.load_cert_chain(certificates / f"{name}-cert.pem", certificates / f"{name}-key.pem")
        verify = ["openssl", "verify", "-x509_strict", "-CAfile"]
        issued = certificates / f"{name}-cert.pem"
        assert subprocess.run([*verify, certificates / f"{authority}.pem", issued], capture_output=True).returncode == 0
        assert subprocess.run([*verify, certificates / f"{other}.pem", issued], capture_output=True).returncode


def test_the_keys_are_for_their_owner_alone(certificates: Path) -> None:
    files = list(certificates.iterdir())
    assert len(files) == 8
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(certificates.stat().st_mode) == 0o700


@pytest.mark.parametrize("words", [[], ["{made}", "localhost"]], ids=["nothing", "again"])
def test_certificates_are_not_made_twice_nor_without_a_host(words: list[str], certificates: Path) -> None:
    before = (certificates / "dask-key.pem").read_bytes()
    given = [word.format(made=certificates) for word in words]
    done = subprocess.run([DEPLOY / "certificates.sh", *given], capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage:" in done.stderr or "is there already" in done.stderr
    assert (certificates / "dask-key.pem").read_bytes() == before
