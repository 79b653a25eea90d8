"""A chunk comes to its outcomes: what could not be read is not taken for what lay there before."""

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from nightsort.schema import FINGERPRINTS
from nightsort.scoring import engine
from nightsort.scoring.outcomes import Order, Outcomes, classify
from nightsort.sources.contents import write_contents
from nightsort.sources.files import Access

BEFORE = "ab" * 32  # what lay at the place when it was last looked at


def classified(tmp_path: Path, name: str, size: int = 1) -> Outcomes:
    """What becomes of one file whose place is remembered."""
    row = {"path": str(tmp_path / name), "member": "", "size": size, "stamp": "2", "last_sha256": BEFORE}
    order = Order(
        root=str(tmp_path),
        model_version=1,
        weights_sha256="",
        backend="torch-fp32",
        batch_size=1,
        threads=1,
        run_id="run",
        run_date="2026-11-21",
        max_pixels=100,
        access=Access(scratch=str(tmp_path / "scratch"), max_bytes=10),
        strict=False,
        known=write_contents([pa.array([BEFORE])], tmp_path),
    )
    return classify(pa.Table.from_pylist([row], schema=FINGERPRINTS), order)


@pytest.mark.parametrize(("size", "reason"), [(1, "unreadable"), (11, "too_large")])
def test_bytes_that_nobody_read_have_no_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, reason: str
) -> None:
    """Else the ledger would take the content from before for quarantined, and never classify it again."""
    monkeypatch.setattr(engine, "resident", lambda *asked: SimpleNamespace(batch_size=1))
    [row] = classified(tmp_path, "gone.jpg", size).quarantined.to_pylist()
    assert (row["reason"], row["sha256"]) == (reason, None)
