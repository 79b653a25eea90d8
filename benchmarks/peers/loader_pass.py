"""What every contender of the loader benchmark is told, and how its passes are timed: the same code for all.

The first pass warms up and is looked at: how many pictures came, and their mean grey level, which shows that all
decode the same. The others are timed, from asking for the first batch to the end of the last.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

BATCH = 128
Batches = Callable[[int], Iterable[tuple[Tensor, Tensor]]]
"""Number of a pass -> pictures uint8 (B, 3, S, S) and class ids int64 (B,), shuffled."""


def arguments(description: str | None) -> argparse.Namespace:
    """Read the command line: what to load, to which side, how."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("source", type=Path, help="what loader_sources made")
    parser.add_argument("side", type=int)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--way", default="", help="of those that a contender has")
    return parser.parse_args()


def timed(batches: Batches, passes: int, **more: float) -> None:
    """Run a first pass and the timed ones, and print what they took as a line of JSON.

    :param more: figures to be printed with it
    """
    torch.set_num_threads(1)
    pictures, total = 0, 0.0
    for images, labels in batches(0):
        if images.dtype != torch.uint8 or images.shape[1] != 3 or len(images) != len(labels):
            raise SystemExit(f"a batch of {images.dtype} {tuple(images.shape)} with {len(labels)} labels")
        pictures, total = pictures + len(images), total + float(images.float().mean((1, 2, 3)).sum())
    start, before = time.perf_counter(), _spent()
    seen = sum(len(images) for number in range(1, passes + 1) for images, _ in batches(number))
    seconds, cpu = time.perf_counter() - start, _spent() - before
    figures = {"pictures": pictures, "mean": total / pictures, "rate": seen / seconds, "cpu": cpu / seen}
    print(json.dumps({**figures, **more}))


def _spent() -> float:
    """Processor seconds of this process and of its workers, which are still there. Linux only."""
    ticks = 0
    for worker in multiprocessing.active_children():
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")
