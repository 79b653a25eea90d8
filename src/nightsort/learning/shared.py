"""Owns what several processes learn from side by side: splits as files that each of them maps into memory.

Invariant: pictures are on disk once, whatever the number of trainings; none is sent from process to process.
A training that was killed goes on from its checkpoint when it is asked for again.
Does not know which trainings there are.

    <folder>/<split>.npy          pixels, where `loading` put them
    <folder>/<split>.labels.npy   class ids
    <folder>/<split>.ids.npy      hex SHA-256
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nightsort.config.training import FitParams
from nightsort.learning.beginning import initial_weights
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.fit import Fitted, fit
from nightsort.learning.history import Epoch
from nightsort.learning.pictures import Feed, Pictures
from nightsort.learning.pretrained import Initial
from nightsort.learning.streaming import Stream
from nightsort.storage import Storage


@dataclass(frozen=True)
class Shared:
    """Where a training in another process finds what it needs.

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
    """Put labels and ids of the decoded splits beside their pixels, which :mod:`loading` wrote below `folder`."""
    stream = train if isinstance(train, Stream) else None
    for split, feed in (("train", train), ("validation", validation), ("test", test)):
        if feed is not stream:
            np.save(folder / f"{split}.labels.npy", feed.labels)
            np.save(folder / f"{split}.ids.npy", np.array(feed.ids, "S64"))
    return Shared(storage, folder, classes, stream)


@dataclass(frozen=True)
class Training:
    """One training among several, about to run in this process.

    :param checkpoints: to clear once what is made of the model is kept
    """

    shared: Shared
    params: FitParams
    initial: Initial | None
    checkpoints: Checkpoints

    def run(self, on_epoch: Callable[[Epoch], None] = lambda epoch: None) -> Fitted:
        """Train, from where an earlier attempt at the very same training was stopped.

        :raises NightsortError: as :func:`nightsort.learning.fit.fit`
        """
        return fit(
            self.shared.train,
            self.shared.split("validation"),
            self.shared.classes,
            self.params,
            initial=self.initial,
            checkpoints=self.checkpoints,
            on_epoch=on_epoch,
        )


def prepare(shared: Shared, params: FitParams) -> Training:
    """A training with what it starts from; :class:`ModelError` if there are no such weights."""
    initial = initial_weights(shared.storage, params)
    data = shared.train, shared.split("validation")
    key = Checkpoints.key_of(params, shared.classes, *data, initial.sha256 if initial else "")
    return Training(shared, params, initial, Checkpoints(shared.storage, key))
