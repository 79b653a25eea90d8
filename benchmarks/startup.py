"""How long a command takes that does nothing: ours beside those of programs that people start as often.

Run: python benchmarks/startup.py [ROUNDS]. Each command runs once a round, in turn, so that a busy machine is as busy
for all; the least of the rounds counts, of the wall and of the processor. What is not installed is left out.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

_BESIDE = Path(sys.executable).parent  # of the console scripts of this environment
_OURS = (
    "nightsort --help",
    "nightsort --version",
    "nightsort status --help",
    "nightsort train --help",
    "nightsort check",
)
_PEERS = ("prefect version", "prefect --help", "dask --help", "mlflow --help", "optuna --help")
_FLOOR = "python -c pass"


def main() -> None:
    """Print a table: seconds of each command, and how many times those of `nightsort --help`."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    commands = [line for line in (_FLOOR, *_OURS, *_PEERS) if (_BESIDE / line.split()[0]).exists()]
    measured: dict[str, list[tuple[float, float]]] = {line: [] for line in commands}
    for _ in range(rounds):
        for line in commands:
            measured[line].append(_once(line))
    least = {line: [min(column) for column in zip(*times, strict=True)] for line, times in measured.items()}
    print(f"{'command':26} {'wall s':>7} {'CPU s':>7} {'times':>6}")
    for line, (wall, processor) in least.items():
        print(f"{line:26} {wall:7.3f} {processor:7.3f} {processor / least[_OURS[0]][1]:6.1f}")


def _once(line: str) -> tuple[float, float]:
    """Wall and processor seconds of one start."""
    program, *words = line.split()
    before, start = _used(), time.perf_counter()
    subprocess.run(
        [_BESIDE / program, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        check=True,
    )
    return time.perf_counter() - start, _used() - before


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
