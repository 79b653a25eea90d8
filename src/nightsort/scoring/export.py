"""Owns the export of predictions into one file: CSV, JSON Lines or Parquet.

Invariant: the file is there whole or not at all, and takes the place of no other; memory does not grow with it.
Does not know which predictions are asked for.
"""

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from nightsort.errors import ConfigError, StorageError
from nightsort.quarantine import cell
from nightsort.schema import PREDICTIONS
from nightsort.storage import writing

Batches = Iterable[pa.RecordBatch]

_TOP = ("top_labels", "top_confidences")
_COLUMNS = [name for name in PREDICTIONS.names if name not in _TOP]


def export(batches: Batches, file: Path, on_progress: Callable[[int], object] = lambda count: None) -> int:
    """Write predictions into a file whose ending names the format: .csv, .jsonl or .parquet.

    In CSV no cell of text is a formula to a spreadsheet, and the most probable classes are one column,
    "crack:0.93;dent:0.05"; the others keep them as lists.

    :param batches: of the schema PREDICTIONS
    :param file: its folder is made; must not be there
    :returns: how many
    :raises ConfigError: if the ending is another
    :raises StorageError: if something is there
    :raises WriteError: if it cannot be written
    """
    write = _WRITERS.get(file.suffix.lower())
    if write is None:
        raise ConfigError(f"--into {file}: must end with {', '.join(_WRITERS)}")
    count = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal count
        for batch in batches:
            yield batch
            count += batch.num_rows
            on_progress(batch.num_rows)

    with _whole(file) as part:
        write(counted(), part)
    return count


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A file to write into, which takes its place when all is written."""
    part = file.with_name(f".{file.name}.{uuid.uuid4().hex[:12]}")
    with writing(str(file)):
        if os.path.lexists(file):  # a link that leads nowhere is not ours to replace either
            raise StorageError(f"{file}: is already there; name a file that is not")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)


def _csv(batches: Iterator[pa.RecordBatch], file: Path) -> None:
    schema = pa.schema([*(PREDICTIONS.field(name) for name in _COLUMNS), pa.field("top", pa.string())])
    with pa.csv.CSVWriter(file, schema) as writer:
        for batch in batches:
            columns = [_harmless(batch[name]) for name in _COLUMNS]
            top = _harmless(_readable(*(batch[name] for name in _TOP)))
            writer.write(pa.RecordBatch.from_arrays([*columns, top], schema=schema))


def _harmless(column: pa.Array) -> pa.Array:
    """Text that a spreadsheet does not take for a formula; numbers stay numbers."""
    if not pa.types.is_string(column.type):
        return column
    encoded = column.dictionary_encode()
    cells = pa.array([cell(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return cells.take(encoded.indices)


def _readable(labels: pa.ListArray, confidences: pa.ListArray) -> pa.Array:
    """Labels with their confidences, each row as one text."""
    pairs = pc.binary_join_element_wise(labels.flatten(), pc.cast(confidences.flatten(), pa.string()), ":")
    return pc.binary_join(pa.ListArray.from_arrays(_offsets(labels), pairs, mask=pc.is_null(labels)), ";")


def _offsets(lists: pa.ListArray) -> pa.Array:
    """Where each list starts among the flattened values, and where the last ends."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return pc.cumulative_sum(pa.concat_arrays([pa.array([0], lengths.type), lengths]))


def _decimal(column: pa.Array) -> pa.Array:
    """Numbers of single precision with the digits that they are written with, 0.93 and not 0.930000007."""
    text, double = pa.string(), pa.float64()
    if pa.types.is_list(column.type) and pa.types.is_float32(column.type.value_type):
        text, double = pa.list_(text), pa.list_(double)
    elif not pa.types.is_float32(column.type):
        return column
    return pc.cast(pc.cast(column, text), double)


def _jsonl(batches: Iterator[pa.RecordBatch], file: Path) -> None:
    with file.open("w", encoding="utf-8") as stream:
        for batch in batches:
            columns = [_decimal(column) for column in batch.columns]
            for row in pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist():
                stream.write(json.dumps(row, default=str) + "\n")


def _parquet(batches: Iterator[pa.RecordBatch], file: Path) -> None:
    with pq.ParquetWriter(file, PREDICTIONS, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


_WRITERS = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
