"""What README and the annotated tree claim, held against the project."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")


def _tree() -> list[str]:
    """Paths of the annotated tree, nesting by indent resolved."""
    block = ARCHITECTURE.split("## The tree")[1].split("```")[1]
    folder, paths = "", []
    for line in block.splitlines()[1:]:  # the first is the rest of the fence
        name = line.split()[0]
        if line.startswith(" "):
            paths.append(folder + name)
        else:
            paths.append(name)
            folder = name
    return paths


@pytest.mark.parametrize("path", _tree())
def test_every_path_of_the_tree_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_tree_names_every_module_and_folder_of_the_library() -> None:
    library = ROOT / "src" / "nightsort"
    present = {
        f"src/nightsort/{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in library.iterdir()
        if entry.name not in ("__init__.py", "__pycache__")
    }
    assert present == {path for path in _tree() if path.startswith("src/nightsort/") and path != "src/nightsort/"}


def test_readme_is_one_page() -> None:
    assert len(README.splitlines()) <= 110


def test_readme_begins_with_the_two_commands() -> None:
    first = re.search(r"```console\n(.*?)```", README, re.DOTALL)
    assert first and first[1].splitlines() == ["make demo", "make test"]


def test_every_make_target_that_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))
    assert {"demo", "test", "services", "help"} <= told <= targets
