"""Owns the outcome of a chunk of new pictures: predicted, repeated, quarantined or deferred.

Invariant: every row of the chunk comes out once; an answer finds its row by the SHA-256 that travelled with the
pixels, never by position. Each picture is read once.
Does not commit anything and does not know the other chunks.
"""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from nightsort import clock
from nightsort.images.decode import Pixels
from nightsort.images.preprocess import decode_original
from nightsort.images.quality import measure
from nightsort.schema import COPIES, LISTING, PREDICTIONS, QUARANTINE
from nightsort.sources.contents import is_in
from nightsort.sources.files import Access
from nightsort.words import Backend
from nightsort.work import Row, Work

if TYPE_CHECKING:
    from nightsort.scoring.engine import Answer, Engine

REPEATED = pa.schema([*COPIES, *(LISTING.field(name) for name in ("outcome", "reason", "detail"))])
"""A picture that was not classified: its bytes are known, or came before in the same run."""


@dataclass(frozen=True)
class Order:
    """What classifying a chunk needs to know, the same for all chunks of a run.

    :param known: file of :mod:`nightsort.sources.contents`: the pictures that have an outcome
    :param threads: how many threads of the process classify a chunk each, at the same time
    """

    root: str
    model_version: int
    weights_sha256: str
    backend: Backend
    batch_size: int | None
    threads: int
    run_id: str
    run_date: str
    max_pixels: int
    access: Access
    strict: bool
    known: str


@dataclass(frozen=True)
class Outcomes:
    """What became of a chunk."""

    predictions: pa.Table  # schema PREDICTIONS
    repeated: pa.Table  # schema REPEATED
    quarantined: pa.Table  # schema QUARANTINE
    deferred: int
    seconds: dict[str, float]  # stage -> seconds of this thread


def classify(chunk: pa.Table, order: Order) -> Outcomes:
    """Read, decode and classify the pictures of a chunk, in one pass over their bytes.

    :param chunk: undecided rows of the schema FINGERPRINTS
    """
    from nightsort.scoring.engine import resident  # loads the model's library: not in who sends this function

    start = time.perf_counter()
    engine = resident(
        order.root, order.model_version, order.weights_sha256, order.backend, order.batch_size, order.threads
    )
    work = _Work(order, engine, since=start)
    work.lap("load")
    work.take_all(chunk, order.access)
    return work.finished()


class _Work(Work):
    """A chunk being classified."""

    def __init__(self, order: Order, engine: "Engine", since: float) -> None:
        super().__init__("classify", order.run_id, since)
        self.order = order
        self.engine = engine
        self.rows: dict[str, Row] = {}  # of the pictures that wait for the model, by SHA-256
        self.waiting: dict[str, Pixels] = {}
        self.predicted: list[Row] = []

    def settle(self, row: Row, data: bytes) -> None:
        """Bring one picture to its outcome, or to the batch that goes to the model next."""
        self._prepare(row, data)
        if len(self.waiting) >= self.engine.batch_size:
            self._predict()

    def _prepare(self, row: Row, data: bytes) -> None:
        row["sha256"] = sha256 = hashlib.sha256(data).hexdigest()
        is_known = sha256 in self.seen or is_in(self.order.known, sha256)
        self.lap("fingerprint")
        if is_known:
            self.repeated.append(row | _repeated(same_place=row["last_sha256"] == sha256))
            return
        self.seen.add(sha256)
        preprocessing = self.engine.preprocessing
        max_pixels, strict = self.order.max_pixels, self.order.strict
        decoded = decode_original(data, max_pixels, preprocessing.store_side, preprocessing.cleaning, strict=strict)
        self.lap("decode")
        row |= measure(decoded)
        self.lap("measure")
        self.waiting[sha256] = preprocessing(decoded.pixels)
        self.rows[sha256] = row
        self.lap("prepare")

    def _predict(self) -> None:
        answers = self.engine.classify(self.waiting)
        now = clock.now()
        self.predicted += [self._prediction(answer, now) for answer in answers]
        self.waiting, self.rows = {}, {}
        self.lap("model")

    def _prediction(self, answer: "Answer", now: datetime) -> Row:
        card = self.engine.card
        return {
            **self.rows[answer.id],
            "model_version": card.version,
            "preprocessing": card.preprocessing,
            "label": answer.label,
            "confidence": answer.confidence,
            "runner_up": answer.runner_up,
            "margin": answer.margin,
            "top_labels": [label for label, _ in answer.top],
            "top_confidences": [confidence for _, confidence in answer.top],
            "abstained": answer.abstained,
            "backend": self.order.backend,
            "run_id": self.order.run_id,
            "classified_at": now,
            "run_date": self.order.run_date,
        }

    def finished(self) -> Outcomes:
        """What the chunk came to."""
        if self.waiting:
            self._predict()
        return Outcomes(
            predictions=pa.Table.from_pylist(self.predicted, schema=PREDICTIONS),
            repeated=pa.Table.from_pylist(self.repeated, schema=REPEATED),
            quarantined=pa.Table.from_pylist(self.bad, schema=QUARANTINE),
            deferred=self.deferred,
            seconds=self.seconds,
        )


def _repeated(same_place: bool) -> Row:
    outcome, reason = ("skipped", "known") if same_place else ("duplicate", "same_bytes")
    return {"outcome": outcome, "reason": reason, "detail": ""}
