"""Words in backticks that name an option, a command, a file or a test exist."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from flows.cli import cli
from nightsort.config.catalogue import PARAMS
from tests.docs import programs
from tests.docs.pages import ROOT, inline, pages

HISTORY = ("CHANGELOG.md", "docs/changelog.md")  # may name what is gone
OF_OTHERS = {"--torch-backend", "--nthreads", "--worker-port", "--nanny-port", "--resources", "--upgrade"}
"""Options of uv, dask and pip that stand alone."""

MADE = {
    "tests/sources/test_stacks.py",  # by whoever follows the example of CONTRIBUTING.md
    "docs/_build/html/index.html",  # by `make docs`
}

_FILE = re.compile(r"((?:src|flows|tasks|tests|docs|deploy|benchmarks|examples)/[\w./@-]+)(?:::(\w+))?")


def _options(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        yield from (name for name in parameter.opts if name.startswith("--"))
    if isinstance(command, click.Group):
        for within in command.commands.values():
            yield from _options(within)


def _known() -> set[str]:
    named = {f"--{name.replace('_', '-')}" for model in PARAMS.values() for name in model.model_fields}
    benchmarks = "".join(file.read_text() for file in ROOT.glob("benchmarks/**/*.py"))
    own = "".join(
        file.read_text() for top in ("tests/soak", "rehearsal", "topology") for file in ROOT.glob(f"{top}/*.py")
    )
    of_scripts = re.findall(r'"(--[a-z-]+)"', benchmarks + own)
    return {*named, *_options(cli), "--help", "--version", *of_scripts, *OF_OTHERS}


def _words(page: str) -> Iterator[tuple[str, str]]:
    for line, token in inline(page, "code_inline"):
        yield f"{page}:{line}", token.content


PAGES = [page for page in pages() if page not in HISTORY]


@pytest.mark.parametrize("page", PAGES)
def test_every_option_in_backticks_exists(page: str) -> None:
    known = _known()
    ours = [(place, words) for place, words in _words(page) if re.match(r"(--|nightsort |python -m benchmarks)", words)]
    told = [(place, name) for place, words in ours for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*", words)]
    assert [(place, name) for place, name in told if name not in known] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_backticks_exists(page: str) -> None:
    for place, words in _words(page):
        if command := re.match(r"nightsort ([a-z][a-z ]*[a-z])\b", words):
            assert command[1].split()[0] in cli.commands, f"{place}: {words}"
        if command := re.match(r"make ([a-z]+)\b", words):
            assert command[1] in programs.targets(), f"{place}: {words}"
        if re.match(r"(prefect|dask) [a-z-]+ [a-z-]+", words) and "..." not in words:
            programs.look_at(shlex.split(words))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_in_backticks_exists(page: str) -> None:
    """Of the project's own folders; a test may be named with the function."""
    named = [(place, *match.groups()) for place, words in _words(page) if (match := _FILE.fullmatch(words))]
    missing = [(place, file) for place, file, _ in named if not (ROOT / file).exists() and file not in MADE]
    assert [(place, file) for place, file in missing if not (ROOT / f"{file}.py").exists()] == []
    gone = [(place, test) for place, file, test in named if test and f"def {test}(" not in (ROOT / file).read_text()]
    assert gone == []
