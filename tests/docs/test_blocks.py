"""Every fenced block of every page: commands and Python are run, settings are loaded, the rest is held against what
reads it. A page that is new is run without being named here."""

import configparser
import json
import re
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightsort.pipelines import Declaration, load
from tests.docs import programs
from tests.docs.pages import ROOT, Block, Line, blocks, lines, pages
from tests.docs.scene import Scene, prepared, top_level

NOT_RUN = {
    "benchmarks/README.md": "takes hours, and other people's programs and pictures",
    "deploy/README.md": "makes users, containers, pods and units",
    "docs/benchmarks.md": "takes hours, and other people's programs and pictures",
    "docs/cluster.md": "starts schedulers and workers on other machines",
    "docs/howto/s3.md": "asks buckets that are not there; tests/flows/test_bucket_root.py has one",
    "docs/reference/commands.md": "the examples of --help are looked at one by one",
    "docs/scale.md": "takes an hour and 10^7 rows",
}
"""Pages whose commands are only looked at, and why."""

OUTPUT = ("", "text")
DIRECTIVES = ("{toctree}", "{include}", "{image}", "{figure}", "{note}")
PAGES = [page for page in pages() if any(block.language not in (*OUTPUT, *DIRECTIVES) for block in blocks(page))]


@pytest.fixture(scope="module", autouse=True)
def no_curves() -> Iterator[None]:
    """They take longer to draw than a small training takes; tests/reports/test_plots.py draws them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nightsort.reports.plots._svg", lambda *_: "data:,")
        yield


@pytest.fixture
def scene(
    request: pytest.FixtureRequest,
    nightsort: Callable[..., Any],
    pictures: Any,
    inline_workers: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    """What a page finds where its commands are typed."""
    page = request.node.callspec.params["page"]
    made = Scene(nightsort, pictures, monkeypatch)
    if not any(_is_run(line) for block in blocks(page) if block.language == "console" for line in lines(block)):
        return made
    prepared(monkeypatch, inline_workers)
    made.has_pictures()
    typed = [block.text for block in blocks(page) if block.language == "console"]
    if "nightsort init" not in "".join(typed):
        made.has_a_champion(request.getfixturevalue("root"))
        if "nightsort review" in "".join(typed):
            made.has_a_night()
    return made


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_hold(page: str, scene: Scene, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language == "console":
            _console(block, scene)
        elif block.language == "python":
            scene.keep(block.text)
            scene.execute(block.text, str(block))
        elif block.language == "yaml":
            scene.keep(block.text)
            _yaml(block, tmp_path)
        elif block.language in OUTPUT:
            _shown(block)
        elif block.language not in DIRECTIVES:
            assert block.language in READERS, f"{block}: nothing reads {block.language!r}"
            READERS[block.language](block)


def _console(block: Block, scene: Scene) -> None:
    programs.shell_understands(block)
    for line in lines(block):
        for words in line.commands():
            programs.look_at(words)
        if _is_run(line):
            scene.type(line)


def _shown(block: Block) -> None:
    """Commands that are shown in an output, or as what somebody might type."""
    for line in lines(block):
        typed = line.text.removeprefix("$ ")
        if re.match(r"nightsort [a-z]+( |$)", typed) and "[OPTIONS]" not in typed:
            programs.look_at(Line(line.place, typed).commands()[0])


def _is_run(line: Line) -> bool:
    if line.page in NOT_RUN or line.page.startswith("examples/"):  # tests/examples plays them, with fewer pictures
        return False
    return not any(map(programs.why_not_run, line.commands()))


def _yaml(block: Block, folder: Path) -> None:
    if top_level(block.text) and top_level(block.text) <= Declaration.model_fields.keys():
        (folder / "pipelines.yaml").write_text(block.text)
        load(folder / "pipelines.yaml")
    else:
        assert list(yaml.safe_load_all(block.text)), str(block)


def _ini(block: Block) -> None:
    configparser.ConfigParser(strict=False, interpolation=None).read_string(block.text)


def _sql(block: Block) -> None:
    assert sqlite3.complete_statement(block.text), str(block)  # by a dialect that is not its own


def _diff(block: Block) -> None:
    """What it shows of a file besides what it adds is in that file."""
    header, *rows = block.text.splitlines()
    shown = (ROOT / header.removeprefix("+++ ")).read_text(encoding="utf-8")
    kept = [row[1:] for row in rows if row[:1] in (" ", "-") and row.strip()]
    assert [row for row in kept if row not in shown] == [], str(block)


READERS: dict[str, Callable[[Block], Any]] = {
    "json": lambda block: json.loads(block.text),
    "toml": lambda block: tomllib.loads(block.text),
    "ini": _ini,
    "sql": _sql,
    "diff": _diff,
}


def test_no_block_is_only_indented() -> None:
    assert [str(block) for page in pages() for block in blocks(page) if block.language == "indented"] == []


def test_every_reason_for_not_running_is_needed() -> None:
    met = {
        words[0].rpartition("/")[2]: words
        for page in pages()
        for block in blocks(page)
        if block.language == "console"
        for line in lines(block)
        for words in line.commands()
    }
    assert programs.BY_SHELL.keys() <= met.keys()
    assert NOT_RUN.keys() <= set(pages())
