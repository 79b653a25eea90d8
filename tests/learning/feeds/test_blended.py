"""Blends of pictures as extra rows of a feed: between their parents, at any place of any batch."""

from collections.abc import Iterator

import numpy as np
import pytest

from nightsort.balance.plan import Plan, make_plan
from nightsort.learning.feeds import blended
from nightsort.learning.feeds.blended import Blended, blend
from nightsort.learning.feeds.pictures import Images, Pictures, Rows, each
from nightsort.words import Balance

LABELS = np.array([0] * 9 + [1] * 4 + [2])
IMAGES = np.random.default_rng(0).integers(0, 256, (14, 16, 16, 3), dtype=np.uint8)
PICTURES = Pictures(IMAGES, LABELS, [f"{i}" for i in range(14)])


class Streamed:
    """The same pictures from a feed that has none in memory, in an order of its own."""

    labels, ids, side = PICTURES.labels, PICTURES.ids, PICTURES.side

    def __len__(self) -> int:
        return len(PICTURES)

    def batches(self, rows: Rows, batch_size: int, seed: int, skip: int = 0) -> Iterator[tuple[Rows, Images]]:
        """Shuffled by the seed."""
        yield from PICTURES.batches(np.random.default_rng(seed).permutation(rows), batch_size, seed, skip)

    def sample(self, limit: int) -> Pictures:
        """Some in memory."""
        return PICTURES.sample(limit)


def planned(strategy: Balance = "pixel_smote") -> Plan:
    """The plan of the pictures' labels."""
    return make_plan(strategy, LABELS, ["a", "b", "c"])


@pytest.fixture(params=[PICTURES, Streamed()], ids=["memory", "streamed"])
def feed(request: pytest.FixtureRequest) -> Blended:
    """The pictures and their blends."""
    made = blend(planned(), request.param, seed=0)
    assert isinstance(made, Blended)
    return made


def test_the_rows_of_the_plan_are_the_rows_of_the_feed(feed: Blended) -> None:
    assert len(feed) == len(feed.ids) == 27
    assert np.array_equal(feed.labels, planned().extended)
    assert feed.side == 16 and feed.sample(5).labels.tolist() == PICTURES.sample(5).labels.tolist()


def test_a_blend_lies_between_its_parents_and_does_not_wrap_round(feed: Blended) -> None:
    pixels = each(feed, lambda images: images.astype(np.float32))
    assert np.array_equal(pixels[:14], IMAGES)
    for made, base, neighbour, share in zip(
        pixels[14:], feed.blends.base, feed.blends.neighbour, feed.blends.share, strict=True
    ):
        one, other = IMAGES[base].astype(float), IMAGES[neighbour].astype(float)
        assert np.abs(made - ((1 - share) * one + share * other)).max() <= 0.51
    assert len(np.unique(pixels[14:].reshape(13, -1), axis=0)) == 6, "five of b, and the one of c repeated"


def test_batches_hold_what_was_asked_for_and_can_be_skipped(feed: Blended) -> None:
    rows = planned().rows(1, 1, seed=3)
    wanted = each(feed, lambda images: images.astype(np.float32))
    batches = list(feed.batches(rows, 4, seed=5))
    assert [len(part) for part, _ in batches] == [4, 4, 4, 2]
    assert sorted(np.concatenate([part for part, _ in batches])) == sorted(rows)
    for part, images in batches:
        assert images.dtype == np.uint8 and np.array_equal(images, wanted[part])
    for skip in range(5):
        later = list(feed.batches(rows, 4, seed=5, skip=skip))
        assert [part.tolist() for part, _ in later] == [part.tolist() for part, _ in batches[skip:]]
        assert all(np.array_equal(one[1], other[1]) for one, other in zip(later, batches[skip:], strict=True))


def test_of_pictures_in_memory_the_order_is_kept() -> None:
    rows = planned().rows(1, 1, seed=3)
    feed = blend(planned(), PICTURES, seed=0)
    assert np.concatenate([part for part, _ in feed.batches(rows, 4, seed=5)]).tolist() == rows.tolist()


def test_the_seed_decides_the_blends() -> None:
    one, again, other = (each(blend(planned(), PICTURES, seed), np.float32) for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_parents_are_held_up_to_a_limit_where_there_is_no_memory_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blended, "PARENT_BYTES", 16 * 16 * 3 * 3 * 2)
    made = blend(planned(), Streamed(), seed=0)
    assert isinstance(made, Blended)
    assert len(made.parents.images) == 2 + 1, "two of each rare class, if it has them"


def test_other_strategies_take_the_feed_as_it_is() -> None:
    assert blend(planned("smote"), PICTURES, seed=0) is PICTURES
