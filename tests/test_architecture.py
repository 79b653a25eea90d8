"""The house: layers, what the library and light commands load, docstrings, sizes, names."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    file
    for top in ("src/nightsort", "tasks", "flows", "rehearsal", "topology", "examples")
    for file in (REPOSITORY / top).rglob("*.py")
)
FILE_LINES = 250
FUNCTION_LINES = 50


@cache
def parsed(file: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(file.read_text(encoding="utf-8"))


def loaded_by(statements: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after some statements, from a checkout's paths."""
    code = f"import sys, json\n{statements}\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    path = f"import sys; sys.path[:0] = [{str(REPOSITORY / 'src')!r}, {str(REPOSITORY)!r}]\n"
    done = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def dotted(file: Path) -> str:
    """The name by which a file of src/nightsort is imported."""
    parts = file.relative_to(REPOSITORY / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_there_is_something_to_look_at() -> None:
    tops = {file.relative_to(REPOSITORY).parts[0] for file in SOURCES}
    assert tops == {"src", "tasks", "flows", "rehearsal", "topology", "examples"} and len(SOURCES) > 50


def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 kept, 0 broken" in done.stdout


def test_the_types_hold() -> None:
    """Here, beside other tests, and no step before them: mypy keeps one core busy for most of a minute."""
    done = subprocess.run([Path(sys.executable).parent / "mypy"], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Success: no issues found in" in done.stdout


def test_the_library_loads_no_prefect_and_no_dask() -> None:
    modules = [dotted(file) for file in SOURCES if file.is_relative_to(REPOSITORY / "src")]
    loaded = loaded_by("".join(f"import {name}\n" for name in modules))
    assert "nightsort" in loaded
    assert loaded & {"prefect", "dask", "distributed", "flows", "tasks"} == set()


HEAVY = {"torch", "prefect", "distributed", "pandas", "openvino", "numpy", "pyarrow", "fsspec"}


def told(*commands: str) -> str:
    """Statements that run commands, in one interpreter."""
    words = [command.split() for command in commands]
    return f"import flows.cli\nfor words in {words}: flows.cli.cli.main(words, standalone_mode=False)"


@pytest.mark.parametrize(
    ("statements", "without"),
    [
        (
            told("--help", "--version", "status --help", "models --help", "init --help", "completion zsh"),
            HEAVY | {"pydantic", "yaml"},
        ),
        (told("train --help", "run --help", f"check --config {REPOSITORY / 'pipelines.yaml'}"), HEAVY),
        (told("status --storage nowhere"), {"torch", "prefect", "distributed", "pandas", "openvino"}),
        ("import flows.ingest", {"torch"}),
        ("import flows.classify", {"torch"}),
        ("import flows.actions.bundles", {"torch", "openvino", "prefect"}),
    ],
)
def test_what_is_light_loads_nothing_heavy(statements: str, without: set[str]) -> None:
    loaded = loaded_by(statements)
    assert "flows" in loaded
    assert loaded & without == set()


def test_every_module_says_what_it_owns() -> None:
    assert [str(file) for file in SOURCES if not ast.get_docstring(parsed(file))] == []


def test_every_public_name_says_what_it_is() -> None:
    assert [f"{file}: {name}" for file in SOURCES for name in _undescribed(parsed(file).body, set())] == []


def _undescribed(body: list[ast.stmt], inherited: set[str]) -> Iterator[str]:
    """Public definitions without a docstring; what overrides a method of ours has that method's."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node) and node.name not in inherited:
                yield node.name
            if isinstance(node, ast.ClassDef):
                yield from _undescribed(node.body, _methods_above(node))


def _methods_above(node: ast.ClassDef) -> set[str]:
    """The names that the bases of a class define, as far as these are ours."""
    named = {ast.unparse(base).partition("[")[0] for base in node.bases}
    above = [
        one for file in SOURCES for one in parsed(file).body if isinstance(one, ast.ClassDef) and one.name in named
    ]
    methods = {part.name for one in above for part in one.body if isinstance(part, ast.FunctionDef)}
    return methods.union(*(_methods_above(one) for one in above))


def test_a_package_file_is_a_docstring() -> None:
    packages = [file for file in SOURCES if file.name == "__init__.py"]
    assert packages and [str(file) for file in packages if len(parsed(file).body) != 1] == []


def test_files_and_functions_are_short() -> None:
    files = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in SOURCES}
    functions = {
        f"{file}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in SOURCES
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in files.items() if lines > FILE_LINES} == {}
    assert {name: lines for name, lines in functions.items() if lines > FUNCTION_LINES} == {}


def test_no_module_is_named_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert [str(file) for file in SOURCES if file.stem in vague or vague & set(file.parent.parts[-2:])] == []
