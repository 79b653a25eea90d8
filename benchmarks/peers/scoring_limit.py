"""The limit: decoding and preparing alone, then the chosen backend alone, each on all cores, from bytes in memory.

Prints one JSON object. `rate` is cores / (decode seconds + forward seconds) in pictures a second, both those of one
core while all are busy. Nothing is listed, read, hashed, measured, handed out or written, and start-up does not count.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from nightsort.config.intake import ClassifyParams
from nightsort.images.preprocess import Preprocessing, decode_original
from nightsort.learning.card import load_card
from nightsort.learning.registry import Registry
from nightsort.scoring.backends.opening import open_session
from nightsort.scoring.trials.choice import backend_for
from nightsort.storage import Storage

_BYTES = 250_000_000  # of files kept in memory, at most
_SECONDS = 3.0  # of each of the two, at least
_MAX_PIXELS = int(ClassifyParams.model_fields["max_pixels"].default)


def main() -> None:
    """Measure the two after each other."""
    asked = _arguments()
    storage = Storage(str(asked.root))
    card = load_card(storage, Registry(storage).require_champion())
    backend, why = backend_for(storage, card, asked.backend)
    if backend is None:
        raise SystemExit(why)
    preprocessing, pictures = card.preprocess(), _within(asked.source)
    session = open_session(storage, card, backend, None, asked.cores)
    batch = np.stack([_prepare(data, preprocessing) for data in pictures[: session.batch_size]])
    batch = np.resize(batch, (session.batch_size, *batch.shape[1:]))
    session.logits(batch)
    shares = [pictures[turn :: asked.cores] or pictures for turn in range(asked.cores)]
    decoding = _rate(lambda turn: [_prepare(data, preprocessing) for data in shares[turn]], asked.cores)
    forward = _rate(lambda turn: session.logits(batch), asked.cores)
    account = {"rate": 1 / (1 / decoding + 1 / forward), "decoding": decoding, "forward": forward}
    print(json.dumps({**account, "cores": asked.cores, "backend": backend, "why": why}))


def _prepare(data: bytes, preprocessing: Preprocessing) -> np.ndarray:
    """As a classification does it: guarded decode, at reduced scale where it may, cleaning, resize."""
    decoded = decode_original(data, _MAX_PIXELS, preprocessing.store_side, preprocessing.cleaning)
    return preprocessing(decoded.pixels)


def _rate(work: Callable[[int], Sized], cores: int) -> float:
    """Pictures a second of all threads together; `work(turn)` returns one item a picture."""

    def until_done(turn: int) -> int:
        done = 0
        while time.perf_counter() < end:
            done += len(work(turn))
        return done

    with ThreadPoolExecutor(cores) as threads:
        start = time.perf_counter()
        end = start + _SECONDS
        done = sum(threads.map(until_done, range(cores)))
        return done / (time.perf_counter() - start)


def _within(folder: Path) -> list[bytes]:
    found: list[bytes] = []
    total = 0
    for file in sorted(folder.iterdir()):
        found.append(file.read_bytes())
        total += len(found[-1])
        if total > _BYTES:
            break
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--backend")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
