"""Starts `nightsort classify` many times at once on one root; a program of test_at_once.py.

Reads {source, storage, starts} from standard input. Forks from one interpreter that has imported everything. Who
comes to its first commit waits there until all others have ended, or a minute has passed, so that the outcome does
not depend on who is how fast. Prints the exit codes and what each said.
"""

import importlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flows import cli, launch
from nightsort.scoring.ledger import Ledger
from tests.flows.conftest import Inline

_PATIENCE = 300  # seconds, after which a start that hangs is a failure and not the end of all tests


def main() -> None:
    """Fork, open the gate, and wait."""
    order = json.load(sys.stdin)
    for name in (
        "flows.classify",
        "flows.commands.options",
        "flows.commands.views",
        "nightsort.scoring.engine",
        "torch",
        "openvino",
    ):
        importlib.import_module(name)
    importlib.import_module("flows.classify").Workers = Inline  # type: ignore[attr-defined]
    launch.is_alive = lambda _: False  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        gate, left = Path(folder) / "gate", Path(folder) / "left"
        starts = {_start(order, gate, left, Path(folder) / str(number)): number for number in range(order["starts"])}
        gate.touch()
        ends = {}
        while len(ends) < len(starts):
            child, status = os.wait()
            if child in starts:
                said = (Path(folder) / str(starts[child])).read_text().splitlines()
                ends[child] = {"pid": child, "code": os.waitstatus_to_exitcode(status), "said": said}
            if len(ends) >= len(starts) - 1:
                left.touch()
        print(json.dumps(list(ends.values())))


def _start(order: dict[str, Any], gate: Path, left: Path, said: Path) -> int:
    if child := os.fork():
        return child
    signal.alarm(_PATIENCE)
    file = os.open(said, os.O_WRONLY | os.O_CREAT, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    commit = Ledger.commit

    def last_of_all(self: Ledger, *args: Any, **kwargs: Any) -> None:
        _wait_for(left)
        commit(self, *args, **kwargs)

    Ledger.commit = last_of_all  # type: ignore[method-assign]
    words = [
        "classify",
        order["source"],
        "--storage",
        order["storage"],
        "--settle-seconds",
        "0",
        "--sample",
        "0",
        "--workers",
        "1",
    ]
    sys.argv = ["nightsort", *words]
    _wait_for(gate)
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.005)


main()
