"""Owns the list of what a source holds: one row for every file and every picture in a container.

Invariant: everything found is a row, also what will not be read (`outcome` says why), so that a run can
account for it; rows stream, and no more than a few batches are held. Only regular files are opened.
Does not read pictures.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import fsspec
import pyarrow as pa

from nightsort.errors import SourceError
from nightsort.schema import LISTING, place
from nightsort.sources.containers import DAMAGE, Entry, entries, is_container
from nightsort.sources.entry import failure
from nightsort.sources.files import Access, existing
from nightsort.sources.labels import Decision, decided_by_name, label_of, split_of
from nightsort.sources.manifest import is_manifest, load_manifest
from nightsort.sources.settling import settle
from nightsort.sources.tree import Found, Tree
from nightsort.stores import reaching

_ROWS = 10_000  # of a batch
_GROWING = ("deferred", "still_written", "changed while it was listed")


class Row(NamedTuple):
    """One row of the schema LISTING."""

    path: str
    member: str
    offset: int | None
    size: int | None
    stamp: str
    label: str | None
    group: str | None = None
    split: str | None = None
    weight: float | None = None
    roi: str | None = None
    outcome: str | None = None
    reason: str | None = None
    detail: str | None = None


def list_source(
    source: str,
    access: Access,
    *,
    manifest: str | None = None,
    folder_splits: bool = False,
    settle_seconds: float = 0,
    on_progress: Callable[[int], None] = lambda count: None,
    leave_out: str = "",
) -> Iterator[pa.RecordBatch]:
    """List a folder, a container or what a manifest names; containers inside a folder are looked into.

    :param source: path or fsspec URI of a folder, of a container, or of a manifest that lies beside its pictures
    :param manifest: path or URI, or a name inside the source, of what says the labels; see `load_manifest`
    :param folder_splits: a first folder called train, validation or test (or as SPLIT_NAMES has it) is that split
    :param settle_seconds: a file modified more recently is looked at twice, this long apart, and
        deferred if it changed
    :param on_progress: called with how many more rows there are
    :param leave_out: a folder not to look into: the storage root, which may lie inside the source
    :returns: batches of the schema LISTING, the members of a container one after another; none of an empty folder
    :raises SourceError: at once if there is no such source or the manifest is faulty
    """
    fs, path = existing(source)
    is_one = _is_file(fs, path, source)
    if is_one and is_manifest(path):
        if manifest:
            raise SourceError(f"source {source}: is a manifest itself; leave out the manifest {manifest}")
        manifest, path, is_one = source, fs._parent(path), False
    tree = Tree(fs, path)
    labels = load_manifest(manifest, tree, is_one, access) if manifest else None
    files = iter([tree.one()]) if is_one else tree.files(leave_out)
    walk = _Walk(tree, access, folder_splits, labels.path if labels else "")
    batches = _batches(row for pair in settle(files, tree, settle_seconds) for row in walk.rows(*pair))
    return _counted(labels.join(batches) if labels else batches, on_progress)


def _is_file(fs: fsspec.AbstractFileSystem, path: str, source: str) -> bool:
    """Whether the source is one file that holds many pictures, and no folder."""
    try:
        with reaching(source):
            if is_container(path) or is_manifest(path):  # a web server says of every page that it is a file
                return bool(fs.isfile(path))
            if fs.isdir(path):
                return False
    except OSError as error:
        raise SourceError(f"source {source}: {error.strerror}") from None
    raise SourceError(
        f"source {source}: is a single file; give a folder, an archive (.zip, .tar, .tar.gz, ...), a video, a manifest"
    )


def _counted(batches: Iterator[pa.RecordBatch], on_progress: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        on_progress(batch.num_rows)
        yield batch


def _batches(rows: Iterator[Row]) -> Iterator[pa.RecordBatch]:
    gathered: list[Row] = []
    for row in rows:
        gathered.append(row)
        if len(gathered) == _ROWS:
            yield _batch(gathered)
            gathered = []
    if gathered:
        yield _batch(gathered)


def _batch(rows: list[Row]) -> pa.RecordBatch:
    columns = zip(zip(*rows, strict=True), LISTING, strict=True)
    return pa.RecordBatch.from_arrays([pa.array(values, field.type) for values, field in columns], schema=LISTING)


class _Walk:
    """Makes rows of what is found.

    :param manifest: place of the manifest, which is no picture
    """

    def __init__(self, tree: Tree, access: Access, folder_splits: bool, manifest: str) -> None:
        self._tree, self._access, self._folder_splits, self._manifest = tree, access, folder_splits, manifest

    def rows(self, found: Found, is_whole: bool) -> Iterator[Row]:
        """The row of a file; of a container, the rows of its members."""
        inside = self._tree.inside(found.path)
        decided = self._decided(found, inside, is_whole)
        if not decided and is_container(found.path):
            yield from self._members(found, inside)
        else:
            yield self._row(found, inside, decided)

    def _decided(self, found: Found, inside: str, is_whole: bool) -> Decision | None:
        if not is_whole:
            return _GROWING
        if not found.is_file:
            return "skipped", "not_a_file", ""
        if _printable(found.path) != found.path:
            return "quarantined", "bad_name", "not valid UTF-8"
        return self._is_manifest(found.path) or decided_by_name(inside)

    def _is_manifest(self, where: str) -> Decision | None:
        return ("skipped", "ignored_name", "the manifest") if where == self._manifest else None

    def _row(self, found: Found, inside: str, decided: Decision | None) -> Row:
        label = label_of(inside, self._folder_splits)
        split = split_of(inside) if self._folder_splits else None
        path = _printable(found.path)
        row = Row(path, "", None, found.size, found.stamp, label and _printable(label), None, split)
        return _with(row, decided) if decided else row

    def _members(self, found: Found, inside: str) -> Iterator[Row]:
        whole = Row(found.path, "", None, found.size, found.stamp, None)
        folder = inside.rpartition("/")[0]
        count = 0
        try:
            for count, entry in enumerate(entries(found.path, self._access), 1):  # noqa: B007 (used below)
                yield self._member(whole, entry, folder)
        except DAMAGE as error:  # what could be listed was; the container itself is the row that says so
            bad = failure(error)
            yield _with(whole, ("quarantined", bad.reason, bad.detail))
            return
        if not count:
            yield _with(whole, ("skipped", "no_members", ""))

    def _member(self, whole: Row, entry: Entry, folder: str) -> Row:
        splits = self._folder_splits
        label = entry.label or label_of(entry.name, splits) or label_of(f"{folder}/{entry.name}", splits)
        row = Row(
            whole.path,
            _printable(entry.name),
            entry.offset,
            entry.size,
            whole.stamp,
            label and _printable(label),
            group=whole.path if entry.alike else None,
            split=(split_of(entry.name) or split_of(f"{folder}/{entry.name}") or entry.split) if splits else None,
        )
        if decided := self._is_manifest(place(row.path, row.member)) or decided_by_name(entry.name):
            return _with(row, decided)
        return _with(row, ("quarantined", entry.reason, entry.detail)) if entry.reason else row


def _with(row: Row, decided: Decision) -> Row:
    return row._replace(outcome=decided[0], reason=decided[1], detail=decided[2])


def _printable(name: str) -> str:
    """The same name unless it is not valid UTF-8, which Arrow cannot hold."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
