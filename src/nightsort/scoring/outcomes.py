"""Owns the outcome of a chunk of new pictures: predictions, quarantine rows, deferred ones.

Invariant: every row of the chunk comes out once, matched by its SHA-256, never by position.
Does not commit anything and does not know the other chunks.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nightsort import quarantine
from nightsort.errors import PictureError
from nightsort.images.decode import Pixels, decode
from nightsort.schema import PREDICTIONS, QUARANTINE
from nightsort.sources.files import Access
from nightsort.sources.reader import read

if TYPE_CHECKING:
    from nightsort.scoring.engine import Answer, Engine

Row = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """What classifying a chunk needs to know, the same for all chunks of a run."""

    root: str
    model_version: int
    weights_sha256: str
    run_id: str
    batch_size: int
    max_pixels: int
    access: Access
    strict: bool
    threads: int  # torch threads of each worker process


@dataclass(frozen=True)
class Outcomes:
    """What became of a chunk."""

    predictions: pa.Table  # schema PREDICTIONS
    quarantined: pa.Table  # schema QUARANTINE
    deferred: int


@dataclass(frozen=True)
class _Prepared:
    row: Row
    pixels: Pixels
    width: int  # of the original, upright
    height: int


def classify(chunk: pa.Table, order: Order) -> Outcomes:
    """Read, decode and classify the pictures of a chunk.

    :param chunk: new rows of the schema FINGERPRINTS, each SHA-256 once
    """
    from nightsort.scoring.engine import resident  # loads torch: in the workers, not in who sends them this function

    engine = resident(order.root, order.model_version, order.weights_sha256, order.threads)
    predictions: list[Row] = []
    bad: list[Row] = []
    deferred = 0
    ready: list[_Prepared] = []
    for result in _prepare_all(chunk, engine, order):
        if isinstance(result, _Prepared):
            ready.append(result)
            if len(ready) == order.batch_size:
                predictions += _predict(engine, ready, order)
                ready = []
        elif result is None:
            deferred += 1
        else:
            bad.append(result)
    predictions += _predict(engine, ready, order)
    return Outcomes(
        pa.Table.from_pylist(predictions, schema=PREDICTIONS), pa.Table.from_pylist(bad, schema=QUARANTINE), deferred
    )


def _prepare_all(chunk: pa.Table, engine: "Engine", order: Order) -> Iterator[_Prepared | Row | None]:
    """Decode on threads, a batch ahead of the model; None is a deferred picture, a dict a quarantine row."""
    with ThreadPoolExecutor(max_workers=max(1, order.threads)) as threads:
        waiting: list[tuple[Row, bytes | PictureError]] = []
        for pair in read(chunk, order.access):
            waiting.append(pair)
            if len(waiting) == order.batch_size:
                yield from threads.map(lambda item: _prepare(item[0], item[1], engine, order), waiting)
                waiting = []
        yield from threads.map(lambda item: _prepare(item[0], item[1], engine, order), waiting)


def _prepare(row: Row, data: bytes | PictureError, engine: "Engine", order: Order) -> _Prepared | Row | None:
    if isinstance(data, PictureError):
        return _bad(row, data, order, None)
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        return None  # it changed after it was fingerprinted: somebody is still writing it
    try:
        picture = decode(data, order.max_pixels, orient=engine.preprocessing.cleaning.orient, strict=order.strict)
    except PictureError as error:
        return _bad(row, error, order, data)
    return _Prepared(row, engine.preprocessing(picture), picture.shape[1], picture.shape[0])


def _bad(row: Row, error: PictureError, order: Order, content: bytes | None) -> Row:
    return quarantine.row(row, error.reason, error.detail, flow="classify", run_id=order.run_id, content=content)


def _predict(engine: "Engine", ready: list[_Prepared], order: Order) -> list[Row]:
    answers = engine.classify({item.row["sha256"]: item.pixels for item in ready})
    by_id = {item.row["sha256"]: item for item in ready}
    return [_prediction(by_id[answer.id], answer, engine, order) for answer in answers]


def _prediction(item: _Prepared, answer: "Answer", engine: "Engine", order: Order) -> Row:
    now = datetime.now(UTC)
    return {
        **{name: item.row[name] for name in ("sha256", "path", "member")},
        "model_version": engine.card.version,
        "preprocessing": engine.card.preprocessing,
        "label": answer.label,
        "confidence": answer.confidence,
        "runner_up": answer.runner_up,
        "margin": answer.margin,
        "abstained": answer.abstained,
        "width": item.width,
        "height": item.height,
        "run_id": order.run_id,
        "classified_at": now,
        "run_date": now.date().isoformat(),
    }
