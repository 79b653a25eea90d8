"""Owns the reading of manifests that are tables: CSV, Parquet, JSON Lines.

Invariant: what is returned has right values throughout; what is wrong is listed whole, but bounded, each with
its row. Values are taken as they are written: the label 007 stays 007.
Does not know whether the files that a manifest names are there.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, json, parquet

from nightsort.errors import SourceError
from nightsort.faults import did_you_mean
from nightsort.schema import SPLITS
from nightsort.sources.coco import read_coco
from nightsort.sources.labels import SPLIT_NAMES

_REQUIRED = {"path": "the pictures' names", "label": "their classes"}
_COLUMNS = (*_REQUIRED, "group", "split", "weight", "roi", "member")
_FAULTS = 20  # listed at most
_BLOCK = 4_000_000  # bytes; a row must fit in

_NUMBER = r"\d+(\.\d*)?([eE][+-]?\d+)?"
_WEIGHT = rf"^{_NUMBER}$"
_ROI = rf"^ *{_NUMBER} *(, *{_NUMBER} *){{3}}$"


def read_table(file: pa.NativeFile, name: str) -> pa.Table:
    """The rows of a manifest, in their order.

    :param name: of the file; how it ends, as in READERS, says what it is
    :returns: columns path, label, group, split (one of SPLITS), roi, member: string; weight: float32; null where
        nothing is said. `path` is never null
    :raises SourceError: one line per fault
    """
    try:
        rows = READERS[name[name.rindex(".") :].lower()](file, name)
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"manifest {name}: {_one_line(error)}") from None
    refuse(name, _column_faults(rows.column_names))
    texts = {column: _text(rows, column, name) for column in _COLUMNS}
    split, weight, roi = _splits(texts["split"]), texts["weight"], texts["roi"]
    number = pc.cast(pc.if_else(_like(weight, _WEIGHT), weight, None), pa.float32())
    usable = pc.and_(pc.greater(number, 0), pc.is_finite(number))
    faults = [
        *_row_faults("path", texts["path"], pc.is_valid(texts["path"]), "must not be empty"),
        *_row_faults("split", texts["split"], pc.is_valid(split), f"must be one of {', '.join(SPLITS)}", True),
        *_row_faults("weight", weight, usable, "must be a number above 0", True),
        *_row_faults("roi", roi, _like(roi, _ROI), "must be left,top,width,height in pixels", True),
    ]
    refuse(name, faults)
    return pa.table({**texts, "split": split, "weight": number})


def refuse(name: str, faults: list[str]) -> None:
    """Raise :class:`SourceError` with the first faults and the number of the others, if there are any."""
    if faults:
        more = [f"manifest {name}: ... and {len(faults) - _FAULTS} more"] if len(faults) > _FAULTS else []
        raise SourceError("\n".join([f"manifest {name}: {fault}" for fault in faults[:_FAULTS]] + more))


def _csv(file: pa.NativeFile, name: str) -> pa.Table:
    start = file.read(_BLOCK)
    file.seek(0)
    header = start.splitlines()[0] if start.strip() else b""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("must be UTF-8, and is UTF-16; save it as 'CSV UTF-8'")
    delimiter = max(",;\t", key=lambda sign: header.count(sign.encode()))
    broken: list[str] = []

    def skip(row: csv.InvalidRow) -> str:
        broken.append(
            f"row {row.number - 1}: has {row.actual_columns} columns, of {row.expected_columns} in the header"
        )
        return "skip"

    rows = csv.read_csv(
        file,
        csv.ReadOptions(block_size=_BLOCK, use_threads=False),  # with threads no row has a number
        csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip),
        csv.ConvertOptions(column_types=dict.fromkeys(_COLUMNS, pa.string())),
    )
    refuse(name, broken)
    return rows


def _json_lines(file: pa.NativeFile, name: str) -> pa.Table:
    def parsed(schema: pa.Schema) -> pa.Table:
        file.seek(0)
        return json.read_json(file, json.ReadOptions(block_size=_BLOCK), json.ParseOptions(explicit_schema=schema))

    rows = parsed(pa.schema([]))
    words = [field.name for field in rows.schema if pa.types.is_temporal(field.type)]  # a label may look like a date
    return parsed(pa.schema([(word, pa.string()) for word in words])) if words else rows


def _parquet(file: pa.NativeFile, name: str) -> pa.Table:
    return parquet.read_table(file)


READERS: dict[str, Callable[[pa.NativeFile, str], pa.Table]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
    ".json": read_coco,
}
"""By the end of the name; each takes the open file and its name."""


def _column_faults(names: list[str]) -> list[str]:
    faults = [f"column {name!r}: is there {count} times" for name, count in Counter(names).items() if count > 1]
    for name in sorted(set(names) - set(_COLUMNS)):
        hint = did_you_mean(name.strip(), _COLUMNS) or f"; known are {', '.join(_COLUMNS)}"
        faults.append(f"column {name!r}: is not known{hint}")
    missing = [(name, held) for name, held in _REQUIRED.items() if name not in names]
    return faults + [f"column {name!r}: is required; call the one that holds {held} so" for name, held in missing]


def _text(rows: pa.Table, column: str, name: str) -> pa.ChunkedArray:
    """A column as it is written, null where it is blank or not there."""
    if column not in rows.column_names:
        return pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
    try:
        text = pc.cast(rows[column], pa.string())
    except pa.ArrowException:
        raise SourceError(f"manifest {name}: column {column!r}: holds {rows[column].type}; must hold text") from None
    trimmed = pc.utf8_trim_whitespace(text)
    blank = pc.equal(trimmed, "")
    return pc.if_else(blank, None, text if column in ("path", "member") else trimmed)


def _splits(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    names = pa.array(SPLIT_NAMES)
    at = pc.index_in(pc.utf8_lower(texts), names, skip_nulls=True).combine_chunks()
    return pa.chunked_array([pa.array(list(SPLIT_NAMES.values())).take(at)])


def _like(texts: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return pc.match_substring_regex(texts, pattern)


def _row_faults(
    column: str, texts: pa.ChunkedArray, right: pa.ChunkedArray, rule: str, optional: bool = False
) -> list[str]:
    wrong = pc.invert(pc.fill_null(right, False))
    if optional:
        wrong = pc.and_(wrong, pc.is_valid(texts))
    rows = np.flatnonzero(wrong.to_numpy())
    some = texts.take(pa.array(rows[: _FAULTS + 1])).to_pylist()
    listed = [f"row {row + 1}: {column}: {rule}, got {value!r}" for row, value in zip(rows, some, strict=False)]
    return listed + [""] * (len(rows) - len(listed))  # only counted


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "invalid UTF8" in text or isinstance(error, UnicodeDecodeError):
        return "must be UTF-8, and is not; save it as 'CSV UTF-8'"
    return text if len(text) < 300 else f"{text[:300]} ..."
