"""A split comes as asked for: decoded where there is room, else streamed; never into a disk that it would fill."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.images.preprocess import Preprocessing
from nightsort.learning.feeds.loading import feed_for_training, load_split
from nightsort.learning.feeds.pictures import Feed, Pictures
from nightsort.learning.feeds.streaming import Stream
from nightsort.words import Loading

CLASSES, PREPROCESSING = ["crack", "dent"], Preprocessing(store_side=16, image_size=16)
DECODED = 88 * 16 * 16 * 3  # bytes of the training split


class Usage(NamedTuple):
    free: int


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with room for nine tenths of the decoded pictures."""
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(free=DECODED * 9 // 10))


def feed(dataset: Dataset, folder: Path, loading: Loading, seen: list[int] | None = None) -> Feed:
    count = [] if seen is None else seen
    return feed_for_training(dataset, 1, "train", CLASSES, PREPROCESSING, folder, loading, count.append)


@pytest.mark.parametrize(("loading", "kind"), [("auto", Pictures), ("decoded", Pictures), ("stream", Stream)])
def test_a_small_split_is_decoded_unless_it_is_to_be_streamed(
    dataset: Dataset, tmp_path: Path, loading: Loading, kind: type
) -> None:
    seen: list[int] = []
    found = feed(dataset, tmp_path, loading, seen)
    assert type(found) is kind and len(found) == 88 and found.side == 16
    assert sum(seen) == (88 if kind is Pictures else 0)
    assert (tmp_path / "train.npy").exists() == (kind is Pictures)


@pytest.mark.usefixtures("free")
def test_what_has_no_room_is_streamed(dataset: Dataset, tmp_path: Path) -> None:
    assert isinstance(feed(dataset, tmp_path, "auto"), Stream)


@pytest.mark.usefixtures("free")
def test_what_has_no_room_is_not_begun(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"88 decoded pictures of the train split, 16 x 16 px, need .* make room"):
        feed(dataset, tmp_path, "decoded")
    assert not (tmp_path / "train.npy").exists()
    validation = load_split(dataset, 1, "validation", CLASSES, PREPROCESSING, tmp_path)
    assert len(validation) == 8  # and that has room
