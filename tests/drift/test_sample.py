"""The sample of a run: the same whatever the order and the chunks, as likely to hold one picture as another."""

import hashlib

import numpy as np
import pyarrow as pa

from nightsort.drift.sample import Sample
from nightsort.schema import PREDICTIONS


def predictions(count: int) -> pa.Table:
    """Predictions of which the second half says `late`."""
    rows = [
        {"sha256": hashlib.sha256(str(n).encode()).hexdigest(), "label": "late" if n >= count // 2 else "early"}
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def test_neither_order_nor_chunks_matter() -> None:
    rows = predictions(500)
    whole, parts = Sample(50), Sample(50)
    whole.add(rows)
    shuffled = rows.take(np.random.default_rng(0).permutation(500))
    for start in range(0, 500, 7):
        parts.add(shuffled.slice(start, 7))
    assert parts.rows.equals(whole.rows)
    assert whole.rows.num_rows == 50 and whole.rows.schema == PREDICTIONS


def test_late_pictures_are_in_it_as_often_as_early_ones() -> None:
    sample = Sample(400)
    sample.add(predictions(4000))
    late = sample.rows["label"].to_pylist().count("late")
    assert 160 <= late <= 240  # 200 expected, standard deviation 9.5
    smaller = Sample(100)
    smaller.add(predictions(4000))
    assert smaller.rows.equals(sample.rows.slice(0, 100))


def test_a_small_run_is_its_own_sample() -> None:
    sample = Sample()
    assert sample.rows.num_rows == 0
    sample.add(predictions(3))
    assert sorted(sample.rows["label"].to_pylist()) == ["early", "late", "late"]
