"""The validation pictures that backends are compared on: the same from memory and from the dataset."""

import numpy as np
import pytest

from nightsort.learning.feeds.pictures import Pictures
from nightsort.scoring.trials import sample


def pictures(counts: list[int]) -> Pictures:
    """So many pictures of each class; the first pixel of each is its number."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), 4, 4, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(labels)) % 256
    return Pictures(images, labels, [f"{i:064x}" for i in range(len(labels))])


def test_a_small_split_is_compared_whole() -> None:
    whole = sample.of_pictures(pictures([3, 0, 5]))
    assert len(whole) == whole.of == 8 and whole.weights.tolist() == [1.0] * 8


def test_a_smaller_sample_still_stands_for_the_whole_split() -> None:
    drawn = sample.of_pictures(pictures([100, 4, 40]), limit=60)
    smaller = drawn.at_most(12)
    for part in (drawn, smaller):
        assert [part.weights[part.labels == label].sum() for label in range(3)] == pytest.approx([100, 4, 40])
        assert part.of == 144
    assert len(smaller) == 12 and set(smaller.rows) <= set(drawn.rows)
    assert drawn.at_most(500).rows.tolist() == drawn.rows.tolist()
