"""A run on a storage root of its own."""

from pathlib import Path

import pytest

from nightsort.config.run import RunParams
from tasks.runs import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run("classify", RunParams(storage=str(tmp_path / "root")))
