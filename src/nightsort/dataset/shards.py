"""Owns building one shard: a chunk of labelled pictures becomes one Parquet file of pixels, and rows.

Invariant: every row of the chunk comes out once, as built, repeated, quarantined or deferred; what is
written is not part of the dataset, nor of the quarantine, until a commit names it.
Does not know the other shards, nor which of its pictures will be admitted.
"""

import hashlib
import time
from dataclasses import dataclass

import pyarrow as pa

from nightsort.datafiles import DataFile, write_file
from nightsort.dataset.policy import Policy
from nightsort.errors import PictureError
from nightsort.images.appearance import appearance
from nightsort.images.preprocess import decode_original, encode_for_store
from nightsort.rules import Rule
from nightsort.schema import EXAMPLES, IMAGES, LISTING, QUARANTINE
from nightsort.sources.contents import is_in
from nightsort.sources.files import Access
from nightsort.work import Row, Work

BUILT = EXAMPLES
"""A built picture: a row of the dataset to be, its group and split as declared, or null."""

REPEATED = pa.schema([LISTING.field(name) for name in ("path", "member", "size", "stamp", "label")]).append(
    pa.field("sha256", pa.string())
)
"""A picture that was not built: its bytes are known, or came before in the same chunk."""


@dataclass(frozen=True)
class Order:
    """What building a shard needs to know, the same for all shards of a run.

    :param images: path or URI of the folder of the images table
    :param quarantine: the same of the quarantine
    :param known: file of :mod:`nightsort.sources.contents`: what needs no building
    """

    images: str
    quarantine: str
    policy: Policy
    run_id: str
    access: Access
    max_pixels: int
    strict: bool = False
    rules: tuple[Rule, ...] = ()
    known: str = ""


@dataclass
class Shard:
    """What became of a chunk."""

    file: DataFile | None  # of IMAGES; None if no picture of the chunk was built
    built: pa.Table  # schema BUILT
    repeated: pa.Table  # schema REPEATED
    quarantine_file: DataFile | None  # of QUARANTINE, with the bytes
    quarantined: pa.Table  # the same rows without the bytes
    deferred: int
    seconds: dict[str, float]  # stage -> seconds of this worker


def build(chunk: pa.Table, order: Order) -> Shard:
    """Read, check, clean and write the pictures of a chunk, in one pass over their bytes.

    :param chunk: undecided rows of the schema LISTING
    """
    work = _Work(order)
    work.take_all(chunk, order.access)
    return work.finished()


class _Work(Work):
    """A shard being built."""

    def __init__(self, order: Order) -> None:
        super().__init__("ingest", order.run_id, time.perf_counter())
        self.order = order
        self.images: list[bytes] = []
        self.built: list[Row] = []

    def settle(self, row: Row, data: bytes) -> None:
        """Build one picture."""
        row["sha256"] = sha256 = hashlib.sha256(data).hexdigest()
        self.lap("fingerprint")
        if row["label"] is None:
            raise PictureError("no_label", "lies in no class folder, and no manifest names its class")
        if sha256 in self.seen or is_in(self.order.known, sha256):
            self.repeated.append(row)
            return
        self.seen.add(sha256)
        order, side, cleaning = self.order, self.order.policy.store_side, self.order.policy.cleaning
        decoded = decode_original(data, order.max_pixels, side, cleaning, roi=row["roi"], strict=order.strict)
        self.lap("decode")
        noted = appearance(decoded)
        flags = _judge(noted, order.rules)
        self.lap("measure and hash")
        picture = cleaning(decoded.pixels, row["roi"])
        self.lap("clean")
        changed = picture is not decoded.pixels or not decoded.is_whole
        image = encode_for_store(data, picture, side, changed)
        self.images.append(image)
        self.built.append({**row, **noted, "flags": flags, "run_id": order.run_id})
        self.lap("encode")

    def finished(self) -> Shard:
        """Write what there is to write."""
        file = self._write_images() if self.images else None
        bad = pa.Table.from_pylist(self.bad, schema=QUARANTINE)
        bad_file = write_file(self.order.quarantine, bad, self.order.run_id) if self.bad else None
        built = pa.Table.from_pylist(self.built, schema=BUILT)
        repeated = pa.Table.from_pylist(self.repeated, schema=REPEATED)
        self.lap("write")
        return Shard(file, built, repeated, bad_file, bad.drop_columns("content"), self.deferred, self.seconds)

    def _write_images(self) -> DataFile:
        names = pa.array([row["sha256"] for row in self.built], pa.string())
        table = pa.table([names, pa.array(self.images, pa.large_binary())], schema=IMAGES)
        return write_file(self.order.images, table, self.order.run_id)


def _judge(measures: dict[str, float], rules: tuple[Rule, ...]) -> list[str]:
    """The rules that flag a picture; PictureError for one that quarantines it."""
    broken = [rule for rule in rules if rule.broken(measures)]
    for rule in broken:
        if rule.action == "quarantine":
            raise PictureError("poor_quality", f"{rule.measure} is {measures[rule.measure]:.4g}; the rule is {rule}")
    return [str(rule) for rule in broken]
