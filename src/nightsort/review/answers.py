"""Owns the table of answers: what people said of pictures, and where each answer came from.

Invariant: a picture has one answer, the newest; older versions of the table keep those it replaced. Does not know how
an answer is written down, or what becomes of it.
"""

from collections import Counter
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.datafiles import Ticket
from nightsort.review.keys import Keys, all_keys
from nightsort.schema import ANSWERS
from nightsort.storage import Storage
from nightsort.tables import Table

_ROWS = 16_384  # of a batch


class Answers:
    """The answers of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._table = Table(storage, "review/answers", ANSWERS)

    def keys(self) -> Keys:
        """The keys of all pictures that were answered, ascending."""
        return all_keys(batch["sha256"] for batch in self._table.batches(["sha256"], batch_size=_ROWS))

    def of(self, sha256s: Iterable[str]) -> dict[str, dict[str, object]]:
        """The answers there are to these pictures, by their SHA-256."""
        asked = pc.field("sha256").isin(pa.array(sha256s, pa.string()))
        return {row["sha256"]: row for row in self._table.read(ANSWERS.names, asked).to_pylist()}

    def labels(self) -> pa.Table:
        """sha256, path, member and label of all pictures that were given a label, by their SHA-256."""
        return self._table.read(["sha256", "path", "member", "label"], pc.field("verdict") == "label").sort_by("sha256")

    def commit(self, rows: pa.Table, run_id: str, ticket: Ticket | None = None) -> None:
        """Take in answers, in place of those that there are to the same pictures.

        :param rows: of the schema ANSWERS, each sha256 once; none make no commit
        """
        if rows.num_rows:
            self._table.upsert(rows, "sha256", run_id, ticket)

    def fence(self, ticket: Ticket) -> None:
        """Shut out who held the lease before."""
        self._table.fence(ticket)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many answers there are by reviewer, "" where nobody is named, and verdict."""
        counted: Counter[tuple[str, str]] = Counter()
        for batch in self._table.batches(["reviewer", "verdict"], batch_size=_ROWS):
            counted.update((row["reviewer"] or "", row["verdict"]) for row in batch.to_pylist())
        found: dict[str, dict[str, int]] = {}
        for (reviewer, verdict), count in sorted(counted.items()):
            found.setdefault(reviewer, {})[verdict] = count
        return found
