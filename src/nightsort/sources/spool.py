"""Owns a table that lies in a file of a scratch folder and takes no memory of its own.

Invariant: what is read back is all that was written; a disk that cannot take it is said in one line.
Does not know what the rows mean.
"""

import uuid
from pathlib import Path

import pyarrow as pa

from nightsort.storage import writing


class Spool:
    """Rows on their way into a file.

    :param folder: a scratch folder; who made it removes it
    :param schema: of every row
    :raises WriteError: here and in every method, if the disk is full or fails
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._file = str(folder / f"{uuid.uuid4().hex}.arrow")
        with writing(self._file):
            self._out = pa.ipc.new_file(self._file, schema)

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add rows."""
        with writing(self._file):
            self._out.write(rows)

    def table(self) -> pa.Table:
        """All rows, in their order, mapped from the file; nothing can be written any more."""
        with writing(self._file):
            self._out.close()
            return pa.ipc.open_file(pa.memory_map(self._file)).read_all()
