"""SMOTE on embeddings: between the right parents, in float32, with fallbacks for tiny classes."""

import numpy as np
import pytest

from nightsort.balance.synthesis import synthesis_notes, synthesise

COUNTS = {0: 30, 1: 9, 2: 3, 3: 1}
TARGETS = dict.fromkeys(COUNTS, 30)


@pytest.fixture
def rows():
    """Each class in a cube of its own: class c lies in 10 c .. 10 c + 1."""
    rng = np.random.default_rng(0)
    labels = np.repeat(list(COUNTS), list(COUNTS.values())).astype(np.int64)
    return (rng.random((len(labels), 4)) + 10 * labels[:, None]).astype(np.float32), labels


def test_every_class_reaches_its_target_and_the_given_rows_come_first(rows):
    grown, labels = synthesise(*rows, TARGETS, seed=0)
    assert np.bincount(labels).tolist() == [30, 30, 30, 30]
    assert np.array_equal(grown[: len(rows[0])], rows[0])
    assert np.array_equal(labels[: len(rows[1])], rows[1])


def test_a_synthetic_row_lies_within_its_own_class(rows):
    grown, labels = synthesise(*rows, TARGETS, seed=0)
    for c in COUNTS:
        given = rows[0][rows[1] == c]
        made = grown[len(rows[0]) :][labels[len(rows[0]) :] == c]
        assert (made >= given.min(0) - 1e-4).all()
        assert (made <= given.max(0) + 1e-4).all()


def test_rows_are_made_not_repeated_unless_the_class_has_one(rows):
    grown, labels = synthesise(*rows, TARGETS, seed=0)
    distinct = [len(np.unique(grown[labels == c], axis=0)) for c in COUNTS]
    assert distinct == [30, 30, 30, 1]


def test_integers_do_not_wrap_round():
    rng = np.random.default_rng(1)
    labels = np.array([0] * 40 + [1] * 8, dtype=np.int64)
    pixels = rng.integers(200, 256, (48, 12)).astype(np.uint8)
    grown, grown_labels = synthesise(pixels, labels, {0: 40, 1: 40}, seed=0)
    assert grown.dtype == np.float32
    assert grown[grown_labels == 1].min() >= 200


def test_the_seed_decides(rows):
    first, again, other = (synthesise(*rows, TARGETS, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_even_classes_gain_nothing():
    x, y = np.random.default_rng(0).random((12, 3), dtype=np.float32), np.repeat([0, 1], 6)
    grown, _ = synthesise(x, y, {0: 6, 1: 6}, seed=0)
    assert np.array_equal(grown, x)


def test_notes_name_the_classes_that_fell_back():
    notes = synthesis_notes(np.array(list(COUNTS.values())), ["a", "b", "c", "d"])
    assert len(notes) == 2
    assert "one training picture of d;" in notes[0]
    assert notes[1].startswith("SMOTE: c with 5")
