"""Owns the keys by which a manifest and a listing agree: the path below the root, `!` and the member, if any.

Invariant: names that people mean to be one are one key: separators of Windows, a leading ./ and Unicode's
two ways to compose a letter make no difference. Only a manifest's own names are resolved further (`a/../b`),
never those of a listing, so that no hostile member takes another file's label.
Does not know whether anything is there.
"""

import os
import posixpath
import re

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.sources.containers import is_container

_ODD = r"(^|/)\.{0,2}/|/\.{0,2}$"  # parts of a path that lead nowhere new
_OUTSIDE = r"^(\.\.(/|$)|/|[A-Za-z][A-Za-z0-9+.-]*:/)"
_SAID = ("group", "split", "weight", "roi")


def listed_keys(path: pa.ChunkedArray, member: pa.ChunkedArray, base: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Keys of listed rows: of each itself, and of the file it is in.

    :param path: of each row, string (N,); `member`: in a container, "" of a file
    :param base: the folder that keys start below
    :returns: two columns, string (N,)
    """
    below = pc.utf8_slice_codeunits(path, len(base) + 1)
    member = pc.if_else(pc.equal(member, ""), None, member)
    return _normal(_joined(below, member)), _normal(below)


def named_keys(path: pa.ChunkedArray, member: pa.ChunkedArray, base: str, container: str) -> pa.ChunkedArray:
    """Keys of a manifest's rows.

    :param path: of each row, string (N,); `member`: in a container, null of a file
    :param container: name of the one container that the source is, whose members then need no more than their names
    :returns: string (N,)
    """
    keys = _normal(_joined(path, member))
    for start in dict.fromkeys((base, os.path.realpath(base))):
        keys = pc.if_else(pc.starts_with(keys, f"{start}/"), pc.utf8_slice_codeunits(keys, len(start) + 1), keys)
    odd = pc.match_substring_regex(keys, _ODD)
    if pc.any(odd).as_py():
        resolved = pa.array([_resolved(key) for key in keys.filter(odd).to_pylist()], pa.string())
        keys = pc.replace_with_mask(keys.combine_chunks(), odd.combine_chunks(), resolved)
    if container:
        whole = pc.or_(pc.starts_with(keys, f"{container}!"), pc.equal(keys, container))
        keys = pc.if_else(whole, keys, pc.binary_join_element_wise(f"{container}!", keys, ""))
    return keys


def leads_outside(key: str) -> bool:
    """Whether a key leads outside the source."""
    return bool(re.match(_OUTSIDE, key))


def parts(key: str) -> tuple[str, str]:
    """Path below the root, and member; "" for a plain file.

    >>> parts("a/b.zip!c/d.jpg"), parts("wow!.jpg")
    (('a/b.zip', 'c/d.jpg'), ('wow!.jpg', ''))
    """
    file, _, member = key.partition("!")
    return (file, member) if is_container(file) else (key, "")


def one_each(rows: pa.Table) -> tuple[pa.Table, list[str]]:
    """Of the rows of one key, one: with `labels`, all of them, where they differ; and where anything else differs.

    :param rows: columns key, label, group, split, weight, roi
    :returns: the same columns with `labels` (null where there is at most one) and `row`, counted from 1; faults
    """
    rows = rows.append_column("row", pa.array(range(1, rows.num_rows + 1), pa.int64()))
    if pc.count_distinct(rows["key"]).as_py() == rows.num_rows:
        return rows.append_column("labels", pa.nulls(rows.num_rows, pa.string())), []
    valid = pc.CountOptions(mode="only_valid")
    counts = [(column, "count_distinct", valid) for column in ("label", *_SAID)]
    firsts = [(column, "first") for column in ("label", "row", *_SAID)]
    each = rows.group_by("key", use_threads=False).aggregate(firsts + counts)
    each = each.rename_columns([column.removesuffix("_first") for column in each.column_names])
    faults: list[str] = []
    for column in _SAID:
        differing = each.filter(pc.greater(each[f"{column}_count_distinct"], 1))
        faults += [
            f"row {row}: {column}: says two things of {key!r}" for row, key in zip(*_lists(differing), strict=True)
        ]
    torn = each["key"].filter(pc.greater(each["label_count_distinct"], 1))
    disputed = rows.filter(pc.is_in(rows["key"], torn)).group_by("key").aggregate([("label", "distinct", valid)])
    lists = disputed["label_distinct"].combine_chunks()
    labels = pa.array([" and ".join(sorted(some)) for some in lists.to_pylist()], pa.string())
    at = pc.index_in(each["key"], disputed["key"].combine_chunks()).combine_chunks()
    return each.append_column("labels", labels.take(at)).select([*rows.column_names, "labels"]), faults


def _lists(rows: pa.Table) -> tuple[list[int], list[str]]:
    return rows["row"].to_pylist(), rows["key"].to_pylist()


def _joined(path: pa.ChunkedArray, member: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(path, member, "!", null_handling="skip")


def _normal(keys: pa.ChunkedArray) -> pa.ChunkedArray:
    keys = pc.utf8_normalize(pc.replace_substring(keys, "\\", "/"), form="NFC")
    return pc.replace_substring_regex(keys, r"(^|!)(\./)+", r"\1")


def _resolved(key: str) -> str:
    file, mark, member = key.partition("!")
    return posixpath.normpath(file) + mark + member
