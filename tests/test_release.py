"""What a release is made of: the two files that are built, and the places that say which version it is.

That they install and work is proved by `make dist`, which takes minutes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.release.building import REPOSITORY, build, in_sdist, in_wheel, installed_files, metadata, version

NOT_SHIPPED = {".ci/run"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and sdist of this tree."""
    return build(REPOSITORY, tmp_path_factory.mktemp("dist"))


def test_the_wheel_is_the_three_packages_and_nothing_else(built: tuple[Path, Path]) -> None:
    held = {name for name in in_wheel(built[0]) if ".dist-info/" not in name}
    assert held == installed_files()
    assert {"nightsort/py.typed", "nightsort/reports/templates/report.html", "flows/cli.py", "tasks/stage.py"} <= held


def test_the_wheel_says_what_it_is(built: tuple[Path, Path]) -> None:
    said = metadata(built[0])
    assert (said["Name"], said["Version"], said["Requires-Python"]) == ("nightsort", version(), ">=3.11")
    assert (said["License-Expression"], said["License-File"]) == ("Apache-2.0", "LICENSE")
    assert said.get_payload().startswith("# Nightsort\n")
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert f"nightsort-{version()}.dist-info/licenses/LICENSE" in in_wheel(built[0])


def test_the_sdist_is_what_git_has(built: tuple[Path, Path]) -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    asked = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True)
    if asked.returncode:
        pytest.skip("this tree is in no git repository")
    kept = {name for name in asked.stdout.split("\0") if name and (REPOSITORY / name).is_file()}
    assert in_sdist(built[1]) - {""} == (kept - NOT_SHIPPED) | {"PKG-INFO"}


def test_every_place_says_the_same_version() -> None:
    said = {
        "CHANGELOG.md": re.search(r"^## (\S+?)(?:,|$)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE),
        "Dockerfile": re.search(r'image\.version="(.+)"', (REPOSITORY / "deploy/docker/Dockerfile").read_text()),
    }
    assert {name: found and found[1] for name, found in said.items()} == dict.fromkeys(said, version())
    pages = [file for top in ("deploy", "docs") for file in (REPOSITORY / top).rglob("*") if file.is_file()]
    texts = {file: file.read_text(errors="ignore") for file in pages}
    tagged = [
        (file.name, tag) for file, text in texts.items() for tag in re.findall(r"\bnightsort:(\d+\.\d[\w.]*)", text)
    ]
    assert len(tagged) > 3 and {tag for _, tag in tagged} == {version()}, tagged


def test_how_to_cite_it() -> None:
    said = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= said.keys()  # what the Citation File Format asks for
    assert (said["title"], said["version"], said["license"]) == ("Nightsort", version(), "Apache-2.0")


def test_what_lies_in_the_working_directory_is_not_imported(tmp_path: Path) -> None:
    for name in ("flows", "tasks", "nightsort"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
    console = Path(sys.executable).with_name("nightsort")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([console, "--version"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[-1:]) == (0, [version()]), done.stderr
