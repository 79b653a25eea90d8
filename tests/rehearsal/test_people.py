"""People look closer where a report is odd, see what is on the pictures, and answer with the truth."""

import csv
from pathlib import Path
from typing import Any

from rehearsal import people
from rehearsal.drops import Sent


def report(abstained: int, alarms: tuple[str, ...] = (), shown: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "intake": {"tally": {"done": 100}},
        "classify": {"abstained": abstained, "least_certain": [{"path": path} for path in shown]},
        "drift": {"findings": [{"name": name, "drifted": name in alarms} for name in ("sharpness", "confidence")]},
    }


def test_a_night_is_odd_by_its_alarms_or_its_abstentions() -> None:
    usual = [report(4), report(6), report(5)]
    assert people.oddities(report(9), usual) == []
    assert people.oddities(report(30), usual) == ["abstentions"]
    assert people.oddities(report(5, ("sharpness",)), usual) == ["sharpness"]
    assert people.oddities(report(4), []) == []


def test_people_see_what_is_on_the_pictures_that_a_report_shows() -> None:
    seen = people.looked_at(report(9, shown=("a", "b", "c", "unknown")), {"a": "9", "b": "9", "c": None})
    assert seen == {"9": 2, "dark": 1}


def test_the_queue_is_answered_with_the_truth_until_there_are_enough(tmp_path: Path) -> None:
    truth = {"one": "1", "two": "2", "dark": None, "nine": "9", "more": "4"}
    sent = [Sent(f"/{name}", name, 1, "classified", label) for name, label in truth.items()]
    header = ["sha256", "predicted", "verdict", "label", "reviewer", "note"]
    queue, answers = tmp_path / "queue.csv", tmp_path / "answers.csv"
    with queue.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([header, *([name, "1", "", "", "", ""] for name in truth)])
    counted = people.answer(queue, answers, sent, labels=3)
    assert counted == {"confirmed": 1, "corrected": 2, "unusable": 1}
    with answers.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["verdict"], row["label"]) for row in rows] == [
        ("label", "1"), ("label", "2"), ("unusable", ""), ("label", "9"), ("", ""),
    ]  # fmt: skip
