"""Owns what is remembered of the places that a slice of a listing names.

Invariant: its memory follows the slice and what is remembered of its places, not all that is remembered.
Does not know where rows are remembered, nor what makes one an outcome: who looks says so.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.schema import FINGERPRINTS
from nightsort.sources.arrivals import PLACE, joined, skip

_FEW = 10_000
_GATHERED = 65_536  # rows compared at once: small batches one by one would cost a search each


class Places:
    """The places of a slice, and what is found out of them.

    :param rows: table of the schema LISTING, at least one row
    """

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows
        place = joined(rows, PLACE).combine_chunks().dictionary_encode()
        state = _states(rows, place.indices).combine_chunks().dictionary_encode()
        self._place, self._places = place.indices, place.dictionary
        self._state, self._states = state.indices, state.dictionary
        self._known = np.zeros(len(self._states), bool)
        self._found: list[pa.Table] = []

    def near(self) -> pc.Expression:
        """A filter for the rows that can lie at these places, and for some that do not.

        The bounds leave out, by statistics, what need not be read; a search for each path pays if there are few.
        """
        near = _between("path", self._rows["path"]) & _between("member", self._rows["member"])
        paths = self._rows["path"].unique()
        return near & pc.field("path").isin(paths) if len(paths) <= _FEW else near

    def look(
        self, batches: Iterable[pa.RecordBatch], when: str, is_outcome: Callable[[pa.Table], pa.ChunkedArray]
    ) -> None:
        """Take in rows that are remembered.

        :param batches: columns path, member, size, stamp, sha256 and when, among the rows that are :meth:`near`
        :param when: name of the column that says since when
        :param is_outcome: of rows at these places, those that say that a file of their size and stamp has an outcome
        """
        for rows in _gathered(batches):
            place = pc.index_in(joined(rows, PLACE), self._places)
            rows = rows.append_column("place", place).filter(pc.is_valid(place))
            state = pc.index_in(_states(rows, rows["place"]), self._states).filter(is_outcome(rows))
            self._known[state.drop_null().to_numpy()] = True
            since = pc.cast(rows[when], pa.int64())
            seen = pa.table({"place": rows["place"], "since": since, "sha256": rows["sha256"]})
            self._found.append(seen.filter(pc.is_valid(seen["sha256"])))

    def decided(self) -> pa.Table:
        """The slice by the schema FINGERPRINTS; `outcome` skipped in what has one and is unchanged.

        last_sha256 is null where nobody ever looked.
        """
        rows = skip(self._rows, pa.array(self._known).take(self._state))
        rows = rows.append_column("last_sha256", self._last().take(self._place))
        return rows.select(FINGERPRINTS.names).cast(FINGERPRINTS)

    def _last(self) -> pa.Array:
        """For each place the newest SHA-256."""
        if not self._found:
            return pa.nulls(len(self._places), pa.string())
        found = pa.concat_tables(self._found).sort_by("since")
        newest = np.full(len(self._places), -1)
        newest[found["place"].to_numpy()] = np.arange(len(found))  # of several the last stays
        return found["sha256"].combine_chunks().take(pa.array(newest, mask=newest < 0))


def _between(name: str, values: pa.ChunkedArray) -> pc.Expression:
    ends = pc.min_max(values)
    return (pc.field(name) >= ends["min"]) & (pc.field(name) <= ends["max"])


def _states(rows: pa.Table, places: pa.Array) -> pa.ChunkedArray:
    """The number of the place, size and stamp of each row, as one text."""
    return joined(pa.table({"place": places, "size": rows["size"], "stamp": rows["stamp"]}), ["place", "size", "stamp"])


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in few tables."""
    gathered: list[pa.RecordBatch] = []
    for batch in batches:
        gathered += [batch] if batch.num_rows else []
        if sum(map(len, gathered)) >= _GATHERED:
            yield pa.Table.from_batches(gathered)
            gathered = []
    if gathered:
        yield pa.Table.from_batches(gathered)
