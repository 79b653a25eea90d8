"""Runs flows that kill themselves, each in a process of its own; a program of test_crash.py.

Reads cases from standard input, a JSON list of {flow, params, target, when, count}: the flow is run
with a function or a method patched so that its process group dies before or after the count-th call. Forks from
one interpreter that has imported everything and computed nothing. Prints how each process ended.
"""

import importlib
import json
import os
import signal
import sys
from typing import Any

from flows.catalogue import function_named
from nightsort.config.catalogue import PARAMS
from tests.flows.conftest import Inline


def arm(target: str, when: str, count: int) -> None:
    """Patch `module:Class.method` or `module:function`; with `@text` behind it, only calls about that text count."""
    place, _, about = target.partition("@")
    module, _, path = place.partition(":")
    owner, _, name = path.rpartition(".")
    home = importlib.import_module(module)
    kind = getattr(home, owner) if owner else home
    whole, calls = getattr(kind, name), []

    def method(*args: Any, **kwargs: Any) -> Any:
        if about not in repr(args):
            return whole(*args, **kwargs)
        calls.append(1)
        if when == "before" and len(calls) == count:
            os.killpg(0, signal.SIGKILL)
        result = whole(*args, **kwargs)
        if when == "after" and len(calls) == count:
            os.killpg(0, signal.SIGKILL)
        return result

    setattr(kind, name, method)


def _wait(running: dict[int, int], ends: list[int | None]) -> None:
    child, status = os.wait()
    if child in running:  # else an imported library started it
        ends[running.pop(child)] = os.waitstatus_to_exitcode(status)


_PATIENCE = 300  # seconds, after which a child that hangs is a failure and not the end of all tests


def main() -> None:
    """Fork, as many as there are cores, and wait."""
    for name in ("ingest", "classify"):
        function_named(name)
        importlib.import_module(f"flows.{name}").Workers = Inline  # type: ignore[attr-defined]
    for name in ("nightsort.scoring.engine", "torch", "openvino"):  # whatever answers: once for all
        importlib.import_module(name)
    cases = json.load(sys.stdin)
    ends: list[int | None] = [None] * len(cases)
    running: dict[int, int] = {}
    for number, case in enumerate(cases):
        while len(running) >= (os.cpu_count() or 1):
            _wait(running, ends)
        child = os.fork()
        if child == 0:
            os.setsid()
            signal.alarm(_PATIENCE)
            arm(case["target"], case["when"], case["count"])
            function_named(case["flow"])(PARAMS[case["flow"]](**case["params"]))
            os._exit(0)
        running[child] = number
    while running:
        _wait(running, ends)
    print(json.dumps(ends))


main()
