"""Owns the closer look at some pictures of a run: read again, embedded, explained, put to a challenger.

Invariant: a picture counts only if its bytes are still those that were classified; memory does not grow with the
pixels. Does not know how the pictures were chosen.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.drift.look import Look
from nightsort.drift.reference import narrow
from nightsort.errors import ModelError, PictureError
from nightsort.images.decode import Pixels
from nightsort.images.preprocess import Preprocessing, decode_original
from nightsort.schema import PREDICTIONS
from nightsort.sources.files import Access
from nightsort.sources.reader import Pair, Row, read
from nightsort.storage import Storage

if TYPE_CHECKING:
    from nightsort.learning.bundle import Bundle

COLUMNS = [PREDICTIONS.field(name) for name in ("sha256", "path", "member", "size", "label")]
"""What must be known of a picture to look at it again."""

_BATCH = 32  # pictures in memory at a time


def look(
    root: str,
    version: int,
    challenger: int | None,
    sample: pa.Table,
    shown: pa.Table,
    max_pixels: int,
    access: Access,
    draw: Callable[[NDArray[np.uint8]], str],
) -> Look:
    """Look closer; it loads torch, so in a process of its own.

    :param challenger: version of a model that is asked too
    :param sample: COLUMNS of the pictures to embed
    :param shown: the same of a handful of pictures to explain, which may be among the sample
    :param draw: makes what is kept of an activation map of its pixels, RGB, uint8 (S, S, 3)
    :raises ModelError: if the model cannot be loaded
    """
    from nightsort.learning import bundle

    storage = Storage(root)
    looking = _Looking(bundle.load(storage, version), set(sample["sha256"].to_pylist()), shown, draw)
    if challenger is not None:
        try:
            looking.ask(bundle.load(storage, challenger))
        except ModelError as error:
            looking.notes.append(f"the challenger was not asked: {error}")
    also = shown.filter(pc.invert(pc.is_in(shown["sha256"], value_set=sample["sha256"].combine_chunks())))
    rows = pa.concat_tables([table.select([field.name for field in COLUMNS]) for table in (sample, also)])
    looking.take_all(read(rows, access), max_pixels)
    return looking.finished()


class _Looking:
    """A closer look in progress."""

    def __init__(
        self, champion: "Bundle", sample: set[str], shown: pa.Table, draw: Callable[[NDArray[np.uint8]], str]
    ) -> None:
        self._champion, self._preprocessing = champion, champion.card.preprocess()
        self._sample, self._shown, self._draw = sample, set(shown["sha256"].to_pylist()), draw
        self._challenger: Bundle | None = None
        self._missing: Counter[str] = Counter()
        self._sha256s: list[str] = []
        self._embeddings: list[NDArray[np.float32]] = []
        self._activations: dict[str, str] = {}
        self._labels: list[str] = []
        self._confidences: list[float] = []
        self.notes: list[str] = []

    def ask(self, challenger: "Bundle") -> None:
        """Put every picture of the sample to this model, too; ModelError if it cannot be."""
        challenger.card.preprocess()
        self._challenger = challenger

    def take_all(self, pairs: Iterator[Pair], max_pixels: int) -> None:
        """Look at all pictures, a few at a time."""
        others = [self._challenger.card.preprocess()] if self._challenger else []

        def prepare(pair: Pair) -> tuple[Row, list[Pixels] | str]:
            return pair[0], prepared(*pair, [self._preprocessing, *others], max_pixels)

        with ThreadPoolExecutor() as threads:  # OpenCV lets go of the interpreter lock while it decodes
            while few := list(islice(pairs, _BATCH)):
                found = list(threads.map(prepare, few))
                self._missing.update(why for _, why in found if isinstance(why, str))
                self._take([(row, pixels) for row, pixels in found if not isinstance(pixels, str)])

    def _take(self, pictures: list[tuple[Row, list[Pixels]]]) -> None:
        from nightsort.learning.predict import embeddings

        for row, pixels in pictures:
            if row["sha256"] in self._shown:
                self._explain(row, pixels[0])
        sample = [(row, pixels) for row, pixels in pictures if row["sha256"] in self._sample]
        if not sample:
            return
        self._sha256s += [row["sha256"] for row, _ in sample]
        images = np.stack([pixels[0] for _, pixels in sample])
        self._embeddings.append(narrow(embeddings(self._champion.network, images).numpy()))
        if self._challenger:
            self._put_to(self._challenger, np.stack([pixels[1] for _, pixels in sample]))

    def _put_to(self, challenger: "Bundle", images: NDArray[np.uint8]) -> None:
        from nightsort.learning.predict import probabilities

        answers = probabilities(challenger.network, images, challenger.card.temperature)
        self._labels += [challenger.card.classes[best] for best in answers.argmax(1)]
        self._confidences += answers.max(1).tolist()

    def _explain(self, row: Row, image: Pixels) -> None:
        from nightsort.evaluation.explanation import activation, enlarged, overlay

        seen = activation(self._champion.network, image, self._champion.card.classes.index(row["label"]))
        if seen is not None:
            self._activations[row["sha256"]] = self._draw(overlay(enlarged(image), enlarged(seen)))

    def finished(self) -> Look:
        """What there was to see."""
        return Look(
            sha256s=self._sha256s,
            embeddings=np.concatenate(self._embeddings) if self._embeddings else np.empty((0, 0), np.float32),
            activations=self._activations,
            challenger=self._challenger.card.version if self._challenger else None,
            challenger_labels=self._labels if self._challenger else None,
            challenger_confidences=self._confidences if self._challenger else None,
            notes=[*self.notes, *self._why_not(), *(f"{n} not looked at: {why}" for why, n in self._missing.items())],
        )

    def _why_not(self) -> list[str]:
        from nightsort.evaluation.explanation import why_not

        why = why_not(self._champion.network) if self._shown and not self._activations else ""
        return [f"no class activation maps: {why}"] if why else []


def prepared(row: Row, data: bytes | PictureError, ways: list[Preprocessing], max_pixels: int) -> list[Pixels] | str:
    """A picture as each of some models sees it; in words why not, if it cannot be read or is another one by now."""
    if isinstance(data, PictureError):
        return data.reason
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        return "changed since it was classified"
    try:
        return [way(decode_original(data, max_pixels, way.store_side, way.cleaning).pixels) for way in ways]
    except PictureError as error:
        return error.reason
