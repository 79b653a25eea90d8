"""Owns the people of a rehearsal: who reads the reports, and who answers the review queue.

Invariant: they know what is on every picture, and of the program only what its reports and its exports say.
Does not know when they are asked.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from rehearsal.drops import Sent

_USUAL = 3.0  # times the usual share of abstentions is odd
_FEW = 5  # abstentions that are never odd
_REVIEWER = "Robin"


def oddities(report: Mapping[str, Any], earlier: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why somebody who reads a night's report looks closer, in words; empty for a quiet night."""
    drift = report.get("drift") or {"findings": []}
    odd: list[str] = [finding["name"] for finding in drift["findings"] if finding["drifted"]]
    usual = median([abstained(each) for each in earlier] or [0.0])
    if report["classify"]["abstained"] > _FEW and abstained(report) > _USUAL * usual:
        odd.append("abstentions")
    return odd


def abstained(report: Mapping[str, Any]) -> float:
    """Share of what a night classified on which the model abstained."""
    return int(report["classify"]["abstained"]) / max(1, int(report["intake"]["tally"]["done"]))


def looked_at(report: Mapping[str, Any], truth: Mapping[str, str | None]) -> Counter[str]:
    """What a person sees on the least certain pictures of a report: digits, or "dark".

    :param truth: place -> what is on the picture there
    """
    places = [picture["path"] for picture in report["classify"]["least_certain"]]
    return Counter(truth[place] or "dark" for place in places if place in truth)


def answer(queue: Path, answers: Path, sent: Iterable[Sent], labels: int) -> Counter[str]:
    """Fill in an exported queue.csv, until so many pictures got a label.

    :returns: how often the model was right, was corrected, and how many pictures show nothing
    """
    truth = {each.sha256: each.truth for each in sent}
    counted: Counter[str] = Counter()
    with queue.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        rows, columns = list(reader), reader.fieldnames or []
    for row in rows:
        if counted["confirmed"] + counted["corrected"] == labels:
            break
        label = truth[row["sha256"]]
        row |= {"verdict": "label" if label else "unusable", "label": label or "", "reviewer": _REVIEWER}
        counted["unusable" if label is None else "confirmed" if label == row["predicted"] else "corrected"] += 1
    with answers.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return counted
