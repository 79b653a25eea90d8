"""Fixtures of the tests of deploy/."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.programs import DEPLOY


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of certificates as deploy/certificates.sh makes it, for localhost."""
    folder = tmp_path_factory.mktemp("certificates") / "made"
    subprocess.run([DEPLOY / "certificates.sh", folder, "localhost"], check=True)
    return folder
