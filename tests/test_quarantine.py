"""What was set aside is kept with a reason and its bytes, and is known afterwards."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from nightsort import quarantine
from nightsort.quarantine import CONTENT_CAP, Quarantine
from nightsort.schema import QUARANTINE, REASONS
from nightsort.sources.arrivals import KNOWN
from nightsort.storage import Storage

ITEM = {"sha256": "aa", "path": "/in/a.jpg", "member": "m", "size": 7, "label": "crack", "outcome": None, "extra": 1}


def table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=QUARANTINE)


def row(reason: str = "empty", flow: str = "ingest", content: bytes | None = b"x", **item: object) -> dict[str, object]:
    return quarantine.row({**ITEM, **item}, reason, "why", flow=flow, run_id="run", content=content)


def test_a_row_says_what_where_why_and_when(storage: Storage) -> None:
    Quarantine(storage).append(table(row()))
    [found] = Quarantine(storage).rows(*QUARANTINE.names).to_pylist()
    when = found.pop("quarantined_at")
    assert abs(datetime.now(UTC) - when) < timedelta(minutes=5)
    assert found == {
        "sha256": "aa", "path": "/in/a.jpg", "member": "m", "size": 7, "label": "crack", "reason": "empty",
        "detail": "why", "content": b"x", "flow": "ingest", "run_id": "run",
    }  # fmt: skip


@pytest.mark.parametrize(("length", "kept"), [(CONTENT_CAP, True), (CONTENT_CAP + 1, False)])
def test_the_original_bytes_are_kept_up_to_the_cap(length: int, kept: bool) -> None:
    data = bytes(length)
    assert row(content=data)["content"] == (data if kept else None)
    assert row(content=b"")["content"] == b""
    assert row(content=None)["content"] is None


def test_every_reason_is_taken_and_no_other(storage: Storage) -> None:
    aside = Quarantine(storage)
    aside.append(table(*(row(reason) for reason in REASONS)))
    with pytest.raises(ValueError, match=r"\['same_bytes'\] are not in schema\.REASONS"):
        aside.append(table(row("same_bytes"), row()))
    assert aside.count() == len(REASONS)


def test_rows_are_only_ever_appended(storage: Storage) -> None:
    aside = Quarantine(storage)
    for _ in range(2):
        aside.append(table(row()))
        aside.append(table())
    assert aside.count() == 2


def test_each_flow_knows_its_own_but_what_may_be_readable_next_time(storage: Storage) -> None:
    aside = Quarantine(storage)
    cases = [("empty", "ingest"), ("no_label", "ingest"), ("unreadable", "ingest"), ("corrupt", "classify")]
    aside.append(table(*(row(reason, flow, sha256=reason) for reason, flow in cases)))
    known = aside.known("ingest")
    assert known.schema == KNOWN
    assert {r["sha256"]: r["here_only"] for r in known.to_pylist()} == {"empty": False, "no_label": True}
    assert set(known["label"].to_pylist()) == {None}  # the label it came with is not that of a stored picture
    assert aside.known("classify")["sha256"].to_pylist() == ["corrupt"]


def test_an_empty_quarantine_knows_nothing(storage: Storage) -> None:
    aside = Quarantine(storage)
    assert (aside.count(), aside.known("ingest").num_rows, aside.known("ingest").schema) == (0, 0, KNOWN)
