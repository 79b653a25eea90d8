"""Owns the quarantine: pictures set aside, each with a typed reason and its original bytes.

Invariant: a row names one of `schema.REASONS`; rows are only ever appended.
Does not know how a picture was judged, only what was found.
"""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.schema import QUARANTINE, REASONS
from nightsort.sources.arrivals import known_from
from nightsort.storage import Storage
from nightsort.tables import Table

CONTENT_CAP = 1_000_000
"""Original bytes kept of a quarantined picture; a larger one is named but not copied."""


class Quarantine:
    """The quarantine of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._table = Table(storage, "quarantine", QUARANTINE)

    def append(self, rows: pa.Table) -> None:
        """Append rows of the schema QUARANTINE; an unknown reason is a bug and raises ValueError."""
        unknown = set(rows.column("reason").to_pylist()) - REASONS.keys()
        if unknown:
            raise ValueError(f"quarantine: reasons {sorted(unknown)} are not in schema.REASONS")
        self._table.append(rows)

    def rows(self, *columns: str) -> pa.Table:
        """The named columns of all rows."""
        return self._table.read(columns)

    def known(self, flow: str) -> pa.Table:
        """What this flow need not look at again, by the schema `arrivals.KNOWN`; unreadable files it should."""
        where = (pc.field("flow") == flow) & (pc.field("reason") != "unreadable")
        rows = self._table.read(["sha256", "path", "member", "size", "reason"], where)
        return known_from(rows.append_column("here_only", pc.equal(rows["reason"], "no_label")))

    def count(self) -> int:
        """How many rows there are."""
        return self._table.count()


def row(
    item: dict[str, object], reason: str, detail: str, *, flow: str, run_id: str, content: bytes | None = None
) -> dict[str, object]:
    """One row of the schema QUARANTINE.

    :param item: a row of the schema FINGERPRINTS or LISTING
    :param content: the original bytes, if they could be read
    """
    return {
        **{name: item.get(name) for name in ("sha256", "path", "member", "size", "label")},
        "reason": reason,
        "detail": detail,
        "content": content if content is not None and len(content) <= CONTENT_CAP else None,
        "flow": flow,
        "run_id": run_id,
        "quarantined_at": datetime.now(UTC),
    }
