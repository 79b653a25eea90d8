"""A run on a storage root of its own; certificates."""

from pathlib import Path

import pytest

from nightsort.config.compute import Tls
from nightsort.config.run import RunParams
from tasks.runs import Run
from topology.certificates import issue


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run("classify", RunParams(storage=str(tmp_path / "root")))


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Certificates of an authority that signs nothing else."""
    return issue(tmp_path_factory.mktemp("certificates") / "one")
