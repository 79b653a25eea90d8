"""Owns the table of answers: what people said of pictures, and where each answer came from.

Invariant: a picture has one answer, the newest; older versions of the table keep those it replaced. Does not know how
an answer is written down, or what becomes of it.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from nightsort import clock
from nightsort.datafiles import Ticket
from nightsort.review.checking import verdict_of
from nightsort.review.keys import Keys, all_keys
from nightsort.review.queue import REASONS
from nightsort.review.reply import Given
from nightsort.schema import ANSWERS
from nightsort.storage import Storage
from nightsort.tables import Table

_ROWS = 16_384  # of a batch


class Origin(NamedTuple):
    """The file that answers come in.

    :param run_id: of the import
    """

    tool: str
    name: str
    sha256: str
    run_id: str


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

    def take_in(
        self, answers: Iterable[Given], predictions: dict[str, dict[str, Any]], file: Origin, ticket: Ticket | None
    ) -> None:
        """Take in answers, in place of those that there are to the same pictures; none make no commit.

        :param answers: each sha256 once
        :param predictions: the newest of each picture, columns of the schema PREDICTIONS
        """
        now = clock.now()
        rows = [_row(given, predictions[given.sha256], file, now) for given in answers]
        if rows:
            self._table.upsert(pa.Table.from_pylist(rows, ANSWERS), "sha256", file.run_id, ticket)

    def labels(self) -> pa.Table:
        """sha256, path, member and label of all pictures that were given a label, by their SHA-256."""
        return self._table.read(["sha256", "path", "member", "label"], pc.field("verdict") == "label").sort_by("sha256")

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


def _row(given: Given, prediction: dict[str, Any], file: Origin, now: datetime) -> dict[str, object]:
    """A row of the schema ANSWERS."""
    return {
        "sha256": given.sha256,
        "path": prediction["path"],
        "member": prediction["member"],
        "verdict": verdict_of(given),
        "label": given.label or None,
        "predicted": prediction["label"],
        "model_version": prediction["model_version"],
        "reasons": [reason for reason in REASONS if reason in given.reasons],
        "reviewer": given.reviewer or None,
        "note": given.note or None,
        "tool": file.tool,
        "file": file.name,
        "file_sha256": file.sha256,
        "answered_at": given.answered_at,
        "imported_at": now,
    }
