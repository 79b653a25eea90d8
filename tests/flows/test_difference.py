"""`report --diff` and `models compare`: two runs or two models of one root, from words to a page."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from nightsort.learning import bundle
from nightsort.reports import digest
from nightsort.reports.digest import Digest
from nightsort.schema import PREDICTIONS
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from nightsort.tally import Tally
from tests.flows.commands import Said

Nightsort = Callable[..., Said]
BEGAN = datetime(2026, 11, 20, 2, tzinfo=UTC)
FIRST, SECOND = "20261120T020000000Z-classify-0000", "20261121T020000000Z-classify-0001"
MARKUP = "<img src=x>"


@pytest.fixture
def two(root: Path) -> Path:
    """A root with a second model, whose head was turned over, of the classes of the first."""
    storage = Storage(str(root))
    first = bundle.load(storage, 1)
    with torch.no_grad():
        for parameter in first.network.head.parameters():
            parameter.neg_()
    bundle.save(storage, first.card.model_copy(update={"version": 2}), first.network)
    return root


@pytest.fixture
def nights(two: Path, tmp_path: Path, pictures: Any) -> Path:
    """Twelve pictures, classified in one night under each model; the second calls a third of them something else."""
    (tmp_path / "camera").mkdir()
    for night, run_id in enumerate((FIRST, SECOND)):
        labels = [("red", "blue", MARKUP if night else "green")[i % 3] for i in range(12)]
        rows = []
        for i, label in enumerate(labels):
            data = pictures.one("green", i)
            (tmp_path / "camera" / f"{i}.png").write_bytes(data)
            rows.append(
                {
                    "sha256": hashlib.sha256(data).hexdigest(), "model_version": night + 1, "preprocessing": "p",
                    "path": str(tmp_path / "camera" / f"{i}.png"), "member": "", "label": label, "confidence": 0.6,
                    "runner_up": "red", "margin": 0.3, "abstained": False, "top_labels": [label],
                    "top_confidences": [0.6], "run_id": run_id, "classified_at": BEGAN + timedelta(days=night),
                    "run_date": f"2026-11-2{night}",
                }
            )  # fmt: skip
        storage = Storage(str(two))
        Ledger(storage).commit(pa.Table.from_pylist(rows, schema=PREDICTIONS))
        began = BEGAN + timedelta(days=night)
        made = Digest(
            run_id=run_id, flow="classify", state="completed", started=began, finished=began, title="Night",
            verdict="Balanced", tone="good", tally=Tally(discovered=12, done=12), model_version=night + 1,
            predicted={label: labels.count(label) for label in labels},
        )  # fmt: skip
        digest.write(storage, made)
    return two


@pytest.mark.parametrize("words", [(FIRST, SECOND), ("previous", "latest"), (FIRST[:9], SECOND[:9])])
def test_two_nights_are_compared(nightsort: Nightsort, nights: Path, words: tuple[str, str]) -> None:
    said = nightsort("report", "--diff", *words, "--storage", nights, "--json")
    assert (said.code, said.data["first"]["key"], said.data["second"]["key"]) == (0, FIRST, SECOND)
    assert said.data["mixes"]["totals"] == [12, 12]
    both = said.data["answered"]
    assert (both["pictures"], both["agreeing"], both["changes"]) == (
        12, 8, [{"first": "green", "second": MARKUP, "pictures": 4}],
    )  # fmt: skip
    page = Path(said.data["page"])
    assert page.parent == nights / "reports" / "differences"
    html = page.read_text()
    assert MARKUP not in html and "&lt;img src=x&gt;" in html
    assert html.count('src="data:image/jpeg') == 4
    assert (page.parent / f"../{FIRST}/report.html").parent.resolve().is_dir()


@pytest.mark.parametrize("words", [("1", "2"), ("model:1", "model:2")])
def test_two_models_are_compared_on_what_both_classified(
    nightsort: Nightsort, nights: Path, words: tuple[str, str]
) -> None:
    said = nightsort("report", "--diff", *words, "--storage", nights, "--json")
    assert (said.code, said.data["kind"], said.data["mixes"]) == (0, "models", None)
    assert (said.data["answered"]["pictures"], said.data["answered"]["agreeing"]) == (12, 8)


def test_pictures_that_are_gone_are_named_without_pixels(nightsort: Nightsort, nights: Path, tmp_path: Path) -> None:
    (tmp_path / "camera").rename(tmp_path / "away")
    said = nightsort("report", "--diff", 1, 2, "--storage", nights, "--json")
    html = Path(said.data["page"]).read_text()
    assert said.code == 0 and html.count("no preview") == 4 and "data:image/jpeg" not in html


def test_models_that_share_no_picture_say_what_to_do(nightsort: Nightsort, two: Path) -> None:
    said = nightsort("report", "--diff", 1, 2, "--storage", two)
    assert said.code == 0 and any("nightsort models compare" in line for line in said.out)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("1", "latest"), "name two models or two runs"),
        (("1", "7"), "model 7: is not in"),
        (("model:x", "1"), "must be model: and a number"),
        ((FIRST, "2027"), "name two models or two runs"),
        ((FIRST, "20270101"), "run 20270101: is not in"),
        (("202611", "latest"), "name two models or two runs"),
        (("20261120T", "2026112\N{HORIZONTAL ELLIPSIS}"), "is not in"),
    ],
)
def test_a_mistake_is_one_line(nightsort: Nightsort, nights: Path, words: tuple[str, str], part: str) -> None:
    said = nightsort("report", "--diff", *words, "--storage", nights)
    assert (said.code, len(said.err), said.out) == (2, 1, []) and part in said.err[0]
    assert not (nights / "reports" / "differences").exists()


def test_a_beginning_of_several_runs_names_them(nightsort: Nightsort, nights: Path) -> None:
    storage = Storage(str(nights))
    again = f"{SECOND[:-4]}0002"
    (newest,) = digest.recent(storage, 1, flow="classify")
    digest.write(storage, newest.model_copy(update={"run_id": again}))
    said = nightsort("report", "--diff", "latest", "20261121", "--storage", nights)
    assert said.code == 2 and f"{SECOND}, {again} begin like this" in said.err[0]


def test_the_latest_is_one_that_classified_something(nightsort: Nightsort, nights: Path) -> None:
    storage = Storage(str(nights))
    (newest,) = digest.recent(storage, 1, flow="classify")
    idle = {"run_id": "20261122T020000000Z-classify-0002", "tally": Tally(discovered=12, skipped=12), "predicted": {}}
    digest.write(storage, newest.model_copy(update=idle))
    said = nightsort("report", "--diff", "previous", "latest", "--storage", nights, "--json")
    assert (said.data["first"]["key"], said.data["second"]["key"]) == (FIRST, SECOND)


def test_the_run_of_another_flow_is_refused(nightsort: Nightsort, nights: Path) -> None:
    ingested = next(name for name in digest.run_ids(Storage(str(nights))) if "-ingest-" in name)
    said = nightsort("report", "--diff", ingested, "latest", "--storage", nights)
    assert said.code == 2 and "is not a finished run of classify" in said.err[0]


def test_two_models_are_scored_on_the_same_test_pictures(nightsort: Nightsort, two: Path) -> None:
    said = nightsort("models", "compare", 1, 2, "--storage", two, "--json")
    assert said.code == 0
    scored, both = said.data["scored"], said.data["answered"]
    card = json.loads((two / "models/1/bundle.json").read_text())
    assert scored["macro_f1"]["champion_macro_f1"] == pytest.approx(card["macro_f1"])
    assert scored["macro_f1"]["challenger_macro_f1"] < scored["macro_f1"]["champion_macro_f1"]
    assert both["pictures"] == scored["macro_f1"]["pictures"] == sum(row["support"] for row in scored["classes"])
    assert both["pictures"] - both["agreeing"] >= scored["only"][0] > scored["only"][1] == 0
    assert scored["p_value"] < 0.05
    html = Path(said.data["page"]).read_text()
    assert html.count('src="data:image/jpeg') == len(both["shown"]) > 0 and "in truth" in html
    lines = nightsort("models", "compare", 2, 1, "--storage", two).out
    assert lines[1].startswith("  Model 1 is better: ") and any(line.strip().startswith("weights") for line in lines)


@pytest.mark.parametrize(
    ("words", "part"), [((1, 1), "with itself"), ((1, 5), "model 5: is not in"), ((1, 0), "0 is not")]
)
def test_models_that_cannot_be_compared(nightsort: Nightsort, two: Path, words: tuple[int, int], part: str) -> None:
    said = nightsort("models", "compare", *words, "--storage", two)
    assert (said.code, len(said.err)) == (2, 1) and part in said.err[0]
