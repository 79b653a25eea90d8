"""Plays an example in this process and in a small form: its own pictures, its own pipelines.yaml."""

import runpy
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from nightsort.config.catalogue import PARAMS
from nightsort.config.gate import PromoteParams
from nightsort.learning.registry import Registry
from nightsort.pipelines import load
from nightsort.reports.data import Report
from nightsort.storage import Storage
from tests.flows.conftest import Inline, inline

__all__ = ["inline"]  # which the fixture `nightsort` takes
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Played:
    """An example in a folder of its own.

    :param made: what its make() returned
    """

    folder: Path
    made: Any

    @property
    def storage(self) -> Storage:
        return Storage(str(self.folder / "nightsort-data"))

    def run(self, pipeline: str, **changes: Any) -> Report:
        """Run a pipeline as it is declared, but for these changes."""
        declaration = load(self.folder / "pipelines.yaml")
        flow = declaration.pipelines[pipeline].flow
        if flow in ("ingest", "classify"):
            changes = {"settle_seconds": 0, **changes}
        asked = declaration.params(pipeline).model_dump() | changes
        report: Report = getattr(import_module(f"flows.{flow}"), flow)(PARAMS[flow].model_validate(asked))
        return report

    def learn(self, **changes: Any) -> None:
        """Train a model that is too small to be any good, and make it champion past the gate."""
        from flows.promote import promote

        self.run("train", **changes)
        if Registry(self.storage).champion() is None:
            promote(PromoteParams(storage=self.storage.root, model=1, force=True, who="test", why="a small form"))

    def program(self, name: str) -> dict[str, Any]:
        """What one of its programs defines."""
        return runpy.run_path(str(self.folder / name))


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Played]]:
    """Copy an example and have it make its pictures; while the module runs, no flow starts a process."""

    def begin(name: str, **sizes: int) -> Played:
        folder = Path(shutil.copytree(EXAMPLES / name, tmp_path_factory.mktemp("example") / name))
        return Played(folder, runpy.run_path(str(folder / "make_pictures.py"))["make"](folder, **sizes))

    with pytest.MonkeyPatch.context() as patch:
        for flow in ("ingest", "classify"):
            patch.setattr(f"flows.{flow}.Workers", Inline)
        yield begin
