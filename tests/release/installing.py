"""Owns an installation as a stranger makes one: a new virtual environment, the wheel, a folder that is no checkout.

Invariant: nothing of the checkout can be imported from it; dependencies are those that the wheel asks for, at the
versions that the lock pins, compared with its hashes.
Does not know what is run.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.release.building import REPOSITORY

UV = REPOSITORY / ".uv" / "bin" / "uv"
_SHADOW = "raise SystemExit(f'{__file__} was imported in the place of what is installed')\n"


@dataclass(frozen=True)
class Installed:
    """A virtual environment, and a folder to work in."""

    bin: Path
    here: Path

    def run(self, *words: object) -> str:
        """What a program of the environment prints; `RuntimeError` with all that it said if it failed."""
        command = [str(self.bin / str(words[0])), *map(str, words[1:])]
        kept = {"HOME", "PATH", "LANG", "TMPDIR", "OMP_WAIT_POLICY"}
        environment = {name: value for name, value in os.environ.items() if name in kept}
        done = subprocess.run(command, cwd=self.here, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def install(wheel: Path, folder: Path) -> Installed:
    """Install a wheel with what it asks for into a new environment in this folder.

    Beside it lies a folder to work in, with a flows.py and a tasks.py of somebody else's.
    """
    environment, here = folder / "environment", folder / "elsewhere"
    here.mkdir(parents=True)
    for name in ("flows.py", "tasks.py", "nightsort.py"):
        (here / name).write_text(_SHADOW)
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    locked = ["--constraints", REPOSITORY / "requirements.lock", "--python", environment / "bin" / "python"]
    subprocess.run([UV, "pip", "install", "--quiet", *locked, wheel], check=True)
    subprocess.run([UV, "pip", "check", "--quiet", "--python", environment / "bin" / "python"], check=True)
    return Installed(environment / "bin", here)
