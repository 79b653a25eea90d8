"""Owns the search for a step at which a failing disk, or a kill, does harm: every write, fsync, rename and link.

Invariant: a step is a call into the C library that changes something below the storage root or the folder for temporary
files; delta-rs and Arrow go through it as Python does. Linux with a C compiler.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Case = dict[str, Any]

KILL = 0  # instead of an errno
KINDS = [(errno.ENOSPC, False), (errno.ENOSPC, True), (errno.EIO, False), (errno.EIO, True), (KILL, False)]
"""What happens at a step: an errno, once or from then on; or a kill."""

COMPILERS = ("cc", "gcc", "clang")


def compiler() -> str | None:
    """A C compiler; None where there is none."""
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def build(folder: Path) -> Path:
    """Compile what makes a disk fail."""
    made = folder / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run([compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


@dataclass(frozen=True)
class Bench:
    """The library that makes a disk fail, a trained storage root, a source, a folder to work in."""

    shim: Path
    trained: Path
    source: Path
    folder: Path
    chunk: int = 4

    def steps(self) -> int:
        """How many calls a run makes that is left alone."""
        (quiet,) = self.run([{"nth": 0, "code": errno.EIO, "lasting": False}])
        assert harm(quiet) == "", harm(quiet)
        return int(quiet["seen"])

    def run(self, cases: Sequence[Case]) -> list[Case]:
        """Run the cases; what became of each."""
        top = Path(__file__).parents[2]
        paths = [str(top / "src"), str(top), *filter(None, [os.environ.get("PYTHONPATH")])]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        order = {
            **{name: str(getattr(self, name)) for name in ("shim", "trained", "source", "folder")},
            "chunk": self.chunk,
            "cases": list(cases),
            "parallel": os.cpu_count() or 1,
        }
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("faulting.py")],
            input=json.dumps(order),
            env=kept | {"PYTHONPATH": os.pathsep.join(paths), "LD_PRELOAD": str(self.shim)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        verdicts: list[Case] = json.loads(done.stdout.splitlines()[-1])
        return sorted(verdicts, key=lambda case: (case["nth"], case["code"], case["lasting"]))


def every(steps: range, kinds: Sequence[tuple[int, bool]] = KINDS) -> list[Case]:
    """Each kind of fault at each step."""
    return [{"nth": nth, "code": code, "lasting": lasting} for nth in steps for code, lasting in kinds]


def harm(case: Case) -> str:
    """What is wrong with how a case ended; empty if nothing is.

    A run completes, or says one line and ends with 1 or 2, or is killed; it leaves nothing doubled, torn or
    misplaced; and the next run, with a sound disk, completes it.
    """
    what = f"{case['where'] or 'step'} ({case['nth']}, {name_of(case)})"
    if case.get("died"):
        return f"{what}: the checking process died with {case['died']}"
    faults = []
    if case["end"] not in ((0, 1, 2) if case["code"] != KILL else (0, -9)):
        faults.append(f"ended with {case['end']}: {' / '.join(case['said'][-30:])}")
    elif case["end"] > 0 and len(case["said"]) != 1:
        faults.append(f"said {len(case['said'])} lines: {' / '.join(case['said'][:3])}")
    if any(line.startswith("Traceback") for line in case["said"]):
        faults.append("showed a traceback")
    if case["left"] != "none":
        faults.append(f"left {case['left']}")
    if case["again"]:
        faults.append(f"the next run ended with {case['again']}: {case['then'][-500:]}")
    if case["final"] != "none":
        faults.append(f"then {case['final']}")
    return f"{what}: {'; '.join(faults)}" if faults else ""


def name_of(case: Case) -> str:
    """What happened, as one writes it."""
    if case["code"] == KILL:
        return "kill -9"
    return f"{errno.errorcode[case['code']]}{' from then on' if case['lasting'] else ''}"


def table(verdicts: Sequence[Case]) -> list[str]:
    """How the runs ended, as a Markdown table."""
    ends = Counter((name_of(case), "completed" if case.get("end") == 0 else "ended") for case in verdicts)
    harmed = Counter(name_of(case) for case in verdicts if harm(case))
    names = sorted({name for name, _ in ends})
    rows = [f"| {name} | {ends[name, 'completed']} | {ends[name, 'ended']} | {harmed[name]} |" for name in names]
    return ["| fault | run completed | one line, or dead; the next completed it | harm |", "|---|---|---|---|", *rows]
