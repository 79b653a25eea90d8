"""Starts `nightsort classify` many times at once on one root; a program of test_at_once.py.

Reads {source, storage, starts} from standard input. Forks from one interpreter that has imported everything. Who
comes to its first commit waits there until all others have ended, or a minute has passed, so that the outcome does
not depend on who is how fast. Prints the exit codes and what each said.
"""

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from nightsort.scoring.ledger import Ledger
from tests import forked

_PATIENCE = 300  # seconds, after which a start that hangs is a failure and not the end of all tests


def main() -> None:
    """Fork, open the gate, and wait."""
    order = json.load(sys.stdin)
    forked.get_ready()
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
    forked.say_into(said)
    commit = Ledger.commit

    def last_of_all(self: Ledger, *args: Any, **kwargs: Any) -> None:
        _wait_for(left)
        commit(self, *args, **kwargs)

    Ledger.commit = last_of_all  # type: ignore[method-assign]
    _wait_for(gate)
    os._exit(forked.classify(order["source"], order["storage"]))


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.005)


main()
