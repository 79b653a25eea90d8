"""The command line in this process: words in, exit code and lines out."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows import cli, launch


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: list[str]
    err: list[str]

    @property
    def data(self) -> Any:
        """The JSON object on the last line."""
        return json.loads(self.out[-1])


@pytest.fixture
def nightsort(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], inline: None
) -> Iterator[Callable[..., Said]]:
    """Run the command line in this process, in an empty folder; no Prefect server answers."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(launch, "is_alive", lambda _: False)
    # The command line answers SIGTERM by an exception. What a later test forks would inherit that, and a process that
    # is told to end while it starts would forget it, and be waited for without end.
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = signal.getsignal(signal.SIGTERM)

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["nightsort", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out.splitlines(), err.splitlines())

    yield run
    signal.signal(signal.SIGTERM, before)
