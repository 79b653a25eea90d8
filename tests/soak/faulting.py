"""Runs `nightsort classify` on a disk that fails at a given call, then on a sound one; a program of faults.py.

Reads {shim, trained, source, folder, chunk, cases, parallel} from standard input, a case being {nth, code, lasting};
started with the shim preloaded. Each case works on a copy of the trained root, in processes forked from one
interpreter that has imported everything and computed nothing. Prints a JSON list of what became of each case.
"""

import ctypes
import faulthandler
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tenacity.nap

from tests import forked
from tests.soak.checker import check, survey

_PATIENCE = 300  # seconds, after which a run that hangs is a harm and not the end of all tests


@dataclass(frozen=True)
class Case:
    """Where a case works: `disk` is what fails; what the run says and the verdict lie beside it."""

    folder: Path
    asked: dict[str, Any]
    order: dict[str, Any]

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    def run(self) -> int:
        """The exit code of the command line in a process of its own; negative if a signal ended it."""
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.setsid()
        faulthandler.dump_traceback_later(_PATIENCE)  # into what the run says
        signal.alarm(_PATIENCE + 1)
        shim = ctypes.CDLL(self.order["shim"])
        shim.faults_where.restype = ctypes.c_char_p
        shim.faults_arm(os.fsencode(f"{self.disk}/"), *(int(self.asked[key]) for key in ("nth", "code", "lasting")))
        code = self.classify("first")
        shim.faults_disarm()
        fault = {"where": os.fsdecode(shim.faults_where()), "seen": shim.faults_seen()}
        (self.folder / "fault.json").write_text(json.dumps(fault))
        os._exit(code)

    def classify(self, name: str) -> int:
        """Run the command line here; what it says goes into a file."""
        forked.say_into(self.folder / f"{name}.txt")
        tempfile.tempdir = str(self.disk / "tmp")
        return forked.classify(self.order["source"], self.disk / "root", "--chunk-size", self.order["chunk"])

    def verdict(self, code: int) -> dict[str, Any]:
        """What the failing run left, and what the next one made of it."""
        source = Path(self.order["source"])
        expected, root = survey(source), self.disk / "root"
        file = self.folder / "fault.json"
        fault = json.loads(file.read_text()) if file.exists() else {"where": "", "seen": 0}
        left = check(root, source, expected, {}, 0.0)
        again = self.classify("again")
        return {
            **self.asked,
            **fault,
            "end": code,
            "said": (self.folder / "first.txt").read_text().splitlines(),
            "left": str(left if code == 0 else left.midway()),
            "again": again,
            "then": "" if again == 0 else (self.folder / "again.txt").read_text(),
            "final": str(check(root, source, expected, {}, 0.0)),
        }


def main() -> None:
    """Fork case by case, so many at a time."""
    order = json.load(sys.stdin)
    forked.get_ready()
    tenacity.nap.time = SimpleNamespace(sleep=lambda _: None)  # type: ignore[assignment]
    running: dict[int, Case] = {}
    verdicts: list[dict[str, Any]] = []
    for number, asked in enumerate(order["cases"]):
        if len(running) >= order["parallel"]:
            verdicts.append(_next(running))
        case = Case(Path(order["folder"]) / str(number), asked, order)
        (case.disk / "tmp").mkdir(parents=True)
        shutil.copytree(order["trained"], case.disk / "root")
        if child := os.fork():
            running[child] = case
            continue
        signal.alarm(3 * _PATIENCE)
        verdict = case.verdict(case.run())
        (case.folder / "verdict.json").write_text(json.dumps(verdict))
        os._exit(0)
    while running:
        verdicts.append(_next(running))
    print(json.dumps(verdicts))


def _next(running: dict[int, Case]) -> dict[str, Any]:
    child, status = os.wait()
    while child not in running:  # what an imported library started
        child, status = os.wait()
    case = running.pop(child)
    verdict: dict[str, Any] = {**case.asked, "died": os.waitstatus_to_exitcode(status)}
    if verdict["died"] == 0:
        verdict = json.loads((case.folder / "verdict.json").read_text())
        shutil.rmtree(case.folder)
    return verdict


main()
