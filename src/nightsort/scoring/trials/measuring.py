"""Owns measuring one backend: how many pictures a second it classifies, and its answers on a sample.

Invariant: all cores are busy the way a classification keeps them, a thread each calling one session;
the time it takes is bounded for a small network, and by a few batches for a large one.
Does not know which backend it is, and does not judge it.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nightsort.errors import ModelError
from nightsort.scoring.backends.session import Session
from nightsort.scoring.calibrated import probabilities

_RUNS = 5
_RUN_SECONDS = 0.15


def speed(session: Session, pictures: NDArray[np.uint8], threads: int) -> tuple[float, float]:
    """Pictures a second, the best of some short runs after a warm-up, and the share by which the median is slower.

    The best, because whatever else the machine does can only slow a run down.

    :param pictures: uint8 (N, S, S, 3), N at least 1; they are repeated to fill a batch
    """
    batch = np.ascontiguousarray(pictures[np.arange(session.batch_size) % len(pictures)])
    rates: list[float] = []
    with ThreadPoolExecutor(threads) as pool:
        _run(session, batch, pool, threads, 0.0)
        start = time.perf_counter()
        while not rates or (len(rates) < _RUNS and time.perf_counter() - start < _RUNS * _RUN_SECONDS):
            rates.append(_run(session, batch, pool, threads, _RUN_SECONDS))
    return max(rates), 1 - statistics.median(rates) / max(rates)


def _run(session: Session, batch: NDArray[np.uint8], pool: ThreadPoolExecutor, threads: int, seconds: float) -> float:
    """Pictures a second of threads that go on for so long, and for a batch each at least."""
    start = time.perf_counter()

    def work() -> int:
        done = 0
        while not done or time.perf_counter() - start < seconds:
            session.logits(batch)
            done += len(batch)
        return done

    total = sum(thread.result() for thread in [pool.submit(work) for _ in range(threads)])
    return total / (time.perf_counter() - start)


def answers(
    session: Session, images: NDArray[np.uint8], rows: NDArray[np.int64], temperature: float, threads: int
) -> NDArray[np.float32]:
    """Calibrated probabilities of some pictures, float32 (n, C).

    :param images: uint8 (N, S, S, 3); may be a memory map
    :param rows: which of them, n at least 1
    :param temperature: the logits are divided by it (Guo et al. 2017)
    :raises ModelError: if an answer is not a number
    """
    batches = [rows[i : i + session.batch_size] for i in range(0, len(rows), session.batch_size)]
    with ThreadPoolExecutor(threads) as pool:
        logits = np.concatenate(list(pool.map(lambda batch: session.logits(images[batch]), batches)))
    if not np.isfinite(logits).all():
        raise ModelError(f"answers: {int((~np.isfinite(logits)).any(1).sum())} of {len(rows)} are not finite numbers")
    calibrated: NDArray[np.float32] = probabilities(logits, temperature).astype(np.float32)
    return calibrated
