"""The reference says what the code says: its pages are as the code would write them now."""

import ast
import re
from pathlib import Path

import pytest

from docs.reference.__main__ import FOLDER, PAGES
from docs.reference.running import VARIABLES
from docs.reference.storage import REMEDIES
from nightsort.schema import REASONS

ROOT = Path(__file__).parents[2]
SOURCES = [file for top in ("src/nightsort", "tasks", "flows") for file in sorted((ROOT / top).rglob("*.py"))]

_OWNERS = "NIGHTSORT|PREFECT|AWS|FSSPEC|MLFLOW|OPENCV|TORCH|CUDA|OMP|ARROW|NO|FORCE|DO"
_NAME = re.compile(rf"\b(?:{_OWNERS})_[A-Z0-9_]*[A-Z0-9]\b")
_NOT_READ = {
    "AWS_ALLOW_HTTP",  # an option of delta-rs
    "MLFLOW_DISABLE_TELEMETRY",  # what MLflow is told, whatever the environment says
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "PREFECT__FLOW_RUN_ID",  # Prefect's own, from a run to its processes
    "PREFECT_LOGGING_LEVEL",  # this and the next two: what the server is told that `nightsort up` starts
    "PREFECT_SERVER_ANALYTICS_ENABLED",
    "PREFECT_SERVER_UI_API_URL",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_the_code_would_write_it(name: str) -> None:
    file = FOLDER / f"{name}.md"
    assert file.exists() and file.read_text(encoding="utf-8") == PAGES[name](), f"{name}.md: run 'make reference'"


def test_there_is_no_page_that_nobody_writes() -> None:
    assert {file.stem for file in FOLDER.glob("*.md")} == PAGES.keys()


def test_every_reason_says_what_to_do() -> None:
    assert REMEDIES.keys() == REASONS.keys()
    assert all(REMEDIES.values())


def test_every_environment_variable_in_the_code_is_told_and_no_other() -> None:
    strings = {
        node.value
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = {name for text in strings for name in _NAME.findall(text)}
    told = {name for variables in VARIABLES.values() for name in variables}
    assert named - told == _NOT_READ
    assert told - named == set()


def test_pages_are_the_same_on_every_machine() -> None:
    written = "".join(page() for page in PAGES.values())
    assert str(Path.home()) not in written and str(ROOT) not in written
