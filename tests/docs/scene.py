"""A folder in which what a page says to type is typed: pictures, a storage root, and trainings made small."""

import csv
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml

from nightsort.config.run import RunParams
from nightsort.words import Classical
from tests.docs.pages import ROOT, Line
from tests.flows.commands import Said

SMALL: dict[str, Any] = {
    "epochs": 2,
    "frozen_epochs": 0,
    "image_size": 16,
    "batch_size": 32,
    "processes": 1,
    "trials": 1,
    "seeds": 1,
    "sample": 0,
    "settle_seconds": 0,
    "workers": 1,
    "patience": 5,
}
"""A page's numbers are checked as they are typed; larger ones, and what it leaves open, are computed with these."""

PLAIN: dict[str, Any] = {
    "backends": ["torch-fp32"],
    "learning_rate": 0.01,
    "mixup": 0.0,
    "weights": None,
    "features": ["colour"],
    "label_noise": False,
    "robustness": False,
    "tensorboard": False,
    "compile": False,
}
"""Computed so whatever the page says: the rest is downloaded or takes minutes, and has tests of its own."""

_FILES = {"mkdir", "cp", "mv", "ls", "cat", "head", "tail", "touch", "rm", "ln", "printf", "echo", "wc", "find", "grep"}
_PICTURES = {"red": 40, "green": 40, "blue": 40}


def small(params: RunParams) -> RunParams:
    """The same parameters, but for what only makes a run long."""
    told = params.model_dump()
    less = {name: most for name, most in SMALL.items() if name in told and not 0 < (told[name] or 0) < most}
    plain = {name: value for name, value in PLAIN.items() if name in told}
    if "strategies" in told:
        plain["strategies"] = told["strategies"][:2]
    if isinstance(told.get("model"), str) and told["model"] not in get_args(Classical):
        plain["model"] = "small_resnet"
    return params.model_copy(update=less | plain)


class Scene:
    """The working directory, and what is typed in it.

    :param nightsort: the command line in this process
    """

    def __init__(self, nightsort: Callable[..., Said], pictures: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = Path.cwd()
        self._nightsort, self._pictures, self._monkeypatch = nightsort, pictures, monkeypatch

    def has_pictures(self) -> None:
        """Labelled ones, new ones, archives of both and a manifest, by the names that pages give them."""
        here = self.folder
        self._pictures.labelled(here / "pictures/labelled", _PICTURES)
        self._pictures.mixed(here / "pictures/incoming")
        (here / "pictures/archives").mkdir()
        with zipfile.ZipFile(here / "pictures/archives/monday.zip", "w") as archive:
            for number in range(4):
                archive.writestr(f"{number}.png", self._pictures.one("red", 3000 + number))
        for name in ("big.zip", "labelled.zip"):
            with zipfile.ZipFile(here / name, "w") as archive:
                for number in range(6):
                    label = ("red", "green", "blue")[number % 3]
                    archive.writestr(f"{label}/{number}.png", self._pictures.one(label, 4000 + number))
        with (here / "labels.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("path", "label"))
            rows.writerows((f"labelled/{label}/{0:03d}.png", label) for label in _PICTURES)

    def has_a_champion(self, root: Path) -> None:
        """A storage root that has learned them, and the project's own pipelines.yaml."""
        shutil.move(root, self.folder / "nightsort-data")
        shutil.copy(ROOT / "pipelines.yaml", self.folder / "pipelines.yaml")

    def has_a_night(self) -> None:
        """The new pictures are classified already."""
        self.type(Line("before the page", "nightsort classify pictures/incoming"))

    def type(self, line: Line) -> None:
        """Type a line; fails if it does not end as the page says."""
        commands = line.commands()
        if all(words[0] in _FILES for words in commands):
            done = subprocess.run(["bash", "-c", line.text], capture_output=True, text=True)
            assert done.returncode == line.code, f"{line.place}: {line.text}\n{done.stderr}"
        else:
            for words in commands:
                self._run(words, line)

    def _run(self, words: list[str], line: Line) -> None:
        if words[0] == "nightsort":
            said = self._nightsort(*words[1:])
            told = "\n".join([*said.out, *said.err])
            assert said.code == line.code, f"{line.place}: {line.text}\nended with {said.code}\n{told}"
            self._answer(words)
        elif words[0] == "cd":
            os.chdir(self.folder / words[1])
        elif words[0] == "export":
            self._export(words[1:])

    def _export(self, settings: list[str]) -> None:
        for setting in settings:
            name, _, value = setting.partition("=")
            if not name.startswith(("AWS_", "PREFECT_", "NIGHTSORT_WEBHOOK", "PATH")):  # which would lead elsewhere
                self._monkeypatch.setenv(name, value)

    def _answer(self, words: list[str]) -> None:
        """Somebody answers what was asked, and finds that the model was right."""
        file = self.folder / words[words.index("--into") + 1] / "queue.csv" if "--into" in words else None
        if words[1:3] != ["review", "export"] or not file or not file.exists():
            return
        with file.open(newline="", encoding="utf-8-sig") as text:
            rows = list(csv.DictReader(text))
        for row in rows:
            row["label"], row["reviewer"] = row["predicted"], "ada"
        with file.open("w", newline="", encoding="utf-8") as text:
            writer = csv.DictWriter(text, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def keep(self, text: str) -> None:
        """Write down a block whose first line is a comment that names its file, such as `# pipelines.yaml`."""
        if named := re.match(r"# ([\w./-]+\.\w+)$", text.partition("\n")[0]):
            file = self.folder / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def execute(self, text: str, place: str) -> None:
        """Run Python."""
        exec(compile(text, place, "exec"), {"__name__": "__main__"})


def top_level(text: str) -> set[str]:
    """The keys of a YAML mapping."""
    found = yaml.safe_load(text)
    return set(found) if isinstance(found, dict) else set()


def no_browser(*_: Any) -> int:
    """What opens a page where nobody looks."""
    return 0


def prepared(monkeypatch: pytest.MonkeyPatch, inline: Any) -> None:
    """Trainings are small, nothing starts a process, and no browser opens."""
    from flows import launch

    started = launch.launch
    monkeypatch.setattr(launch, "launch", lambda name, params, api: started(name, small(params), api))
    for flow in ("compare", "tune"):
        monkeypatch.setattr(f"flows.{flow}.Workers", inline)
    monkeypatch.setattr(click, "launch", no_browser)
