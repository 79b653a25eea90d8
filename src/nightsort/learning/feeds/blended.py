"""Owns a feed that has blends of its pictures too (SMOTE on pixels): an extra row is mixed from two of one class.

Invariant: a blend is a plan until it is asked for; its pixels are kept nowhere.
Does not know how the rows of an epoch are chosen.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from nightsort.balance.blends import Blends, plan_blends
from nightsort.balance.plan import Plan
from nightsort.learning.feeds.pictures import Feed, Images, Pictures, Rows, each

REDUCED = 8
"""Side in pixels of the pictures that are compared to find neighbours."""

PARENT_BYTES = 1_000_000_000
"""Decoded parents that are held of a feed that has no pixels in memory."""


def blend(plan: Plan, train: Feed, seed: int) -> Feed:
    """The feed that a plan's rows index: with blends for `pixel_smote`, else the one that was given."""
    if plan.strategy != "pixel_smote":
        return train
    each_class = max(1, PARENT_BYTES // (train.side**2 * 3 * len(plan.before)))
    most = len(train) if isinstance(train, Pictures) else each_class
    blends = plan_blends(each(train, _reduced), plan, most, seed)
    return Blended(train, _parents(train, np.union1d(blends.base, blends.neighbour)), blends)


@dataclass(frozen=True)
class Parents:
    """The pictures that blends are made of.

    :param images: RGB, uint8 (P, S, S, 3); may be a memory map
    :param place: of each row of the feed in them, int64 (N,); anything where it is no parent
    """

    images: Images
    place: Rows

    def mixed(self, blends: Blends, which: Rows) -> Images:
        """Blends, uint8 (B, S, S, 3), rounded; as float32 meanwhile, because mixing bytes wraps round."""
        base, neighbour = (
            self.images[self.place[rows[which]]].astype(np.float32) for rows in (blends.base, blends.neighbour)
        )
        share = blends.share[which][:, None, None, None]
        return np.rint(base + share * (neighbour - base)).astype(np.uint8)


@dataclass(frozen=True)
class Blended:
    """N pictures, then M blends of them; see :class:`nightsort.learning.feeds.pictures.Feed`."""

    feed: Feed
    parents: Parents
    blends: Blends

    @property
    def labels(self) -> Rows:
        """See :class:`nightsort.learning.feeds.pictures.Feed`."""
        return np.concatenate([self.feed.labels, self.feed.labels[self.blends.base]])

    @property
    def ids(self) -> list[str]:
        """Of a blend, that of its base."""
        return [*self.feed.ids, *(self.feed.ids[row] for row in self.blends.base)]

    @property
    def side(self) -> int:
        """Height and width in pixels."""
        return self.feed.side

    def __len__(self) -> int:
        return len(self.feed) + len(self.blends.base)

    def batches(self, rows: Rows, batch_size: int, seed: int, skip: int = 0) -> Iterator[tuple[Rows, Images]]:
        """See :class:`nightsort.learning.feeds.pictures.Feed`.

        Blends come at the places they were asked for at, pictures at the others, in the order of the feed.
        """
        blend = rows >= len(self.feed)
        begun = int((~blend[: skip * batch_size]).sum())
        pictures = _some(self.feed, rows[~blend], batch_size, seed, begun)
        for start in range(skip * batch_size, len(rows), batch_size):
            part, mixed = rows[start : start + batch_size].copy(), blend[start : start + batch_size]
            images = np.empty((len(part), self.side, self.side, 3), np.uint8)
            images[mixed] = self.parents.mixed(self.blends, part[mixed] - len(self.feed))
            for place in np.flatnonzero(~mixed):
                part[place], images[place] = next(pictures)
            yield part, images

    def sample(self, limit: int) -> Pictures:
        """Of the pictures alone; see :class:`nightsort.learning.feeds.pictures.Feed`."""
        return self.feed.sample(limit)


def _some(feed: Feed, rows: Rows, batch_size: int, seed: int, skip: int) -> Iterator[tuple[np.int64, Images]]:
    """Pictures one by one with their rows; the first `skip` are left out."""
    whole, rest = divmod(skip, batch_size)
    for place, (part, images) in enumerate(feed.batches(rows, batch_size, seed, whole)):
        first = 0 if place else rest
        yield from zip(part[first:], images[first:], strict=True)


def _parents(train: Feed, rows: Rows) -> Parents:
    """All that a feed in memory has; of another, copies of these rows."""
    place = np.arange(len(train))
    if isinstance(train, Pictures):
        return Parents(train.images, place)
    place[rows] = np.arange(len(rows))
    images = np.empty((len(rows), train.side, train.side, 3), np.uint8)
    for part, pixels in train.batches(rows, 256, seed=0):
        images[place[part]] = pixels
    return Parents(images, place)


def _reduced(images: Images) -> NDArray[np.float32]:
    """Means of the cells of a grid, float32 (B, 3 REDUCED^2), of uint8 (B, S, S, 3)."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    cells: NDArray[np.float32] = F.adaptive_avg_pool2d(pixels, REDUCED).flatten(1).numpy()
    return cells
