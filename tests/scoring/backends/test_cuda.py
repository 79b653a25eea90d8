"""The lanes of a GPU, with lanes that need none; the backends on a GPU are in test_backends.py."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Lock

import numpy as np
import pytest
from numpy.typing import NDArray

from nightsort.scoring.backends.cuda import Lane, Lanes


def test_a_lane_serves_one_thread_at_a_time_and_all_lanes_serve() -> None:
    numbers = count()
    used: list[int] = []

    def make() -> Lane:
        number, busy = next(numbers), Lock()

        def lane(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
            assert busy.acquire(blocking=False), "two threads in one lane"
            used.append(number)
            time.sleep(0.002)  # so that the threads meet
            busy.release()
            return pictures.astype(np.float32) + 1

        return lane

    lanes = Lanes(make, 3)
    batches = [np.full((2, 1), i, np.uint8) for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lanes, batches))
    assert [float(answer[0, 0]) for answer in answers] == [i + 1.0 for i in range(40)]
    assert set(used) == {0, 1, 2}


def test_a_lane_that_failed_is_free_again() -> None:
    def broken(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise MemoryError

    lanes = Lanes(lambda: broken, 1)
    for _ in range(2):
        with pytest.raises(MemoryError):
            lanes(np.zeros((1, 1), np.uint8))
