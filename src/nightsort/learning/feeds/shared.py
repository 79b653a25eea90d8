"""Owns the splits that several processes learn from side by side: files that each of them maps into memory.

Invariant: pictures are on disk once, whatever the number of processes; none is sent from one to another.
Does not know what is learned.

    <folder>/<split>.npy          pixels, where `loading` put them
    <folder>/<split>.labels.npy   class ids
    <folder>/<split>.ids.npy      hex SHA-256
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nightsort.learning.feeds.pictures import Feed, Pictures
from nightsort.learning.feeds.streaming import Stream
from nightsort.storage import Storage


@dataclass(frozen=True)
class Shared:
    """Where another process finds what it learns from.

    :param storage: for checkpoints and the champion's weights
    :param folder: of the decoded splits
    :param stream: the training split, if it is not decoded
    """

    storage: Storage
    folder: Path
    classes: list[str]
    stream: Stream | None = None

    @property
    def train(self) -> Feed:
        """The training split."""
        return self.stream or self.split("train")

    def split(self, name: str) -> Pictures:
        """A split that was decoded, its pixels mapped into memory."""
        labels = np.load(self.folder / f"{name}.labels.npy")
        ids = np.load(self.folder / f"{name}.ids.npy")
        if not len(labels):
            return Pictures(np.empty((0, 1, 1, 3), np.uint8), labels, [])
        # Of the other modes, "c" would count against the memory of a worker, and torch warns of "r".
        images = np.load(self.folder / f"{name}.npy", mmap_mode="r+")[: len(labels)]
        return Pictures(images, labels, [sha256.decode() for sha256 in ids])


def share(
    storage: Storage, folder: Path, classes: list[str], train: Feed, validation: Pictures, test: Pictures
) -> Shared:
    """Put labels and ids of the decoded splits beside their pixels, which `load_split` wrote below `folder`."""
    stream = train if isinstance(train, Stream) else None
    for split, feed in (("train", train), ("validation", validation), ("test", test)):
        if feed is not stream:
            np.save(folder / f"{split}.labels.npy", feed.labels)
            np.save(folder / f"{split}.ids.npy", np.array(feed.ids, "S64"))
    return Shared(storage, folder, classes, stream)
