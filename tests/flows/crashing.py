"""Runs flows that kill themselves, each in a process of its own; a program of test_crash.py.

Reads cases from standard input, a JSON list of {flow, params, target, when, count}: the flow is run with
a method of a class patched so that its process group dies before or after the count-th call. Forks from
one interpreter that has imported everything and computed nothing. Prints how each process ended.
"""

import importlib
import json
import os
import signal
import sys
from typing import Any

from flows.catalogue import flow_named
from nightsort.config import PARAMS
from tasks.compute import Done, Workers


class Inline(Workers):
    """Computes in this process, so that the place of the crash is exact."""

    def map(self, function: Any, chunks: Any, *args: Any) -> Any:
        for chunk in chunks:
            yield Done(chunk, function(chunk, *args))


def arm(target: str, when: str, count: int) -> None:
    """Patch `module:Class.method`."""
    module, _, path = target.partition(":")
    owner, _, name = path.partition(".")
    kind = getattr(importlib.import_module(module), owner)
    whole, calls = getattr(kind, name), []

    def method(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if when == "before" and len(calls) == count:
            os.killpg(0, signal.SIGKILL)
        result = whole(*args, **kwargs)
        if when == "after" and len(calls) == count:
            os.killpg(0, signal.SIGKILL)
        return result

    setattr(kind, name, method)


def main() -> None:
    """Fork and wait, case by case."""
    for name in ("ingest", "classify"):
        flow_named(name)
        importlib.import_module(f"flows.{name}").Workers = Inline  # type: ignore[attr-defined]
    importlib.import_module("nightsort.scoring.engine")  # torch, once for all
    ends = []
    for case in json.load(sys.stdin):
        child = os.fork()
        if child == 0:
            os.setsid()
            arm(case["target"], case["when"], case["count"])
            flow_named(case["flow"]).fn(PARAMS[case["flow"]](**case["params"]))
            os._exit(0)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(json.dumps(ends))


main()
