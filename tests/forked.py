"""Programs that fork `nightsort classify` many times, from one interpreter that has imported everything."""

import importlib
import os
import sys
from pathlib import Path

from flows import cli, launch
from tests.flows.conftest import Inline

_NEEDED = ("flows.commands.runs", "nightsort.scoring.engine", "torch", "openvino", "filelock")


def get_ready() -> None:
    """Import what a classification does; none of those to come starts workers or asks a Prefect server."""
    for name in _NEEDED:
        importlib.import_module(name)
    importlib.import_module("flows.classify").Workers = Inline  # type: ignore[attr-defined]
    launch.is_alive = lambda _: False  # type: ignore[assignment]


def say_into(file: Path) -> None:
    """Have all that this process says from now on go into a file."""
    said = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    os.dup2(said, 1)
    os.dup2(said, 2)


def classify(source: object, root: object, *words: object) -> int:
    """Run the command line here; its exit code, 70 if it ended as it never should."""
    always = ["--settle-seconds", 0, "--sample", 0, "--workers", 1]
    sys.argv = list(map(str, ["nightsort", "classify", source, "--storage", root, *always, *words]))
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    return code
