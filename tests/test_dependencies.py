"""What we stand on: floors, locks, licences, imports; and that the two pages about it say what is so."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-uv.lock")
FLOOR = {">=", "==", "~="}
SHIPPED, OURS = ("src", "tasks", "flows"), ("tests", "rehearsal", "topology", "examples", "docs")
FIRST_PARTY = {"nightsort", "benchmarks", *SHIPPED, *OURS}
BROUGHT = {
    "mlflow": "mlflow-skinny",
    "botocore": "boto3",
    "grimp": "import-linter",
    "markdown-it-py": "myst-parser",
    "pydantic-core": "pydantic",
    "pydantic-settings": "prefect",
}
"""Modules and packages -> the dependency that stands for them: it is not installed here, or is made of them."""


def declared() -> list[Requirement]:
    """Every dependency that pyproject.toml names: of the program, of its extras, of its development."""
    optional = PROJECT["project"]["optional-dependencies"].values()
    groups = PROJECT["dependency-groups"].values()
    return [Requirement(text) for part in (PROJECT["project"]["dependencies"], *optional, *groups) for text in part]


def locked(name: str) -> dict[str, tuple[Version, int]]:
    """Version of each package of a lock, and how many hashes pin it."""
    text = (REPOSITORY / name).read_text().replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    found = {}
    for line in lines:
        pinned = re.match(r"([A-Za-z0-9._-]+)==(\S+)", line)
        assert pinned, f"{name}: {line[:80]} is not pinned"
        found[canonicalize_name(pinned[1])] = (Version(pinned[2]), line.count("--hash=sha256:"))
    return found


def floor(requirement: Requirement) -> Version | None:
    """The oldest version that a requirement allows."""
    floors = [Version(part.version) for part in requirement.specifier if part.operator in FLOOR]
    return max(floors, default=None)


def documented() -> dict[str, tuple[Version, str]]:
    """The table of floors in docs/security.md: package -> oldest version that is safe, and why."""
    text = (REPOSITORY / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([0-9][0-9.]*) \| (.+?) \|$", text, re.MULTILINE)
    return {name: (Version(version), why) for name, version, why in rows}


def test_every_dependency_has_a_floor() -> None:
    assert len(declared()) > 40
    assert [item.name for item in declared() if floor(item) is None] == []


def test_the_lock_satisfies_what_is_declared() -> None:
    known = locked("requirements.lock")
    missing = {canonicalize_name(item.name) for item in declared()} - known.keys()
    # Extras that need a cloud of their own, or pin Dask to a release of their own choice, are not locked.
    assert missing <= {"gcsfs", "adlfs", "mlflow-skinny", "dask-cuda"}
    wrong = [
        f"{item} is locked at {known[name][0]}"
        for item in declared()
        if (name := canonicalize_name(item.name)) in known and not item.specifier.contains(known[name][0])
    ]
    assert wrong == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_registry(name: str) -> None:
    pinned = locked(name)
    assert pinned and [package for package, (_, hashes) in pinned.items() if hashes == 0] == []
    assert (
        re.findall(r"https?://|--(?:extra-)?index-url|--find-links|--trusted-host", (REPOSITORY / name).read_text())
        == []
    )


def test_known_bad_versions_are_excluded_and_it_is_written_why() -> None:
    known, direct = locked("requirements.lock"), {canonicalize_name(item.name): floor(item) for item in declared()}
    table = documented()
    assert len(table) > 10
    for name, (least, why) in table.items():
        assert known[name][0] >= least, f"{name}: {known[name][0]} is locked; {why}"
        assert name not in direct or (direct[name] or Version("0")) >= least, (
            f"{name}: pyproject.toml allows less; {why}"
        )


def test_the_wheel_asks_for_no_package_from_elsewhere() -> None:
    assert [str(item) for item in declared() if item.url] == []


def test_licences_are_those_we_allow() -> None:
    tool = Path(sys.executable).parent / "pip-licenses"
    done = subprocess.run([tool], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "torch" in done.stdout and "prefect" in done.stdout


def test_a_licence_that_is_not_allowed_is_found() -> None:
    tool = Path(sys.executable).parent / "pip-licenses"
    asked = [tool, "--packages", "text-unidecode", "--ignore-packages", "nothing"]
    done = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1 and "GPL" in done.stderr and "text-unidecode" in done.stderr


def test_what_the_threat_model_names_is_there() -> None:
    text = (REPOSITORY / "docs" / "security.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", text)
    assert len(named) > 20
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (REPOSITORY / file).exists() or f"def {test}" not in (REPOSITORY / file).read_text()
    ]
    assert missing == []


def names(requirements: list[str]) -> set[str]:
    """The packages of some requirements."""
    return {canonicalize_name(Requirement(text).name) for text in requirements}


@cache
def imported(*tops: str) -> dict[str, set[str]]:
    """The packages that some folders import, with the files that do."""
    known = packages_distributions()
    found = defaultdict(set)
    for file in (file for top in tops for file in (REPOSITORY / top).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            absolute = isinstance(node, ast.ImportFrom) and not node.level and node.module
            modules = [name.name for name in node.names] if isinstance(node, ast.Import) else [absolute or ""]
            for module in {module.partition(".")[0] for module in modules} - {""} - FIRST_PARTY:
                if module not in sys.stdlib_module_names:
                    name = canonicalize_name(known.get(module, [module])[0])
                    found[BROUGHT.get(name, name)].add(file.relative_to(REPOSITORY).as_posix())
    return dict(found)


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading of docs/dependencies.md, each a list of its cells."""
    text = (REPOSITORY / "docs" / "dependencies.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_page_lists_what_pyproject_lists() -> None:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    assert [row[0].strip("`") for row in table("The program")] == sorted(names(project["dependencies"]))
    assert [row[0].strip("`") for row in table("Development")] == sorted(names(groups["dev"]))
    extras = {(extra, name) for extra, some in project["optional-dependencies"].items() for name in names(some)}
    listed = [(row[0].strip("`"), row[1].strip("`")) for row in table("Extras")]
    assert set(listed) == extras and len(listed) == len(extras)


@pytest.mark.parametrize(("heading", "first", "tops"), [
    ("The program", 0, SHIPPED), ("Extras", 1, SHIPPED), ("Development", 0, OURS),
])  # fmt: skip
def test_what_is_listed_is_used_where_the_page_says(heading: str, first: int, tops: tuple[str, ...]) -> None:
    used = imported(*tops)
    for row in table(heading):
        package, where = row[first].strip("`"), row[first + 2]
        if where.startswith("`"):
            assert where.strip("`") in used.get(package, ()), f"{package}: {where} does not import it"
        else:
            assert package not in used, f"{package}: {used[package]} import it, and the page says {where!r}"


def test_what_is_imported_is_declared() -> None:
    project = PROJECT["project"]
    extras = [text for some in project["optional-dependencies"].values() for text in some]
    shipped = names([*project["dependencies"], *extras])
    assert imported(*SHIPPED).keys() - shipped == set()
    assert imported(*OURS).keys() - shipped - names(PROJECT["dependency-groups"]["dev"]) == set()


def test_what_we_do_by_ourselves_is_as_long_as_the_page_says() -> None:
    rows = table("What Nightsort does by itself")
    assert len(rows) > 20
    for what, where, lines, *_ in rows:
        files = [REPOSITORY / name for name in re.findall(r"`(src/[\w/]+\.py)`", where)]
        there = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
        assert 0.8 < int(lines) / there < 1.25, f"{what}: {there} lines, not {lines}"
