"""Owns the comparison of the ledger with the truth: how often the answers of the last nights were right.

Invariant: only pictures that show something count, each once. Does not know which model answered.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rehearsal.drops import Sent
from rehearsal.records import Records


@dataclass(frozen=True)
class Held:
    """The answers to some pictures, held against what is on them."""

    pictures: int
    accuracy: float
    recall: dict[str, float]  # class -> share of its pictures that were recognised


def held_against(sent: Iterable[Sent], records: Records) -> Held:
    """Look the answers up; abstentions count by the label that would have been given."""
    truth = {each.sha256: each.truth for each in sent if each.truth is not None}
    right: defaultdict[str, list[bool]] = defaultdict(list)
    for row in records.rows("predictions", "sha256", "label"):
        if (label := truth.get(row["sha256"])) is not None:
            right[label].append(row["label"] == label)
    answers = [each for some in right.values() for each in some]
    recall = {label: sum(some) / len(some) for label, some in sorted(right.items())}
    return Held(len(answers), sum(answers) / max(1, len(answers)), recall)
