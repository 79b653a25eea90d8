"""Strangeness: a share of the reference, whatever the scale; nothing where there is nothing to compare with."""

import numpy as np
import pytest

from nightsort.drift.reference import Reference
from nightsort.drift.strangeness import strangeness


def reference(points: np.ndarray) -> Reference:
    return Reference({}, np.zeros(0, np.float32), {}, points.astype(np.float32))


def test_far_away_is_strange_and_amid_the_reference_is_not() -> None:
    known = reference(np.random.default_rng(0).normal(size=(300, 2)))
    far, amid = strangeness(known, np.array([[50, 50], [0.01, 0.0]], np.float32))
    assert far == 1 and amid < 0.9


def test_what_is_drawn_like_the_reference_is_as_strange_as_it() -> None:
    points = np.random.default_rng(1).normal(size=(2000, 3))
    strange = strangeness(reference(points[:1000]), points[1000:].astype(np.float32))
    assert np.mean(strange) == pytest.approx(0.5, abs=0.05)
    assert np.mean(strange > 0.9) == pytest.approx(0.1, abs=0.04)


def test_the_scale_does_not_matter() -> None:
    points = np.random.default_rng(2).normal(size=(60, 3)).astype(np.float32)
    small, large = (
        strangeness(reference(points[:50]), points[50:]),
        strangeness(reference(64 * points[:50]), 64 * points[50:]),
    )
    assert np.array_equal(small, large)


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((1, 3)), np.zeros((5, 4))])
def test_where_nothing_can_be_compared_nothing_is_said(points: np.ndarray) -> None:
    assert np.isnan(strangeness(reference(points), np.ones((2, 3), np.float32))).all()


def test_no_picture_is_no_figure() -> None:
    known = reference(np.random.default_rng(0).normal(size=(20, 3)))
    assert strangeness(known, np.empty((0, 3), np.float32)).shape == (0,)
