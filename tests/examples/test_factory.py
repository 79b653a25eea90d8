"""The example of surface inspection: parts stay together, what is blurred stays out, doubt goes to people and back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.dataset.versions import Dataset
from nightsort.learning.card import load_card
from nightsort.quarantine import Quarantine
from nightsort.scoring.ledger import Ledger

PARTS, OF_A_SHIFT = 40, 6
SMALL = {"image_size": 16, "epochs": 2, "batch_size": 16, "backends": ["torch-fp32"]}


@pytest.fixture(scope="module")
def line(play: Callable[..., Any]) -> Any:
    """The example with its first model."""
    line = play("factory", parts=PARTS, of_a_shift=OF_A_SHIFT)
    line.run("ingest")
    line.learn(**SMALL)
    return line


@pytest.fixture(scope="module")
def shifts(line: Any) -> Any:
    """The report of the three shifts."""
    return line.run("shift", sample=0)


def test_what_the_lamp_or_the_lens_spoilt_is_not_learned(line: Any) -> None:
    aside = Quarantine(line.storage).rows("path", "reason").to_pylist()
    assert [(Path(row["path"]).name, row["reason"]) for row in aside] == [("P00003b.jpg", "poor_quality")]
    assert Dataset(line.storage).examples(["label"]).num_rows == 2 * PARTS - 1


def test_both_pictures_of_a_part_are_in_one_split(line: Any) -> None:
    splits: dict[str, set[str]] = {}
    for row in Dataset(line.storage).examples(["group", "split"]).to_pylist():
        splits.setdefault(row["group"], set()).add(row["split"])
    assert len(splits) == PARTS and set(map(len, splits.values())) == {1}
    assert set().union(*splits.values()) == {"train", "validation", "test"}


def test_every_picture_of_a_shift_has_its_outcome(line: Any, shifts: Any) -> None:
    tally = shifts.intake.tally
    plates = 3 * 2 * OF_A_SHIFT
    assert tally.balanced and tally.discovered == plates + 2
    assert (tally.done, tally.duplicate, tally.quarantined) == (plates, 1, 1)
    assert shifts.intake.reasons == {"same_bytes": 1, "truncated": 1}


def test_the_model_abstains_exactly_below_its_thresholds(line: Any, shifts: Any) -> None:
    card = load_card(line.storage, 1)
    rows = Ledger(line.storage).predictions("label", "confidence", "abstained").to_pylist()
    assert set(card.thresholds) == set(card.classes) and min(card.thresholds.values()) >= card.abstain_below
    assert [row["abstained"] for row in rows] == [row["confidence"] < card.least(row["label"]) for row in rows]
    assert any(row["abstained"] for row in rows)


def test_what_the_inspector_answers_is_learned_from(
    line: Any, shifts: Any, nightsort: Callable[..., Any], tmp_path: Path
) -> None:
    at = ("--storage", line.storage.root)
    before = Dataset(line.storage).examples(["label"]).num_rows
    assert nightsort("review", "export", "--into", tmp_path / "desk", "--count", 6, "--format", "csv", *at).code == 0
    line.program("make_pictures.py")["answer"](tmp_path / "desk" / "queue.csv", line.folder / "truth.csv")
    imported = nightsort("review", "import", tmp_path / "desk" / "queue.csv", *at)
    assert imported.code == 0, imported.err
    learned = Dataset(line.storage).examples(["path", "label"]).to_pylist()
    assert len(learned) == before + 6
    told = {(Path(row["path"]).name, row["label"]) for row in learned if "review" in row["path"]}
    assert len(told) == 6
