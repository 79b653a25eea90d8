"""Owns the killing: kill -9 of a whole process group at a moment drawn by lot, until a run gets through.

Invariant: the moment depends on the seed and on what lies in the storage root, which is looked at from outside; the
program knows nothing of it.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.checker import check
from tests.soak.scene import TOLERANCE, Scene, start

AIMS = {"start": 2, "chunk": 4, "commit": 3, "end": 2}
"""At what is aimed, and how often, relative to each other."""

LANDED = ("before its first commit", "within a commit", "between commits", "after its last commit")
_TABLES = ("predictions", "quarantine", "copies")
_POLL = 0.002  # seconds


@dataclass
class Toll:
    """What a soak came to."""

    kills: int = 0
    rounds: int = 0  # runs that were killed and restarted until they were done
    landed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Log:
    """What can be seen of the progress of a run from outside: the logs of its tables."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._rows: dict[Path, int] = {}

    def commits(self) -> int:
        """Entries in the logs of all tables."""
        return sum(len(list(self._entries(table))) for table in _TABLES)

    def predicted(self) -> int:
        """Rows that the log of the predictions names."""
        for file in self._entries("predictions"):
            if file not in self._rows:
                self._rows[file] = _rows_added(file)
        return sum(self._rows.values())

    def written(self) -> int:
        """Files in the folders of the tables, whether a commit names them or not, and the commits themselves."""
        return sum(1 for table in _TABLES for _, _, files in os.walk(self._root / table) for _ in files)

    def reports(self) -> int:
        """Folders of reports."""
        return sum(place.is_dir() for place in (self._root / "reports").glob("*"))

    def _entries(self, table: str) -> list[Path]:
        return list((self._root / table / "_delta_log").glob("*.json"))


def kill_until_done(scene: Scene, kills: int, seed: int, seconds: float, say: Callable[[str], None]) -> Toll:
    """Start runs on fresh copies of the trained root and kill them, until at least so many were killed.

    :param seconds: how long the undisturbed run took
    """
    rng, toll = random.Random(seed), Toll()
    while toll.kills < kills and len(toll.faults) < 10:
        root = scene.folder / f"round-{toll.rounds}"
        shutil.copytree(scene.trained, root)
        before = toll.kills
        while _attempt(scene, root, rng, seconds, toll):
            _judge(scene, root, toll, midway=True)
        toll.rounds += 1
        _judge(scene, root, toll, midway=False)
        say(f"round {toll.rounds}: killed {toll.kills - before} times, then done; {len(toll.faults)} faults")
        shutil.rmtree(root)
    return toll


def _attempt(scene: Scene, root: Path, rng: random.Random, seconds: float, toll: Toll) -> bool:
    """Whether the run was killed; false if it came to its end."""
    log, said = Log(root), scene.folder / "run.log"
    total = len(set(scene.expected.good.values()))
    aim = _aim(rng, log.predicted() < total)
    commits = log.commits()
    run = start(scene.words(scene.source, root), said)
    moment = _moment(aim, log, total, rng, seconds)
    try:
        while run.poll() is None and not moment():
            time.sleep(_POLL)
        if run.poll() is not None:
            if run.returncode:
                toll.faults.append(f"a run ended with {run.returncode}: {said.read_text()[-500:]}")
            return False
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    toll.kills += 1
    toll.landed[_landed(log, root, commits, total)] += 1
    toll.faults += [f"process {each} outlived the kill of its group" for each in _left_of(run)]
    return True


def _aim(rng: random.Random, unfinished: bool) -> str:
    """At what to aim; at nothing in every second run that has nothing left to commit, so that there is an end."""
    aims = AIMS if unfinished else {"start": 1, "end": 1, "nothing": 2}
    return rng.choices(list(aims), list(aims.values()))[0]


def _moment(aim: str, log: Log, total: int, rng: random.Random, seconds: float) -> Callable[[], bool]:
    """Says when to kill."""
    born, extra = time.monotonic(), rng.random()
    if aim == "nothing":
        return lambda: False
    if aim == "start":
        return lambda: time.monotonic() - born > extra * 0.6 * seconds
    if aim == "end":
        reports, tail = log.reports(), _After(extra * 0.3)
        early = rng.random() < 0.6  # while it tidies and looks for what to show; else while it writes the report
        return lambda: tail(log.predicted() >= total if early else log.reports() > reports)
    done = log.predicted()
    target, pause = done + rng.random() ** 2 * 0.9 * (total - done), _After(extra * 0.05)
    if aim == "chunk":
        return lambda: pause(log.predicted() > target)
    files: list[int] = []

    def committing() -> bool:
        if not files and log.predicted() > target:
            files.append(log.written())
        return bool(files) and log.written() > files[0]

    return committing


class _After:
    """True from so many seconds after a condition was first met."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._met = seconds, 0.0

    def __call__(self, condition: bool) -> bool:
        if condition and not self._met:
            self._met = time.monotonic()
        return bool(self._met) and time.monotonic() - self._met >= self._seconds


def _landed(log: Log, root: Path, commits: int, total: int) -> str:
    """Where a run was when it died: one of LANDED."""
    if log.predicted() >= total:
        return LANDED[3]
    newest = max((file.stat().st_mtime_ns for table in _TABLES for file in log._entries(table)), default=0)
    data = [file for table in _TABLES for file in (root / table).rglob("*") if file.is_file()]
    if any(file.suffix != ".json" and file.stat().st_mtime_ns > newest for file in data):
        return LANDED[1]
    return LANDED[2] if log.commits() > commits else LANDED[0]


def _judge(scene: Scene, root: Path, toll: Toll, midway: bool) -> None:
    findings = check(root, scene.source, scene.expected, scene.answers, TOLERANCE)
    if findings := findings.midway() if midway else findings:
        toll.faults.append(f"{'after a kill' if midway else 'at the end'}: {findings}")


def _rows_added(entry: Path) -> int:
    try:
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
    except (OSError, ValueError):
        return 0  # it is just being written, or torn: the checker will say so
    adds = [action["add"] for action in actions if "add" in action and action["add"]["dataChange"]]
    return sum(json.loads(add["stats"])["numRecords"] for add in adds)


def _left_of(run: "subprocess.Popen[bytes]") -> list[str]:
    """Processes of the run's session that still live."""
    time.sleep(0.2)
    left = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if words[3] == str(run.pid) and words[0] not in "ZX":
            left.append(status.parent.name)
    return left
