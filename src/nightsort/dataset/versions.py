"""Owns the dataset: labelled pictures in numbered versions.

Invariant: an ingest is one version, made in one commit after all its shards are written; a version
reads the same for ever; a picture is in it once.
Does not know how pictures are decoded or learned from.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.dataset.policy import Policy, load, save
from nightsort.errors import DatasetError
from nightsort.quarantine import Quarantine
from nightsort.schema import IMAGES, SPLITS
from nightsort.sources.arrivals import known_from
from nightsort.storage import Storage
from nightsort.tables import DataFile, Table

MIN_PER_CLASS = 2
"""Fewer pictures of a class cannot be both learned from and tested on."""


class Dataset:
    """The dataset of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._table = Table(storage, "dataset/images", IMAGES)

    @property
    def folder(self) -> str:
        """Path or URI where shards are written."""
        return self._table.uri

    def version(self) -> int | None:
        """The newest version; None while nothing was ingested."""
        return self._table.version() or None  # Delta's version 0 is the empty table

    def resolve(self, version: int | None) -> int:
        """The named version, or the newest.

        :raises DatasetError: if there is no such version
        """
        newest = self.version()
        if newest is None:
            raise DatasetError(f"dataset in {self._storage.root}: is empty; run 'nightsort ingest FOLDER' first")
        if version is not None and not 1 <= version <= newest:
            raise DatasetError(f"dataset in {self._storage.root}: has no version {version}; there are 1 to {newest}")
        return newest if version is None else version

    def policy(self) -> Policy:
        """The policy it was begun under; :class:`DatasetError` while nothing was ingested."""
        policy = load(self._storage)
        if policy is None:
            self.resolve(None)
            raise DatasetError(f"dataset in {self._storage.root}: dataset/dataset.json is missing")
        return policy

    def known(self) -> pa.Table:
        """Every picture of the newest version, and what an ingest set aside, by the schema `arrivals.KNOWN`."""
        stored = self._table.read(["sha256", "path", "member", "label"])
        return pa.concat_tables([known_from(stored), Quarantine(self._storage).known("ingest")])

    def commit(self, files: Iterable[DataFile], policy: Policy, run_id: str) -> int:
        """Make a new version of the last one and these files; the commit is the marker, and is last."""
        save(self._storage, policy)
        return self._table.append_files(files, run_id)

    def counts(self, version: int | None = None) -> dict[str, dict[str, int]]:
        """Pictures by class and split: {label: {"train": 3, "validation": 1, "test": 0}}, sorted by label."""
        rows = self._table.read(["label", "split"], version=version)
        grouped = rows.group_by(["label", "split"]).aggregate([([], "count_all")]).to_pylist()
        counts = {label: dict.fromkeys(SPLITS, 0) for label in sorted({row["label"] for row in grouped})}
        for row in grouped:
            counts[row["label"]][row["split"]] = row["count_all"]
        return counts

    def fingerprints(self, version: int, split: str) -> list[str]:
        """SHA-256 of every picture of a split, sorted: the order in which `images` gives them."""
        return sorted(self._table.read(["sha256"], pc.field("split") == split, version)["sha256"].to_pylist())

    def images(self, version: int, split: str) -> Iterator[pa.RecordBatch]:
        """Columns sha256, image and label of a split, streamed, in no particular order."""
        return self._table.batches(["sha256", "image", "label"], pc.field("split") == split, version)


def check_classes(known: pa.Table, arriving: pa.Table) -> None:
    """Refuse, before any work, pictures that could not be learned from.

    :param known: table of the schema KNOWN
    :param arriving: new rows of the schema FINGERPRINTS
    :raises DatasetError: with one class in all, or a class that would have fewer than MIN_PER_CLASS pictures
    """
    labels = pa.chunked_array([*known["label"].chunks, *arriving["label"].chunks], pa.string()).drop_null()
    counts = {row["values"].as_py(): row["counts"].as_py() for row in pc.value_counts(labels)}
    if not counts:
        raise DatasetError("no picture lies in a class folder; expected SOURCE/<class>/picture.jpg")
    if len(counts) == 1:
        raise DatasetError(
            f"only one class, {next(iter(counts))!r}; a classifier needs folders of at least two classes"
        )
    small = sorted(label for label, count in counts.items() if count < MIN_PER_CLASS)
    if small:
        more = f" and {len(small) - 10} more" if len(small) > 10 else ""
        raise DatasetError(
            f"class {', '.join(map(repr, small[:10]))}{more} has fewer than {MIN_PER_CLASS} pictures; "
            "add some or move the folder out of the source"
        )
