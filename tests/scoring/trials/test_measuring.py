"""Measuring a session: every core calls it, answers keep their order, time is bounded."""

import threading
import time

import numpy as np
import pytest

from nightsort.errors import ModelError
from nightsort.scoring.trials import measuring


class Brightness:
    """Logits are the first pixel's channels; a batch takes so many seconds."""

    batch_size = 4

    def __init__(self, seconds: float = 0.001) -> None:
        self.seconds = seconds
        self.sizes: list[int] = []
        self.callers: set[int] = set()

    def logits(self, pictures: np.ndarray) -> np.ndarray:
        self.sizes.append(len(pictures))
        self.callers.add(threading.get_ident())
        time.sleep(self.seconds * len(pictures) / self.batch_size)
        return pictures[:, 0, 0].astype(np.float32) / 100


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), dtype=np.uint8)


def test_the_rate_is_that_of_all_threads_together(pictures: np.ndarray) -> None:
    session = Brightness(0.05)
    rate, spread = measuring.speed(session, pictures, 3)
    assert len(session.callers) == 3 and set(session.sizes) == {4}
    assert 0 < rate <= 3 * 4 / 0.05  # sleep never ends early
    assert rate > 1.2 * 4 / 0.05  # more than one thread makes
    assert 0 <= spread < 1


def test_few_pictures_fill_a_batch(pictures: np.ndarray) -> None:
    session = Brightness()
    measuring.speed(session, pictures[:1], 1)
    assert set(session.sizes) == {4}


def test_a_slow_network_is_asked_for_a_warm_up_and_one_batch_a_thread(
    pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_RUN_SECONDS", 0.01)
    session = Brightness(0.1)
    measuring.speed(session, pictures, 2)
    assert len(session.sizes) == 4


def test_answers_are_calibrated_and_in_order(pictures: np.ndarray) -> None:
    session = Brightness()
    rows = np.array([10, 0, 3, 4, 5, 6, 9])
    found = measuring.answers(session, pictures, rows, 2.0, 2)
    logits = pictures[rows, 0, 0] / 200
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert found.dtype == np.float32 and sorted(session.sizes) == [3, 4]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_answers_that_are_no_numbers_are_refused(pictures: np.ndarray) -> None:
    class Broken(Brightness):
        def logits(self, pictures: np.ndarray) -> np.ndarray:
            logits = super().logits(pictures)
            logits[0, 1] = np.nan
            return logits

    with pytest.raises(ModelError, match="3 of 11 are not finite"):
        measuring.answers(Broken(), pictures, np.arange(11), 1.0, 1)
