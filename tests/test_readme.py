"""What the README claims, held against the project: commands, make targets, the tree, links."""

import re
from pathlib import Path

import click
import pytest

from flows.cli import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def _tree() -> list[str]:
    """Paths of the annotated tree, nesting by indent resolved."""
    block = README.split("## The house")[1].split("```")[1].strip("\n")
    folder, paths = "", []
    for line in block.splitlines():
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


def test_the_table_of_commands_is_the_command_line() -> None:
    told = set(re.findall(r"^\| `nightsort (\w+)", README, re.MULTILINE))
    assert told == set(cli.commands)


def test_every_command_shown_exists_with_its_options() -> None:
    shown = re.findall(r"^nightsort (\w+)((?: [^#\n]*)?)", "\n".join(_blocks()), re.MULTILINE)
    assert shown
    for name, rest in shown:
        command = cli.commands[name]
        if isinstance(command, click.Group):
            command = command.commands.get(rest.split()[0], command)
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= options


def test_every_make_target_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))
    assert {"demo", "test", "services", "help"} <= told <= targets


def test_every_link_within_the_project_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def _blocks() -> list[str]:
    return re.findall(r"```console\n(.*?)```", README, re.DOTALL)
