"""Owns the pictures of a rehearsal: handwritten digits on paper as two cameras see them, and what a dead one sees.

Invariant: the same pictures for the same seed, no two of the same bytes, and no original in two of the pools.
Does not know when a picture is delivered, or to whom.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 64  # pixels; the digits come as 8 x 8
_PAPER = np.array([214.0, 228.0, 234.0])  # blue, green, red of what is written on
_INK = np.array([96.0, 52.0, 40.0])
_SHARES = (0.65, 0.8)  # labelled up to here, early up to there, late the rest
POOLS = ("labelled", "early", "late")


@dataclass(frozen=True)
class Picture:
    """A picture as bytes, and what is on it; None where nothing is."""

    name: str
    data: bytes
    truth: str | None


class Digits:
    """The 1,797 digits that scikit-learn ships (Alpaydin & Kaynak 1998), dealt out to pools that share no original."""

    @cached_property
    def _digits(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        return digits.images, digits.target

    def originals(self, pool: str, digit: int) -> npt.NDArray[np.int64]:
        """Rows of the originals of a digit in one of the POOLS."""
        # They come in the order of their writers; shuffled, every writer is in every pool.
        rows = np.random.default_rng(digit).permutation(np.flatnonzero(self._digits[1] == digit))
        parts = np.split(rows, [round(share * len(rows)) for share in _SHARES])
        return dict(zip(POOLS, parts, strict=True))[pool]

    def draw(self, pool: str, digit: int, count: int, rng: np.random.Generator) -> list[Picture]:
        """So many pictures of a digit, each written a little differently; an original is repeated last of all."""
        rows = self.originals(pool, digit)
        repeats = -(-count // len(rows))
        chosen = np.concatenate([rows[:0], *(rng.permutation(rows) for _ in range(repeats))])[:count]
        return [
            Picture(f"{row:04d}-{rng.integers(16**6):06x}.png", self._varied(int(row), rng), str(digit))
            for row in chosen
        ]

    def _varied(self, row: int, rng: np.random.Generator) -> bytes:
        """Rotated, shifted, scaled, with a thicker or thinner pen and the noise of a camera."""
        ink = cv2.resize(self._digits[0][row] / 16, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        move = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), rng.uniform(-10, 10), rng.uniform(0.72, 0.88))
        move = move + np.pad(rng.uniform(-4, 4, (2, 1)), ((0, 0), (2, 0)))
        ink = cv2.warpAffine(ink, move, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        ink = np.clip(ink, 0, 1)[..., None] ** rng.uniform(0.7, 1.4)
        light = rng.uniform(0.9, 1.05)
        return _png((_PAPER + (_INK - _PAPER) * ink) * light + rng.normal(0, 4, (SIDE, SIDE, 1)))


def dark(count: int, rng: np.random.Generator) -> list[Picture]:
    """What a camera sees whose shutter is stuck: next to nothing, and its own noise."""
    return [
        Picture(f"dark-{rng.integers(16**6):06x}.png", _png(np.abs(rng.normal(0, 5, (SIDE, SIDE, 1)))), None)
        for _ in range(count)
    ]


def _png(image: npt.NDArray[np.float64]) -> bytes:
    whole = np.broadcast_to(np.clip(image, 0, 255), (SIDE, SIDE, 3)).astype(np.uint8)
    return bytes(cv2.imencode(".png", whole)[1])
