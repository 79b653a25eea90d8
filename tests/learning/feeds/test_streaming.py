"""A streamed split: every row as often as asked for, the same for the same seed, well mixed, within its memory."""

import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError, StorageError
from nightsort.images.preprocess import Preprocessing
from nightsort.learning.feeds.loading import load_split
from nightsort.learning.feeds.pictures import Rows, each
from nightsort.learning.feeds.streaming import Stream

COUNT, SHARDS, CLASSES = 96, 8, ["crack", "dent"]  # as in the dataset
PREPROCESSING = Preprocessing(store_side=16, image_size=16)
BYTES = 900  # of an encoded picture, about: random pixels do not shrink


@pytest.fixture
def stream(dataset: Dataset) -> Callable[..., Stream]:
    """The training split, with a buffer of so many pictures."""

    def make(pictures: int = 1000) -> Stream:
        return Stream(dataset, 1, "train", CLASSES, PREPROCESSING, buffer_bytes=pictures * BYTES)

    return make


def asked(feed: Stream) -> Rows:
    """Some rows not at all, some once, some often, in no order."""
    rows = np.concatenate((np.arange(5, len(feed)), np.repeat(np.arange(10, 20), 4)))
    return np.random.default_rng(1).permutation(rows)


def sequence(feed: Stream, rows: Rows, seed: int, skip: int = 0) -> list[int]:
    return [row for part, _ in feed.batches(rows, 7, seed, skip) for row in part.tolist()]


@pytest.mark.parametrize("pictures", [0, 12, 1000])
def test_every_row_comes_as_often_as_asked_for_with_its_own_pixels(
    stream: Callable[..., Stream], dataset: Dataset, tmp_path: Path, pictures: int
) -> None:
    feed, decoded = stream(pictures), load_split(dataset, 1, "train", CLASSES, PREPROCESSING, tmp_path)
    assert len(feed) == len(decoded) == COUNT - SHARDS
    assert feed.ids == decoded.ids and feed.labels.tolist() == decoded.labels.tolist()
    rows, seen = asked(feed), []
    for part, images in feed.batches(rows, 7, seed=3):
        assert np.array_equal(images, decoded.images[part])
        seen += part.tolist()
    assert sorted(seen) == sorted(rows.tolist())


def test_the_seed_decides_the_order(stream: Callable[..., Stream]) -> None:
    feed = stream(12)
    rows = asked(feed)
    assert sequence(feed, rows, 3) == sequence(stream(12), rows, 3)
    assert sequence(feed, rows, 3) != sequence(feed, rows, 4)


@pytest.mark.parametrize("skip", [1, 5, 100])
def test_skipping_leaves_out_the_first_batches(stream: Callable[..., Stream], skip: int) -> None:
    feed = stream(12)
    rows = asked(feed)
    assert sequence(feed, rows, 3, skip) == sequence(feed, rows, 3)[7 * skip :]


def test_what_is_skipped_is_not_read(stream: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch) -> None:
    feed, read = stream(0), []
    monkeypatch.setattr(
        Stream, "_read", lambda self, number, *rest, of=Stream._read: read.append(number) or of(self, number, *rest)
    )
    sequence(feed, np.arange(len(feed)), 3, skip=len(feed) // 7)
    assert len(read) == 1


def displacement(feed: Stream, seed: int) -> float:
    """Mean distance between neighbours of one shard in the order that comes, as a share of the split."""
    order = feed.order(np.arange(len(feed)), seed)
    place = np.empty(len(feed))
    place[order] = np.arange(len(feed))
    by_shard = np.argsort(feed._group, kind="stable").reshape(SHARDS, -1)
    return float(np.abs(np.diff(place[by_shard], axis=1)).mean() / len(feed))


def test_a_larger_buffer_mixes_better_and_a_whole_one_as_well_as_a_permutation(stream: Callable[..., Stream]) -> None:
    none, some, whole = (np.mean([displacement(stream(n), seed) for seed in range(20)]) for n in (0, 22, 1000))
    assert none < 0.06  # within a shard's eighth: a third of that
    assert 2 * none < some < whole
    assert whole == pytest.approx(1 / 3, abs=0.03)  # of two uniform places


def test_shards_come_in_another_order_each_time(stream: Callable[..., Stream]) -> None:
    feed = stream(0)
    firsts = {int(feed._group[feed.order(np.arange(len(feed)), seed)[0]]) for seed in range(30)}
    assert len(firsts) > SHARDS // 2


@pytest.mark.parametrize("pictures", [0, 24])
def test_encoded_pictures_held_stay_within_the_buffer_and_one_row_group(
    stream: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch, pictures: int
) -> None:
    feed, most = stream(pictures), [0]
    read = Stream._read

    def watched(self: Stream, number: int, left: Rows, held: dict[int, bytes]) -> None:
        read(self, number, left, held)
        most.append(len(held))

    monkeypatch.setattr(Stream, "_read", watched)
    sequence(feed, np.arange(len(feed)), 3)
    group = COUNT // SHARDS - 1
    assert group <= max(most) <= pictures + group + 7  # a batch may reach into the next row group
    assert max(most) > pictures / 2


def test_it_survives_pickle(stream: Callable[..., Stream]) -> None:
    feed = stream()
    again = pickle.loads(pickle.dumps(feed))
    assert sequence(again, asked(feed), 3) == sequence(feed, asked(feed), 3)


def test_a_sample_is_spread_over_the_split(stream: Callable[..., Stream], dataset: Dataset, tmp_path: Path) -> None:
    sample = stream().sample(10)
    decoded = load_split(dataset, 1, "train", CLASSES, PREPROCESSING, tmp_path).sample(10)
    assert sample.ids == decoded.ids and len(sample) == 10
    assert np.array_equal(sample.images, decoded.images) and np.array_equal(sample.labels, decoded.labels)


def test_a_function_of_each_picture_comes_in_the_order_of_the_rows(
    stream: Callable[..., Stream], dataset: Dataset, tmp_path: Path
) -> None:
    decoded = load_split(dataset, 1, "train", CLASSES, PREPROCESSING, tmp_path)
    means = each(stream(12), lambda images: images.mean((1, 2, 3)).astype(np.float32), batch_size=7)
    assert means == pytest.approx(decoded.images.mean((1, 2, 3)))


def test_leaving_early_ends_its_threads(stream: Callable[..., Stream]) -> None:
    before = threading.active_count()
    batches = stream().batches(np.arange(20), 4, seed=0)
    next(batches)
    assert threading.active_count() > before
    batches.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_a_lost_shard_is_named_before_anything_is_learned(
    dataset: Dataset, stream: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = list(dataset.row_groups())
    monkeypatch.setattr(dataset, "row_groups", lambda: iter(groups[1:]))
    with pytest.raises(StorageError, match=r"lacks 11 pictures of the train split .*, such as [0-9a-f]{64};"):
        stream()


def test_a_class_that_nobody_knows_is_named(dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match="train split of version 1: has class dent, not among crack"):
        Stream(dataset, 1, "train", ["crack"], PREPROCESSING)
