"""Owns the dataset: labelled pictures in numbered versions.

Invariant: an ingest is one version, made in one commit after all its shards are written; a version
reads the same for ever; a picture is in it once, and in one split for as long as it is in any.
Does not know how pictures are decoded or learned from.

The rows (`dataset/examples`) are what has versions. The pixels (`dataset/images`) of all versions lie
in one table beside them: they never change, and those that no row names are not part of a version.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.datafiles import DataFile, Ticket
from nightsort.dataset.policy import Policy, load, save
from nightsort.dataset.rowgroups import RowGroup, row_groups
from nightsort.errors import DatasetError
from nightsort.quarantine import Quarantine
from nightsort.schema import EXAMPLES, IMAGES, SPLITS, WITHHELD
from nightsort.sources.arrivals import KNOWN, known_from
from nightsort.storage import Storage
from nightsort.tables import Table

_SMALL = 16_000_000  # bytes: a file of pictures below this is worth merging with others
_TOO_MANY = 64  # small files
_TARGET = 128_000_000  # bytes of a merged file
_HOURS_TO_FINISH = 24  # readers of files that were merged away get this long


@dataclass(frozen=True)
class Version:
    """One version of the dataset."""

    number: int
    run_id: str
    made: datetime
    counts: dict[str, dict[str, int]]  # class -> split -> pictures
    augmented: int  # of them made by augmentation


class Dataset:
    """The dataset of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._images = Table(storage, "dataset/images", IMAGES)
        self._examples = Table(storage, "dataset/examples", EXAMPLES)
        self._copies = Table(storage, "dataset/copies", KNOWN)

    @property
    def folder(self) -> str:
        """Path or URI where shards are written."""
        return self._images.uri

    def version(self) -> int | None:
        """The newest version; None while nothing was ingested."""
        return self._examples.version() or None  # Delta's version 0 is the empty table

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

    def versions(self) -> Iterator[Version]:
        """Every version, the newest first."""
        for commit in self._examples.changes():
            rows = self.examples(["label", "split", "parent"], version=commit["version"])
            made = datetime.fromtimestamp(commit["timestamp"] / 1000, UTC)
            augmented = len(rows) - rows["parent"].null_count
            yield Version(commit["version"], commit["run_id"], made, _counts(rows), augmented)

    def policy(self) -> Policy:
        """The policy it was begun under; :class:`DatasetError` while nothing was ingested."""
        policy = load(self._storage)
        if policy is None:
            self.resolve(None)
            raise DatasetError(f"dataset in {self._storage.root}: dataset/dataset.json is missing")
        return policy

    def known(self) -> pa.Table:
        """Every picture of the newest version, and what an ingest set aside, by the schema `arrivals.KNOWN`."""
        # What is withheld is looked at again: the other label may be gone.
        where = pc.is_null(pc.field("parent")) & (pc.field("split") != WITHHELD)
        stored = self._examples.read(KNOWN.names, where)
        copies = self._copies.read(KNOWN.names)
        return pa.concat_tables([known_from(stored), copies, Quarantine(self._storage).known("ingest")])

    def remember(self, copies: pa.Table, ticket: Ticket | None = None) -> None:
        """Keep in mind other files with the bytes of known pictures, so that they are not read again every night.

        :param copies: the columns of `arrivals.KNOWN`
        """
        self._copies.append(known_from(copies), ticket=ticket)

    def commit(
        self,
        files: Iterable[DataFile],
        examples: pa.Table,
        policy: Policy,
        run_id: str,
        ticket: Ticket | None = None,
    ) -> int:
        """Make a new version: pictures of these files, and rows that are new or take the place of older ones.

        The commit of the rows is the marker, and is last.

        :param files: what :func:`nightsort.dataset.shards.build` wrote
        :param examples: table of the schema EXAMPLES, each sha256 once
        :param ticket: of the lease `dataset`
        :raises LeaseLostError: if somebody else holds it by now
        """
        save(self._storage, policy)
        if named := list(files):
            self._images.append_files(named, run_id, ticket)
        return self._examples.upsert(examples, "sha256", run_id, ticket)

    def fence(self, ticket: Ticket) -> None:
        """Shut out who held the lease before. The number of a version is spent on it where there is one."""
        for table in (self._images, self._examples, self._copies):
            table.fence(ticket)

    def examples(
        self, columns: Iterable[str], where: pc.Expression | None = None, version: int | None = None
    ) -> pa.Table:
        """The named columns of the schema EXAMPLES, of a version, the newest unless named."""
        return self._examples.read(columns, where, version)

    def withheld(self, sha256s: pa.Array) -> pa.Table:
        """The rows of these pictures, and of what augmentation made of them, as they are once they are in no split.

        :param sha256s: hex digests, string (K,)
        :returns: table of the schema EXAMPLES
        """
        rows = self._with_children(sha256s)
        return _replaced(rows, "split", pa.array([WITHHELD] * len(rows), pa.string()))

    def relabelled(self, changed: pa.Table) -> pa.Table:
        """The rows of these pictures, and of what augmentation made of them, with label and place as they are now.

        :param changed: columns sha256, label, path, member, size and stamp
        """
        rows = self._with_children(changed["sha256"].combine_chunks())
        origin = pc.coalesce(rows["parent"], rows["sha256"])
        now = changed.take(pc.index_in(origin, changed["sha256"]))
        for name in ("label", "path", "member", "size", "stamp"):
            rows = _replaced(rows, name, now[name])
        return rows

    def _with_children(self, sha256s: pa.Array) -> pa.Table:
        return self.examples(EXAMPLES.names, pc.field("sha256").isin(sha256s) | pc.field("parent").isin(sha256s))

    def counts(self, version: int | None = None) -> dict[str, dict[str, int]]:
        """Pictures by class and split: {label: {"train": 3, "validation": 1, "test": 0}}, sorted by label."""
        return _counts(self.examples(["label", "split"], version=version))

    def fingerprints(self, version: int, split: str) -> list[str]:
        """SHA-256 of every picture of a split, sorted: the order of a split wherever order matters."""
        return sorted(self.examples(["sha256"], pc.field("split") == split, version)["sha256"].to_pylist())

    def labelled(self, version: int, split: str, classes: list[str]) -> tuple[list[str], NDArray[np.int64]]:
        """What `fingerprints` gives, and the class id of each, int64 (N,).

        :param classes: the position of a label is its class id
        :raises DatasetError: a label is none of these
        """
        rows = self.examples(["sha256", "label"], pc.field("split") == split, version).sort_by("sha256")
        ids = pc.index_in(rows["label"], pa.array(classes, pa.string()))
        if ids.null_count:
            other = pc.unique(rows["label"].filter(pc.is_null(ids)))[0]
            raise DatasetError(f"{split} split of version {version}: has class {other}, not among {', '.join(classes)}")
        return rows["sha256"].to_pylist(), ids.to_numpy().astype(np.int64)

    def images(self, version: int, split: str) -> Iterator[pa.RecordBatch]:
        """Columns sha256, image and label of a split, streamed, in no particular order."""
        rows = self.examples(["sha256", "label"], pc.field("split") == split, version)
        labels = rows["label"].combine_chunks()
        for batch, position in self.placed(rows["sha256"].combine_chunks()):
            yield batch.append_column("label", labels.take(position))

    def pictures(self, sha256s: pa.Array) -> Iterator[pa.RecordBatch]:
        """Columns sha256 and image of the pictures asked for, streamed, each once, in no particular order."""
        for batch, _ in self.placed(sha256s):
            yield batch

    def placed(self, wanted: pa.Array) -> Iterator[tuple[pa.RecordBatch, pa.Array]]:
        """What `pictures` gives, and with each batch the position of its pictures in `wanted`.

        A run that died before its marker, and came again, left a second copy of a picture: the first will do.

        :param wanted: hex digests, string (K,)
        :returns: batches of the columns sha256 and image, each with positions int64 (rows of the batch,)
        """
        names = np.asarray(wanted, dtype="S64")
        order = np.argsort(names)
        taken = np.zeros(len(wanted), bool)
        for batch in self._images.matching(IMAGES.names, "sha256", wanted):
            position = order[np.searchsorted(names, np.asarray(batch["sha256"], dtype="S64"), sorter=order)]
            _, first = np.unique(position, return_index=True)
            rows = np.sort(first[~taken[position[first]]])
            taken[position[rows]] = True
            if len(rows):
                yield batch.take(pa.array(rows)), pa.array(position[rows])

    def row_groups(self) -> Iterator[RowGroup]:
        """All that lies in the shards: columns sha256 and image, of pictures of any version, or of none."""
        return row_groups(self._images)

    def small_files(self) -> int:
        """How many files of pictures are worth merging with others."""
        return sum(size < _SMALL for size in self._images.sizes())

    def tidy(self, at_least: int = _TOO_MANY, ticket: Ticket | None = None) -> int:
        """Merge the files of pictures if this many of them are small, and delete what nothing names any more.

        Nothing names what was merged away, nor what a run wrote that failed; a day later it is deleted.

        :returns: how many files were merged
        """
        merged = 0 if self.small_files() < at_least else self._images.merge_small(_SMALL, _TARGET, ticket)
        self._images.vacuum(_HOURS_TO_FINISH, keep_versions=False)
        return merged


def _replaced(rows: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), EXAMPLES.field(name), values)


def _counts(rows: pa.Table) -> dict[str, dict[str, int]]:
    """What is withheld is not counted."""
    rows = rows.filter(pc.not_equal(rows["split"], WITHHELD))
    grouped = rows.group_by(["label", "split"]).aggregate([([], "count_all")]).to_pylist()
    counts = {label: dict.fromkeys(SPLITS, 0) for label in sorted({row["label"] for row in grouped})}
    for row in grouped:
        counts[row["label"]][row["split"]] = row["count_all"]
    return counts
