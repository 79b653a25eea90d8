"""Owns where a soak works: the program to run, the source, a trained storage root and the answers of a quiet run."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.soak.checker import Expected, Row, check, predictions, survey
from tests.soak.pictures import make_drop, make_labelled

TOLERANCE = 1e-3
"""Largest difference of two confidences that counts as none: batches are put together anew after a kill."""

_QUICK = "--image-size 32 --epochs 5 --batch-size 16 --learning-rate 0.01 --mixup 0 --patience 5"


@dataclass(frozen=True)
class Scene:
    """A folder for all of it, the number of pictures, and how many of them make a chunk."""

    folder: Path
    pictures: int
    chunk: int

    @property
    def trained(self) -> Path:
        return self.folder / "trained"

    @property
    def quiet(self) -> Path:
        """The root of the undisturbed run."""
        return self.folder / "quiet"

    @cached_property
    def source(self) -> Path:
        return make_drop(self.folder / "drop", self.pictures)

    @cached_property
    def expected(self) -> Expected:
        return survey(self.source)

    @cached_property
    def answers(self) -> dict[str, Row]:
        """Of the undisturbed run."""
        return predictions(self.quiet)

    def prepare(self) -> float:
        """Train, and classify once without a disturbance; its seconds.

        :raises AssertionError: if already that is not as it should be
        """
        labelled = make_labelled(self.folder / "labelled")
        finish("ingest", labelled, "--storage", self.trained, "--settle-seconds", 0)
        finish("train", "--storage", self.trained, *_QUICK.split())
        shutil.copytree(self.trained, self.quiet)
        start = time.perf_counter()
        finish(*self.words(self.source, self.quiet))
        seconds = time.perf_counter() - start
        findings = check(self.quiet, self.source, self.expected, {}, TOLERANCE)
        assert not findings, f"the undisturbed run: {findings}"
        return seconds

    def words(self, source: Path, root: Path) -> list[object]:
        """The command that classifies."""
        return ["classify", source, "--storage", root, "--chunk-size", self.chunk, "--settle-seconds", 0, "--sample", 0]


def start(words: Sequence[object], log: Path, **more: str) -> "subprocess.Popen[bytes]":
    """The command line in a process group of its own; what it says goes into a file."""
    script = Path(sys.executable).with_name("nightsort")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with log.open("wb") as file:
        return subprocess.Popen(
            [script, *map(str, words)],
            env=kept | more,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def finish(*words: object, **more: str) -> str:
    """Run a command to its end; what it said.

    :raises AssertionError: if it failed
    """
    log = Path(next(str(word) for word in words if isinstance(word, Path))).parent / f"{words[0]}.log"
    code = start(words, log, **more).wait()
    assert code == 0, f"nightsort {words[0]} ended with {code}: {log.read_text()[-2000:]}"
    return log.read_text()
