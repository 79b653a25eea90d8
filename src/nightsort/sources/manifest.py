"""Owns the join of a source's listing with its manifest: labels by name, and who is missing on either side.

Invariant: every row of the listing comes out once, in order; a file that the manifest names and the source
does not have becomes a row of its own. No file is opened because a manifest names it, so nothing outside
the source is read.
Does not read pictures.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.disk import is_uri
from nightsort.errors import PictureError, SourceError
from nightsort.schema import LISTING
from nightsort.sources.containers import DAMAGE, contents, entries, is_container
from nightsort.sources.files import Access, existing, local, partial
from nightsort.sources.keys import leads_outside, listed_keys, named_keys, one_each, parts
from nightsort.sources.marks import mark
from nightsort.sources.tabular import READERS, read_table, refuse
from nightsort.sources.tree import Tree
from nightsort.sources.unpacking import plain_name

_ROWS = 10_000  # of a batch
_LOOKUPS = 8  # a lookup costs as much as the manifest is long: the listing is looked up in this many parts at most


def is_manifest(path: str) -> bool:
    """Whether the name says that this file may be a manifest."""
    return PurePosixPath(plain_name(path)[0]).suffix.lower() in READERS


def load_manifest(manifest: str, tree: Tree, is_one: bool, access: Access) -> "Manifest":
    """Read and check a manifest: CSV, TSV, JSON Lines, Parquet or COCO (.json); see `tabular.read_table`.

    Paths in it are absolute, or from the source's root; `big.zip!member` is a member of an archive, and
    where the source is one archive its members' names suffice.

    :param manifest: path or URI; or a name inside the source
    :param is_one: the source is one container, not a folder
    :raises SourceError: one line per fault, bounded
    """
    if not is_manifest(manifest):
        raise SourceError(f"manifest {manifest}: must end with {', '.join(READERS)}")
    path, file = _opened(manifest, tree, is_one, access)
    name = plain_name(PurePosixPath(manifest).name)[0]
    with file:
        rows = read_table(file, name)
    return Manifest(rows, name, path, tree.root, is_one)


def _opened(manifest: str, tree: Tree, is_one: bool, access: Access) -> tuple[str, pa.NativeFile]:
    """Where the manifest is, as the listing would have it, and the open file."""
    try:
        fs, path = existing(manifest, "manifest")
    except SourceError:
        if is_uri(manifest) or Path(manifest).is_absolute():
            raise
        if is_one:
            return f"{tree.root}!{manifest}", pa.BufferReader(_member(tree.root, manifest, access))
        manifest = f"{tree.root}/{manifest}"
        fs, path = existing(manifest, "manifest")
    try:
        here = local(manifest, access)
        if damage := partial(here):
            raise OSError(damage)
        return Tree(fs, path).root, pa.OSFile(str(here))
    except (OSError, PictureError) as error:
        raise SourceError(f"manifest {manifest}: cannot be read ({error})") from None


def _member(container: str, name: str, access: Access) -> bytes:
    try:
        for entry in entries(container, access):
            if entry.name == name:
                data = next(contents(container, [(name, entry.offset)], access))[1]
                if isinstance(data, PictureError):
                    raise data
                return data
    except DAMAGE as error:
        raise SourceError(f"manifest {name}: cannot be read from {container} ({error})") from None
    raise SourceError(f"manifest {name}: is neither a file nor a member of {container}")


class Manifest:
    """What a manifest says of each file.

    :param rows: as `tabular.read_table` returns them
    :param name: of the manifest, for messages
    :param path: where it is
    :param root: of the source
    :param is_one: the root is one container, not a folder
    :raises SourceError: if it says two things of one file; two labels are that file's matter
    """

    def __init__(self, rows: pa.Table, name: str, path: str, root: str, is_one: bool) -> None:
        folder, _, last = root.rpartition("/")
        self.name, self.path, self._base = name, path, folder if is_one else root
        keys = named_keys(rows["path"], rows["member"], self._base, last if is_one else "")
        self._rows, faults = one_each(rows.drop_columns(["path", "member"]).append_column("key", keys))
        refuse(name, faults)
        self._keys = self._rows["key"].combine_chunks()
        self._seen = np.zeros(self._rows.num_rows, np.bool_)

    def join(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same rows with what the manifest says of them, and then those that are nowhere.

        The label is the manifest's alone: a file that it does not name is skipped, `not_in_manifest`; one that
        it gives no label, or two, is quarantined. A container that is named lends what is said to its members.

        :param batches: of the schema LISTING
        """
        for table in _gathered(batches, self._rows.num_rows // _LOOKUPS):
            yield from self._joined(table).combine_chunks().to_batches(max_chunksize=_ROWS)
        unseen = np.flatnonzero(~self._seen)
        for start in range(0, len(unseen), _ROWS):
            yield self._missing(self._rows.take(pa.array(unseen[start : start + _ROWS])))

    def _joined(self, listing: pa.Table) -> pa.Table:
        keys, files = listed_keys(listing["path"], listing["member"], self._base)
        at = pc.coalesce(self._find(keys), self._find(files)).combine_chunks()
        self._see(listing, files, at)
        said = self._rows.take(at)
        undecided = pc.is_null(listing["outcome"])
        listing = mark(
            listing,
            [
                (pc.and_(undecided, pc.is_null(at)), "skipped", "not_in_manifest", ""),
                (pc.and_(undecided, pc.is_valid(said["labels"])), "quarantined", "label_conflict", said["labels"]),
                (pc.and_(undecided, pc.is_null(said["label"])), "quarantined", "no_label", ""),
            ],
        )
        for column in ("group", "split", "weight", "roi"):
            listing = _with(listing, column, pc.coalesce(said[column], listing[column]))
        return _with(listing, "label", pc.if_else(pc.is_valid(said["labels"]), None, said["label"]))

    def _find(self, keys: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.index_in(keys, self._keys, skip_nulls=True)

    def _see(self, listing: pa.Table, files: pa.ChunkedArray, at: pa.Array) -> None:
        self._seen[at.drop_null().to_numpy()] = True
        unread = pc.and_kleene(pc.equal(listing["outcome"], "deferred"), pc.equal(listing["member"], ""))
        for file in files.filter(pc.fill_null(unread, False)).to_pylist():
            if is_container(file):  # what is in it will be seen next time
                self._seen |= pc.starts_with(self._keys, f"{file}!").to_numpy(zero_copy_only=False)

    def _missing(self, rows: pa.Table) -> pa.RecordBatch:
        places = [(key, "") if leads_outside(key) else parts(key) for key in rows["key"].to_pylist()]
        details = [
            f"{self.name}, row {row}{_why_missing(key)}"
            for row, key in zip(rows["row"].to_pylist(), rows["key"].to_pylist(), strict=True)
        ]
        here = {
            "path": [path if leads_outside(path) else f"{self._base}/{path}" for path, _ in places],
            "member": [member for _, member in places],
            "stamp": [""] * rows.num_rows,
            "outcome": ["quarantined"] * rows.num_rows,
            "reason": ["missing_file"] * rows.num_rows,
            "detail": details,
        }
        said = {column: rows[column].combine_chunks() for column in ("label", "group", "split", "weight", "roi")}
        columns = {field.name: pa.nulls(rows.num_rows, field.type) for field in LISTING}
        return pa.RecordBatch.from_pydict(columns | here | said, LISTING)


def _why_missing(key: str) -> str:
    """What is odd about the name of a file that is not there."""
    if leads_outside(key):
        return ": leads outside the source; nothing there is read"
    return ": a blank begins or ends its name" if key != key.strip() else ""


def _gathered(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Tables of at least so many rows, but for the last."""
    gathered: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        gathered.append(batch)
        count += batch.num_rows
        if count >= rows:
            yield pa.Table.from_batches(gathered)
            gathered, count = [], 0
    if gathered:
        yield pa.Table.from_batches(gathered)


def _with(rows: pa.Table, column: str, values: pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(column), LISTING.field(column), values)
