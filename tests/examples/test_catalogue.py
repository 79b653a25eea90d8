"""The example of a catalogue: archives where they lie, copies found, twins kept together, wrong labels named."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.dataset.versions import Dataset
from nightsort.scoring.ledger import Ledger

SMALL = {"features": ["hog"], "image_size": 48, "backends": ["torch-fp32"]}
OF_A_SUPPLIER, OF_A_DELIVERY = 60, 20


@pytest.fixture(scope="module")
def shop(play: Callable[..., Any]) -> Any:
    """The example with what suppliers sent taken in."""
    shop = play("catalogue", of_a_supplier=OF_A_SUPPLIER, of_a_delivery=OF_A_DELIVERY)
    shop.run("ingest")
    return shop


@pytest.fixture(scope="module")
def delivered(shop: Any) -> Any:
    """The report of both deliveries, under the quick model."""
    shop.run("quick", **SMALL)
    return shop.run("deliveries", sample=0)


def place(row: dict[str, Any]) -> str:
    """As planted.csv names it."""
    return f"{Path(row['path']).name}!{row['member']}"


def test_the_same_bytes_under_another_name_are_not_learned_twice(shop: Any) -> None:
    rows = Dataset(shop.storage).examples(["path", "member"]).to_pylist()
    copies = shop.made["same bytes"]
    assert copies and len(rows) == 3 * OF_A_SUPPLIER + len(shop.made["near-duplicate"])
    names = {place(row) for row in rows}
    # Which of two equal pictures comes first is nobody's business.
    assert sum(name in names for name in copies) + sum(f"northwind.zip!{twin}" in names for twin in originals(shop))
    assert shop.made["near-duplicate"] and set(shop.made["near-duplicate"]) <= names


def originals(shop: Any) -> list[str]:
    """Names of northwind's pictures that nobody disputes."""
    lines = (shop.folder / "pictures" / "suppliers" / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()
    return [name for line in lines if (name := json.loads(line)["path"].partition("!")[2]).startswith("NW")]


def test_near_duplicates_share_a_group_and_a_split(shop: Any) -> None:
    rows = Dataset(shop.storage).examples(["path", "member", "group", "split"]).to_pylist()
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    assert all(len({row["split"] for row in group}) == 1 for group in groups.values())
    reused = set(shop.made["near-duplicate"])
    found = [row for group in groups.values() if len(group) > 1 for row in group if place(row) in reused]
    assert len(found) >= 0.6 * len(reused)


def test_the_audit_names_wrong_labels(shop: Any) -> None:
    report = shop.run("audit")
    (listed,) = Path(shop.storage.root).glob(f"reports/{report.run_id}/audit.csv")
    with listed.open(newline="", encoding="utf-8-sig") as stream:
        suspected = {place(row) for row in csv.DictReader(stream) if row["finding"] in ("label", "outlier")}
    wrong = set(shop.made["wrong label"])
    assert len(suspected & wrong) >= 0.5 * len(wrong)
    assert len(suspected) < 0.2 * 3 * OF_A_SUPPLIER


def test_archives_are_classified_where_they_lie(shop: Any, delivered: Any) -> None:
    tally = delivered.intake.tally
    assert tally.balanced and tally.discovered == 2 * OF_A_DELIVERY + 1
    assert tally.done == 2 * OF_A_DELIVERY and delivered.intake.reasons == {"nested_archive": 1}
    files = {Path(row["path"]).name for row in Ledger(shop.storage).predictions("path").to_pylist()}
    assert files == {"2026-03-02.zip", "2026-03-03.tar.gz"}
    assert sorted(file.name for file in (shop.folder / "pictures" / "deliveries").iterdir()) == sorted(files)


def test_the_shelves_are_joined_with_the_predictions_without_nightsort(shop: Any, delivered: Any) -> None:
    find = shop.program("disagreements.py")["disagreements"]
    rows = find(shop.storage.root, str(shop.folder / "shop.csv")).to_pylist()
    with (shop.folder / "shop.csv").open(newline="", encoding="utf-8") as stream:
        misplaced = {row["sku"] for row in csv.DictReader(stream) if row["category"] != row["truth"]}
    assert len(misplaced) == 4  # two of each delivery
    assert all(row["category"] != row["label"] and not row["abstained"] for row in rows)
    assert misplaced & {row["sku"] for row in rows}
