"""Which of a million listed pictures are new against a million known: seconds, and memory above the start.

    python benchmarks/ledger.py [--known 0 100000 1000000] [--listed 1000000] [--commits 400] [--nights 365]

Each ledger is made up: paths of seven cameras, a folder a day, committed in chunks over a year of nights. It is asked
twice: as the commits left it, and after it was tidied. Every question is asked in a process of its own, of rows that
lie in a file as they do in a run. In brackets the CPU seconds, which move less on a machine that does other things too.
Linux only: memory is read from /proc.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.schema import LISTING, PREDICTIONS
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage

_SLICE = 100_000  # rows of a listing that classify compares at a time
_CAMERAS = 7
_FIRST = date(2026, 1, 1)


def main() -> None:
    """Make each ledger, ask, tidy, and ask again."""
    arguments = _arguments()
    if arguments.ask:
        _ask(arguments.ask, Path(arguments.folder), arguments.known[0], arguments.listed, arguments.nights)
        return
    questions = ["all known", "half known", "none known", "contents", "a night of 1,000"]
    print(f"{'known':>9} {'ledger':>13} " + "".join(f"{question:>24}" for question in questions))
    for known in arguments.known:
        with tempfile.TemporaryDirectory() as folder:
            ledger = Ledger(Storage(f"{folder}/storage"))
            fill(ledger, known, min(arguments.commits, known), arguments.nights)
            for state in ("as committed", "tidied"):
                if state == "tidied":
                    ledger.tidy()
                cells = (_answer(question, folder, known, arguments) for question in questions)
                print(f"{known:9} {state:>13} " + "".join(f"{cell:>24}" for cell in cells), flush=True)


def _answer(question: str, folder: str, known: int, arguments: argparse.Namespace) -> str:
    words = ["--ask", question, "--folder", folder, "--known", known, "--nights", arguments.nights]
    command = [sys.executable, __file__, *words, "--listed", arguments.listed]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout.strip()


def _ask(question: str, folder: Path, known: int, listed: int, nights: int) -> None:
    ledger = Ledger(Storage(f"{folder}/storage"))
    if question == "contents":
        ask: Callable[[], object] = lambda: ledger.write_contents(folder, None)  # noqa: E731
    else:
        new = {"all known": 0, "half known": listed // 2, "none known": listed}.get(question, 1000)
        expected = min(known, listed - new) if "known" in question else 0
        rows = _listing(folder, known, expected, new, nights)

        def ask() -> None:
            found = sum(_skipped(ledger, rows.slice(start, _SLICE)) for start in range(0, len(rows), _SLICE))
            assert found == expected, f"{found} were found unchanged, not {expected}"

    Path("/proc/self/clear_refs").write_text("5")
    before, start, worked = _memory("VmRSS"), time.perf_counter(), time.process_time()
    ask()
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    print(f"{seconds:.2f} s ({worked:.2f}) {_memory('VmHWM') - before:5.0f} MB")


def _skipped(ledger: Ledger, rows: pa.Table) -> int:
    return pc.sum(pc.equal(ledger.unchanged(rows, None)["outcome"], "skipped")).as_py() or 0


def _memory(name: str) -> float:
    """A figure of this process, MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1000


def fill(ledger: Ledger, known: int, commits: int, nights: int) -> None:
    """Commit made-up predictions of model 1 to an empty ledger."""
    for commit in range(commits):
        first, end = known * commit // commits, known * (commit + 1) // commits
        ledger.commit(_predictions(first, end, known, nights))


def _place(picture: int, night: int) -> dict[str, object]:
    """Where a picture of a night lies."""
    day = _FIRST + timedelta(days=night)
    path = f"/srv/intake/camera-{picture % _CAMERAS}/{day:%Y/%m/%d}/IMG_{picture:09d}.jpg"
    return {"path": path, "member": "", "size": 40_000 + picture % 9_973, "stamp": str(1_767_225_600_000 + picture)}


def _predictions(first: int, end: int, known: int, nights: int) -> pa.Table:
    """Rows as a run commits them; a chunk belongs to the night of its first picture."""
    n, rng = end - first, np.random.default_rng(first)
    labels = pa.array(["crack", "dent", "scratch", "stain", "sound"])
    same = {
        "model_version": 1, "preprocessing": "a1b2c3d4", "abstained": False, "width": 1920, "height": 1080,
        "backend": "openvino-bf16", "run_id": f"classify-{first}", "classified_at": datetime.now(UTC),
        "run_date": (_FIRST + timedelta(days=first * nights // known)).isoformat(),
    }  # fmt: skip
    columns = pa.Table.from_pylist([_place(picture, picture * nights // known) for picture in range(first, end)])
    rows = {name: columns[name] for name in columns.column_names}
    rows["sha256"] = pa.array([hashlib.sha256(str(picture).encode()).hexdigest() for picture in range(first, end)])
    rows |= {name: pa.repeat(pa.scalar(value, PREDICTIONS.field(name).type), n) for name, value in same.items()}
    rows |= {name: labels.take(pa.array(rng.integers(0, 5, n))) for name in ("label", "runner_up")}
    top = pa.array(rng.random(5 * n), pa.float32())
    rows["top_labels"] = pa.FixedSizeListArray.from_arrays(labels.take(pa.array(rng.integers(0, 5, 5 * n))), 5)
    rows["top_confidences"] = pa.FixedSizeListArray.from_arrays(top, 5)
    rows |= {name: pa.array(rng.random(n), pa.float32()) for name in PREDICTIONS.names if name not in rows}
    return pa.table([rows[name].cast(PREDICTIONS.field(name).type) for name in PREDICTIONS.names], schema=PREDICTIONS)


def _listing(folder: Path, known: int, old: int, new: int, nights: int) -> pa.Table:
    """Known and new pictures in the order of a walk, from a file; the new ones lie among the known ones."""
    rows = [_place(picture, picture * nights // known) for picture in range(old)]
    rows += [_place(known + i, i * nights // new) for i in range(new)]
    rows.sort(key=lambda row: str(row["path"]))
    file = folder / "listing.arrow"
    with pa.ipc.new_file(str(file), LISTING) as writer:
        for start in range(0, len(rows), _SLICE):
            writer.write_table(pa.Table.from_pylist(rows[start : start + _SLICE], schema=LISTING))
    return pa.ipc.open_file(pa.memory_map(str(file))).read_all()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=int, nargs="+", default=[0, 100_000, 1_000_000])
    parser.add_argument("--listed", type=int, default=1_000_000)
    parser.add_argument("--commits", type=int, default=400, help="by which the known ones came")
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
