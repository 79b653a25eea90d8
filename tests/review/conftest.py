"""Predictions made up for the queue."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from nightsort.review.queue import Item
from nightsort.schema import PREDICTIONS

FIRST = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def sha256(number: int) -> str:
    """The identity of picture `number`."""
    return hashlib.sha256(f"picture {number}".encode()).hexdigest()


def prediction(number: int, margin: float = 0.9, label: str = "crack", version: int = 1, **more: Any) -> dict[str, Any]:
    """A prediction of picture `number`, each version a day later than the one before."""
    row = {
        "sha256": sha256(number), "model_version": version, "path": f"/in/{number}.jpg", "member": "", "size": 10,
        "label": label, "confidence": 0.5 + margin / 2, "runner_up": "dent", "margin": margin,
        "run_id": f"run-{version}", "classified_at": FIRST + timedelta(days=version, seconds=number),
    }  # fmt: skip
    return row | more


@pytest.fixture(scope="session")
def identity() -> Callable[[int], str]:
    return sha256


@pytest.fixture(scope="session")
def predicted() -> Callable[..., dict[str, Any]]:
    return prediction


@pytest.fixture(scope="session")
def batches_of() -> Callable[[list[dict[str, Any]]], Callable[[Iterable[str]], Iterator[pa.RecordBatch]]]:
    """What streams predictions, three at a time."""

    def make(rows: list[dict[str, Any]]) -> Callable[[Iterable[str]], Iterator[pa.RecordBatch]]:
        table = pa.Table.from_pylist(rows, PREDICTIONS)
        return lambda columns: iter(table.select(list(columns)).to_batches(max_chunksize=3))

    return make


@pytest.fixture(scope="session")
def item() -> Callable[..., Item]:
    """A picture of the queue."""

    def make(number: int, *reasons: Any, **more: Any) -> Item:
        return Item(prediction(number, **more), list(reasons or ("margin",)))

    return make
