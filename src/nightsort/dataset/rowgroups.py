"""Owns reading pictures by their place: the row group of the shard that they lie in.

Invariant: a row group is read whole or not at all. Does not know versions or splits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from nightsort.arrow import dataset as pds
from nightsort.tables import CHECKED, Table, reading


@dataclass(frozen=True)
class RowGroup:
    """Some rows of one file of a table, small enough to be read at once. Survives pickle.

    :param uri: of the table, for messages
    """

    uri: str
    fragment: pds.ParquetFileFragment

    @property
    def row_bytes(self) -> float:
        """Mean bytes of a row."""
        whole = self.fragment.row_groups[0]
        return float(whole.total_byte_size / max(1, whole.num_rows))

    def column(self, name: str) -> pa.Array:
        """One column of all its rows; :class:`StorageError` if a page is not as written."""
        with reading(self.uri):
            return self.fragment.to_table(columns=[name], **CHECKED)[name].combine_chunks()


def row_groups(table: Table) -> Iterator[RowGroup]:
    """Every row group of the newest version of a table, by the names of the files, whenever they were added."""
    with reading(table.uri):
        for fragment in sorted(table.dataset().get_fragments(), key=lambda fragment: str(fragment.path)):
            yield from (RowGroup(table.uri, part) for part in fragment.split_by_row_group())
