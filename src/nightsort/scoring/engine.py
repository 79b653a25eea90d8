"""Owns the engine: one resident model that turns prepared pictures into calibrated answers.

Invariant: one model is loaded once for each process, whichever of its threads asks first; ids travel
with the pixels, and an answer is never matched to a picture by its position in another list.
Does not know files, nor what computes the logits.
"""

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np

from nightsort.errors import ModelError
from nightsort.images.decode import Pixels
from nightsort.learning.card import Card, load_card
from nightsort.schema import TOP
from nightsort.scoring.backends.opening import open_session
from nightsort.scoring.backends.session import Session
from nightsort.scoring.calibrated import probabilities
from nightsort.storage import Storage
from nightsort.words import Backend


@dataclass(frozen=True)
class Answer:
    """What the model says of one picture."""

    id: str
    label: str
    confidence: float  # calibrated probability of the label, 0 to 1
    runner_up: str  # "" where the model knows one class only
    margin: float  # confidence minus the runner-up's
    abstained: bool
    top: tuple[tuple[str, float], ...]  # the TOP most probable classes, the label first


class Engine:
    """A model ready to answer; several threads may ask it at once.

    :raises ModelError: if the model was trained with another preprocessing, or does not fit its card
    """

    def __init__(self, card: Card, session: Session) -> None:
        self.card = card
        self.preprocessing = card.preprocess()
        self._session = session
        self._check()

    @property
    def batch_size(self) -> int:
        """Pictures that cost the least for each; it shrinks when memory runs out."""
        return self._session.batch_size

    def classify(self, pictures: dict[str, Pixels]) -> list[Answer]:
        """Classify pictures, in their order.

        :param pictures: id -> uint8 (image_size, image_size, 3), prepared by `self.preprocessing`
        """
        if not pictures:
            return []
        logits = self._session.logits(np.stack(list(pictures.values())))
        rows = probabilities(logits, self.card.temperature)
        best = np.argsort(-rows, axis=1, kind="stable")[:, :TOP]
        confidences = np.take_along_axis(rows, best, axis=1)
        said = zip(pictures, best.tolist(), confidences.tolist(), strict=True)
        return [self._answer(*one) for one in said]

    def _answer(self, id_: str, best: list[int], confidences: list[float]) -> Answer:
        """What is said of one picture, from its most probable classes."""
        top = tuple((self.card.classes[i], confidence) for i, confidence in zip(best, confidences, strict=True))
        label, confidence = top[0]
        runner_up, second = top[1] if len(top) > 1 else ("", 0.0)
        abstained = not confidence >= self.card.least(label)  # so that NaN is an abstention, too
        return Answer(id_, label, confidence, runner_up, confidence - second, abstained, top)

    def _check(self) -> None:
        """One black picture through the model, which also warms it up."""
        side, classes = self.card.image_size, len(self.card.classes)
        logits = self._session.logits(np.zeros((1, side, side, 3), np.uint8))
        if logits.shape != (1, classes):
            raise ModelError(
                f"model {self.card.version}: answers {logits.shape[1]} classes, and its card names {classes}"
            )
        if not np.isfinite(logits).all():
            raise ModelError(f"model {self.card.version}: its answer to a black picture is not a finite number")


_LOADING = Lock()


def resident(
    root: str, version: int, weights_sha256: str, backend: Backend, batch_size: int | None, threads: int
) -> Engine:
    """The engine of this process; loading another model lets the last one go.

    :param weights_sha256: of the champion that the run began with
    :param batch_size: None is what suits the backend
    :param threads: that will classify at once; on the CPU each has a core
    :raises ModelError: if the model is damaged, does not fit, is another one by now, or the backend cannot be used
    """
    with _LOADING:
        return _load(root, version, weights_sha256, backend, batch_size, threads)


@lru_cache(maxsize=1)
def _load(
    root: str, version: int, weights_sha256: str, backend: Backend, batch_size: int | None, threads: int
) -> Engine:
    storage = Storage(root)
    card = load_card(storage, version)
    if card.weights_sha256 != weights_sha256:
        raise ModelError(
            f"model {version}: {storage.locate(f'models/{version}/bundle.json')} was replaced while the run was on; "
            "start it again"
        )
    return Engine(card, open_session(storage, card, backend, batch_size, threads))
