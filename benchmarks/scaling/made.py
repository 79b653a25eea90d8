"""Owns what is made up of a night at scale: its pictures, the champion, what a worker would say.

Invariant: all of it follows from the number of a picture, so that two nights agree on what a picture is.
Does not know time.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from nightsort import clock
from nightsort.learning.architecture import Network
from nightsort.learning.card import Card
from nightsort.quarantine import row as set_aside
from nightsort.schema import COPIES, LISTING, PREDICTIONS, QUARANTINE
from nightsort.scoring.outcomes import REPEATED, Order, Outcomes

CLASSES = ["crack", "dent", "scratch", "sound", "stain"]

_PREPROCESSING = "a1b2c3d4"
_ROWS = 10_000  # of a batch, as a real listing has them
_TWIN = 100  # every so many pictures, one has the bytes of another
_BAD = 1000  # every so many pictures, one cannot be decoded
_FOLDER = 10_000  # pictures of one


def card() -> Card:
    """The card of a champion that is never loaded."""
    return Card(
        version=1, created=datetime(2026, 1, 1, tzinfo=UTC), run_id="r", model="made up",
        architecture=Network(name="small_resnet"), classes=CLASSES, store_side=256, image_size=224,
        preprocessing=_PREPROCESSING, temperature=1.0, abstain_below=0.1, dataset_version=1, dataset_fingerprint="f",
        training_share=dict.fromkeys(CLASSES, 0.2), balance="none", macro_f1=0.9, accuracy=0.9,
    )  # fmt: skip


def listing(pictures: int, first: int = 0) -> Iterator[pa.RecordBatch]:
    """Batches of the schema LISTING, in the order of a walk, of the pictures from `first` to before `pictures`."""
    for start in range(first, pictures, _ROWS):
        numbers = np.arange(start, min(pictures, start + _ROWS))
        paths = [f"/srv/intake/camera-{n // _FOLDER:06}/2026/11/IMG_{n:010}.jpg" for n in numbers.tolist()]
        columns = {
            "path": pa.array(paths),
            "member": pa.array([""] * len(numbers)),
            "size": pa.array(40_000 + numbers % 9_973),
            "stamp": pa.array((1_767_225_600_000_000_000 + numbers).astype(str)),
        }
        arrays = [columns.get(field.name, pa.nulls(len(numbers), field.type)) for field in LISTING]
        yield pa.RecordBatch.from_arrays(arrays, schema=LISTING)


def outcomes(chunk: pa.Table, order: Order) -> Outcomes:
    """What a worker would say of a chunk: predictions, and here and there a twin or a damaged picture."""
    numbers = np.array([int(path[-14:-4]) for path in chunk["path"].to_pylist()])
    contents = numbers - (numbers % _TWIN == 1)
    sha256s = pa.array([hashlib.sha256(b"%d" % number).hexdigest() for number in contents.tolist()])
    bad = numbers % _BAD == 500
    first = np.zeros(len(numbers), bool)
    first[np.unique(contents, return_index=True)[1]] = True
    chunk = chunk.append_column("sha256", sha256s)
    again, good = pa.array(~first & ~bad), pa.array(first & ~bad)
    return Outcomes(
        predictions=_predictions(chunk.filter(good), order),
        repeated=_repeated(chunk.filter(again)),
        quarantined=_quarantined(chunk.filter(pa.array(bad)), order),
        deferred=0,
        seconds={},
    )


def _predictions(rows: pa.Table, order: Order) -> pa.Table:
    n, rng = rows.num_rows, np.random.default_rng(rows.num_rows)
    labels, top = pa.array(CLASSES), len(CLASSES)
    same = {
        "model_version": order.model_version, "preprocessing": _PREPROCESSING, "abstained": False, "width": 1920,
        "height": 1080, "backend": order.backend, "run_id": order.run_id, "classified_at": clock.now(),
        "run_date": order.run_date,
    }  # fmt: skip
    columns = {name: rows[name] for name in ("sha256", "path", "member", "size", "stamp")}
    columns |= {name: pa.repeat(pa.scalar(value, PREDICTIONS.field(name).type), n) for name, value in same.items()}
    columns |= {name: labels.take(pa.array(rng.integers(0, top, n))) for name in ("label", "runner_up")}
    ends = pa.array(np.arange(n + 1) * top, pa.int32())
    columns["top_labels"] = pa.ListArray.from_arrays(ends, labels.take(pa.array(rng.integers(0, top, top * n))))
    columns["top_confidences"] = pa.ListArray.from_arrays(ends, pa.array(rng.random(top * n), pa.float32()))
    columns |= {name: pa.array(rng.random(n), pa.float32()) for name in PREDICTIONS.names if name not in columns}
    return pa.table([columns[name] for name in PREDICTIONS.names], names=PREDICTIONS.names).cast(PREDICTIONS)


def _repeated(rows: pa.Table) -> pa.Table:
    rows = rows.select(COPIES.names)
    for name, text in {"outcome": "duplicate", "reason": "same_bytes", "detail": ""}.items():
        rows = rows.append_column(name, pa.array([text] * rows.num_rows, pa.string()))
    return rows.cast(REPEATED)


def _quarantined(rows: pa.Table, order: Order) -> pa.Table:
    made = [
        set_aside(row, "truncated", "made up", flow="classify", run_id=order.run_id, content=b"")
        for row in rows.to_pylist()
    ]
    return pa.Table.from_pylist(made, schema=QUARANTINE)
