"""What we stand on: floors, locks, licences; and that docs/security.md says of them what is so."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-uv.lock")
FLOOR = {">=", "==", "~="}


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
