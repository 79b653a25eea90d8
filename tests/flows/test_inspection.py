"""Looking at a storage root of which something is damaged."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from nightsort.reports import digest
from nightsort.reports.digest import Digest
from nightsort.storage import Storage
from tests.flows.commands import Said

BEGAN = datetime(2026, 11, 20, 2, tzinfo=UTC)
WHOLE, DAMAGED = "20261120T020000000Z-classify-0000", "20261121T020000000Z-classify-0001"


def test_one_damaged_report_does_not_hide_the_others(nightsort: Callable[..., Said], tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "root"))
    made = Digest(
        run_id=WHOLE, flow="classify", state="completed", started=BEGAN, finished=BEGAN, title="Night",
        verdict="Balanced", tone="good",
    )  # fmt: skip
    digest.write(storage, made)
    storage.write_bytes(f"reports/{DAMAGED}/report.json", b"{")
    said = nightsort("status", "--storage", tmp_path / "root")
    assert said.code == 0 and f"completed        {WHOLE}" in said.out
    assert f"reports/{DAMAGED}/report.json: left out, it cannot be read" in said.out[-1]


def test_one_damaged_model_does_not_hide_the_others(nightsort: Callable[..., Said], root: Path) -> None:
    Storage(str(root)).write_bytes("models/2/bundle.json", b"{")
    said = nightsort("models", "--storage", root, "--json")
    assert said.code == 0 and [row["version"] for row in said.data["models"]] == [1]
    assert any("left out: model 2: " in line and "is damaged" in line for line in said.err)
    shown = nightsort("models", "show", 2, "--storage", root)
    assert (shown.code, len(shown.err)) == (2, 1) and "remove the folder of this model" in shown.err[0]
