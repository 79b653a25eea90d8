"""Near hashes: all of them, each pair once, whatever the hashes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.dataset import neighbours
from nightsort.dataset.neighbours import pairs

WORD = 2**64 - 1


def uint64(hashes: list[int]) -> np.ndarray:
    """Hashes as the search takes them."""
    return np.array(hashes, np.uint64)


def found(left: list[int], right: list[int], radius: int) -> list[tuple[int, int, int]]:
    """What the search finds, sorted."""
    blocks = pairs(uint64(left), uint64(right), radius)
    return sorted(pair for block in blocks for pair in zip(*(part.tolist() for part in block), strict=True))


def compared(left: list[int], right: list[int], radius: int) -> list[tuple[int, int, int]]:
    """What comparing all with all finds, sorted."""
    return [
        (i, j, (one ^ other).bit_count())
        for i, one in enumerate(left)
        for j, other in enumerate(right)
        if one and other and (one ^ other).bit_count() <= radius
    ]


@st.composite
def clustered(draw: st.DrawFn) -> list[int]:
    """Hashes that lie a few bits about a few centres, some of them 0 or equal."""
    centres = [0, 1, WORD, 0x123456789ABCDEF0]
    chosen = draw(st.lists(st.tuples(st.sampled_from(centres), st.sets(st.integers(0, 63), max_size=8)), max_size=12))
    return [centre ^ sum(1 << bit for bit in bits) for centre, bits in chosen]


@given(clustered(), clustered(), st.integers(-1, 12))
def test_it_finds_what_comparing_all_finds(left: list[int], right: list[int], radius: int) -> None:
    assert found(left, right, radius) == compared(left, right, radius)


@pytest.mark.parametrize("radius", range(13))
def test_pairs_are_found_wherever_their_bits_differ(radius: int) -> None:
    """At the very radius, with the bits spread over the bands in many ways, and none one bit further."""
    rng = np.random.default_rng(radius)
    left = [int(each) for each in rng.integers(1, WORD, 300, dtype=np.uint64)]
    flips = [sum(1 << int(bit) for bit in rng.choice(64, radius + i % 2, replace=False)) for i in range(300)]
    right = [one ^ flip for one, flip in zip(left, flips, strict=True)]
    assert found(left, right, radius) == [(i, i, radius) for i in range(0, 300, 2)]


def test_blocks_bound_what_is_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that all fall into one bucket are compared in many blocks, and none is lost between two of them."""
    monkeypatch.setattr(neighbours, "_BLOCK", 50)
    hashes = [1 + (i << 48) for i in range(40)]
    blocks = list(pairs(uint64(hashes), uint64(hashes), 2))
    assert max(len(block[0]) for block in blocks) <= 50 + len(hashes)
    assert found(hashes, hashes, 2) == compared(hashes, hashes, 2)


def test_nothing_is_near_nothing() -> None:
    assert found([], [1], 6) == found([1], [], 6) == found([0], [0], 6) == found([5], [5], -1) == []
