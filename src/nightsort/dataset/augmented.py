"""Owns offline augmentation of the dataset: which copies rare classes get, and the rows and pixels of each.

Invariant: parents are original pictures of the training split, and so are their copies, in the parent's
group; a copy depends on its parent, its number, the seed and the operations, and on nothing else.
Does not know how a picture is changed.
"""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort import clock
from nightsort.datafiles import DataFile, write_file
from nightsort.dataset.policy import Policy
from nightsort.dataset.versions import Dataset
from nightsort.errors import PictureError, StorageError
from nightsort.images.appearance import appearance
from nightsort.images.augment import apply
from nightsort.images.decode import Decoded
from nightsort.images.preprocess import decode_stored, encode_for_store
from nightsort.schema import EXAMPLES, IMAGES
from nightsort.words import Operation

_INHERITED = ("label", "group", "weight", "path", "member")

COLUMNS = ("sha256", "split", "parent", "operations", *_INHERITED)
"""Columns of the schema EXAMPLES that a plan is made from."""

PLAN = pa.schema([("parent", pa.string()), ("copy", pa.int64()), *map(EXAMPLES.field, _INHERITED)])
"""A copy to be made: its parent, its number among the parent's copies of this seed, and what it inherits."""

COPIES = 256
"""Copies in a chunk."""


@dataclass(frozen=True)
class Order:
    """What making copies needs to know, the same for all chunks of a run."""

    images: str  # path or URI of the folder of the images table
    policy: Policy
    operations: tuple[Operation, ...]
    seed: int
    run_id: str


@dataclass(frozen=True)
class Copies:
    """What became of a chunk of the plan."""

    file: DataFile  # of IMAGES
    examples: pa.Table  # schema EXAMPLES


def plan(examples: pa.Table, below: int, seed: int) -> pa.Table:
    """The copies that fill every class of fewer than `below` training pictures up to it.

    Copies that are there count. Parents with the fewest copies come first, then those of the lower SHA-256, so a
    plan for less is the beginning of the plan for more.

    :param examples: COLUMNS of a version
    :returns: table of PLAN, ordered by parent, so that each is decoded once
    """
    train = examples.filter(pc.equal(examples["split"], "train"))
    counts = train.group_by("label").aggregate([([], "count_all")])
    rare = counts.filter(pc.less(counts["count_all"], below))
    rows: list[dict[str, Any]] = []
    for label, count in zip(rare["label"].to_pylist(), rare["count_all"].to_pylist(), strict=True):
        rows += _plan_class(train.filter(pc.equal(train["label"], label)).to_pylist(), below - count, seed)
    return pa.Table.from_pylist(rows, schema=PLAN).sort_by([("parent", "ascending"), ("copy", "ascending")])


def _plan_class(members: list[dict[str, Any]], missing: int, seed: int) -> Iterator[dict[str, Any]]:
    """Copies for one class."""
    parents = {row["sha256"]: row for row in members if row["parent"] is None}
    copies = Counter(row["parent"] for row in members if row["parent"] is not None)
    following: Counter[str] = Counter()  # parent -> the first number that this seed has not used
    for row in members:
        made = json.loads(row["operations"]) if row["parent"] is not None else {}
        if made.get("seed") == seed:
            following[row["parent"]] = max(following[row["parent"]], made["copy"] + 1)
    queue = [(copies[sha256], sha256) for sha256 in parents]
    heapq.heapify(queue)
    for _ in range(missing if queue else 0):
        count, sha256 = queue[0]
        heapq.heapreplace(queue, (count + 1, sha256))
        inherited = {name: parents[sha256][name] for name in _INHERITED}
        yield {"parent": sha256, "copy": following[sha256], **inherited}
        following[sha256] += 1


def chunks(dataset: Dataset, copies: pa.Table) -> Iterator[pa.Table]:
    """A plan in chunks of at most COPIES rows, each with its parent's pixels in the column `image`.

    They are read here, once, so that workers need not each look through the whole dataset for their own.

    :raises StorageError: a parent's pixels are missing
    """
    parents = np.asarray(copies["parent"], dtype="S64")
    missing = copies.num_rows
    for batch in dataset.pictures(pc.unique(copies["parent"])):
        names = np.asarray(batch["sha256"], dtype="S64")
        starts, stops = (np.searchsorted(parents, names, side=side) for side in ("left", "right"))
        rows = np.concatenate([np.arange(start, stop) for start, stop in zip(starts, stops, strict=True)])
        source = np.repeat(np.arange(len(names)), stops - starts)
        missing -= len(rows)
        for start in range(0, len(rows), COPIES):
            part = slice(start, start + COPIES)
            yield copies.take(rows[part]).append_column("image", batch["image"].take(pa.array(source[part])))
    if missing:
        raise StorageError(f"{dataset.folder}: lacks the pixels of {missing} pictures; restore them")


def make(chunk: pa.Table, order: Order) -> Copies:
    """Make copies and write their pixels, which no version names yet.

    :param chunk: rows of PLAN with the column `image`
    :raises StorageError: the pixels of a parent are damaged
    """
    images: list[bytes] = []
    rows: list[dict[str, Any]] = []
    for planned in chunk.to_pylist():
        image, row = _copy(planned, order)
        images.append(image)
        rows.append(row)
    table = pa.table([[row["sha256"] for row in rows], images], schema=IMAGES)
    return Copies(write_file(order.images, table, order.run_id), pa.Table.from_pylist(rows, schema=EXAMPLES))


def _copy(row: dict[str, Any], order: Order) -> tuple[bytes, dict[str, Any]]:
    """The bytes of one copy, and its row."""
    try:
        parent = decode_stored(row["image"], order.policy.cleaning)
    except PictureError as error:
        raise StorageError(
            f"dataset: the stored pixels of {row['parent']} are damaged ({error}); restore them"
        ) from None
    rng = np.random.default_rng([order.seed, int(row["parent"], 16), row["copy"]])
    picture, steps = apply(parent, order.operations, rng)
    image = encode_for_store(row["image"], picture, order.policy.store_side, changed=True)
    return image, {
        **{name: row[name] for name in ("parent", *_INHERITED)},
        "sha256": hashlib.sha256(image).hexdigest(),
        "split": "train",
        "operations": json.dumps({"seed": order.seed, "copy": row["copy"], "steps": steps}),
        **appearance(Decoded.whole(picture)),
        "flags": [],
        "run_id": order.run_id,
        "ingested_at": clock.now(),
    }


def distinct(examples: pa.Table, present: pa.ChunkedArray) -> pa.Table:
    """The rows that are no picture of the dataset and no repetition: from a picture of one colour, copies may be equal.

    :param examples: of the copies; their column sha256 counts
    :param present: sha256 of every picture of the dataset
    """
    _, first = np.unique(np.asarray(examples["sha256"], dtype="S64"), return_index=True)
    rows = examples.take(pa.array(np.sort(first)))
    return rows.filter(pc.invert(pc.is_in(rows["sha256"], value_set=present.combine_chunks())))
