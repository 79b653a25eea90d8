"""Owns how a rehearsal runs Nightsort: the command line, in a process group of its own, at a moment of its choice.

Invariant: nothing of the program is called but its commands; a command that fails is an error here, too.
Does not know what a command is for.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from nightsort.clock import OFFSET
from nightsort.errors import RunError
from rehearsal.calendar import ahead

_POLL = 0.001  # seconds


class Program:
    """The command line in a folder that holds a pipelines.yaml.

    :param log: file that all commands' words and output are appended to
    """

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder, self._log = folder, log

    def run(self, moment: datetime, *words: object) -> dict[str, Any]:
        """Run a command to its end, as if it were started at that moment; the object that it prints.

        :raises RunError: if it failed
        """
        run = self._start(moment, *words, "--json")
        try:
            said, _ = run.communicate()
        finally:
            _kill(run)  # if somebody interrupts the rehearsal
        if run.returncode:
            raise RunError(f"nightsort {' '.join(map(str, words))} ended with {run.returncode}; see {self._log}")
        data: dict[str, Any] = json.loads(said.decode().splitlines()[-1])
        with self._log.open("a") as file:
            file.write(f"{json.dumps(data)}\n")
        return data

    def cut(self, moment: datetime, now: Callable[[], bool], *words: object) -> bool:
        """Run a command and kill -9 all of its processes as soon as `now` says so; whether it came to that."""
        run = self._start(moment, *words)
        try:
            while run.poll() is None and not now():
                time.sleep(_POLL)
            return run.poll() is None
        finally:
            _kill(run)

    def _start(self, moment: datetime, *words: object) -> "subprocess.Popen[bytes]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "NIGHTSORT_"))}
        with self._log.open("a") as file:
            file.write(f"\n$ nightsort {' '.join(map(str, words))}  # {moment:%Y-%m-%d %H:%M %Z}\n")
            file.flush()
            return subprocess.Popen(
                [Path(sys.executable).with_name("nightsort"), *map(str, words)],
                env=kept | {OFFSET: str(ahead(moment))},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,
            )


def _kill(run: "subprocess.Popen[bytes]") -> None:
    """Kill -9 what is left of it, its children too."""
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
