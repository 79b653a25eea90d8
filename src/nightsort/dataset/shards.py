"""Owns building one shard: a chunk of new labelled pictures becomes one Parquet file.

Invariant: every row of the chunk comes out as stored, quarantined or deferred; the file is not part
of the dataset until a version that names it is committed.
Does not know the other shards.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nightsort import quarantine
from nightsort.dataset.policy import Policy
from nightsort.errors import PictureError
from nightsort.images.decode import decode
from nightsort.images.preprocess import encode_for_store
from nightsort.schema import IMAGES, QUARANTINE
from nightsort.sources.reader import read
from nightsort.storage import Storage
from nightsort.tables import DataFile

_GROUP_BYTES = 32_000_000  # a row group is read whole, so it is sized by bytes and not by rows


@dataclass(frozen=True)
class Order:
    """What building a shard needs to know, the same for all shards of a run."""

    folder: str  # path or URI of the images table
    policy: Policy
    run_id: str
    max_pixels: int
    max_bytes: int


@dataclass
class Shard:
    """What became of a chunk."""

    file: DataFile | None  # None if no picture of the chunk was stored
    stored: int
    quarantined: pa.Table  # schema QUARANTINE
    deferred: int


def build(chunk: pa.Table, order: Order) -> Shard:
    """Read, check, reduce and write the pictures of a chunk.

    :param chunk: new rows of the schema FINGERPRINTS
    """
    stored: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    deferred = 0
    for row, data in read(chunk, order.max_bytes):
        if isinstance(data, bytes) and hashlib.sha256(data).hexdigest() != row["sha256"]:
            deferred += 1  # it changed after it was fingerprinted: somebody is still writing it
            continue
        try:
            stored.append(_stored(row, data, order))
        except PictureError as error:
            content = data if isinstance(data, bytes) else None
            bad.append(
                quarantine.row(row, error.reason, error.detail, flow="ingest", run_id=order.run_id, content=content)
            )
    file = _write(stored, order) if stored else None
    return Shard(file, len(stored), pa.Table.from_pylist(bad, schema=QUARANTINE), deferred)


def _stored(row: dict[str, Any], data: bytes | PictureError, order: Order) -> dict[str, Any]:
    if isinstance(data, PictureError):
        raise data
    if row["label"] is None:
        raise PictureError("no_label", "lies in no class folder")
    picture = decode(data, order.max_pixels)
    name = f"{row['path']}/{row['member']}" if row["member"] else row["path"]
    group = order.policy.group_of(name, row["sha256"])
    return {
        **{name: row[name] for name in ("sha256", "path", "member", "label")},
        "image": encode_for_store(data, picture, order.policy.store_side),
        "group": group,
        "split": order.policy.split_of(group),
        "width": picture.shape[1],
        "height": picture.shape[0],
        "run_id": order.run_id,
        "ingested_at": datetime.now(UTC),
    }


def _write(images: list[dict[str, Any]], order: Order) -> DataFile:
    """A retried chunk writes under a new name; what the first try left behind is never committed."""
    table = pa.Table.from_pylist(images, schema=IMAGES)
    rows_per_group = max(1, _GROUP_BYTES * table.num_rows // max(1, table.nbytes))
    name = f"{order.run_id}-{uuid.uuid4().hex[:12]}.parquet"
    encoded = pa.BufferOutputStream()
    # Pictures are compressed already; the other columns are small beside them.
    pq.write_table(table, encoded, row_group_size=rows_per_group, compression="none", write_page_checksum=True)
    data = encoded.getvalue().to_pybytes()
    Storage(order.folder).write_bytes(name, data)  # durable before the commit that will name it
    return DataFile(name, table.num_rows, len(data))
