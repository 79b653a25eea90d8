"""Owns what two models have to say beside each other: what their cards say, and their figures on the same pictures.

Invariant: a class without a test picture has no line. Does not know how the figures came about.
"""

from typing import TYPE_CHECKING

from nightsort.learning.card import Card
from nightsort.reports.difference import MAX_CLASSES, ClassFigures, Fact, Scored
from nightsort.reports.formats import minute, score

if TYPE_CHECKING:  # it loads torch
    from nightsort.evaluation.duel import Duel

_FIGURES = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced_accuracy",
    "macro-F1": "macro_f1",
    "calibration error": "calibration_error",
    "log loss": "log_loss",
}


def facts(first: Card, second: Card) -> list[Fact]:
    """What both cards say."""
    cards = (first, second)
    rows = {
        "created": [f"{minute(card.created)} UTC" for card in cards],
        "network": [f"{card.model}, {card.image_size} px" for card in cards],
        "learned from": [f"dataset version {card.dataset_version}" for card in cards],
        "balanced by": [card.balance for card in cards],
        "classes": [str(len(card.classes)) for card in cards],
    }
    return [Fact(name=name, first=values[0], second=values[1]) for name, values in rows.items()]


def figures(duel: "Duel") -> list[Fact]:
    """Both models' figures, line by line."""
    first, second = duel.scores
    return [
        Fact(name=words, first=score(getattr(first, name)), second=score(getattr(second, name)))
        for words, name in _FIGURES.items()
    ]


def scored(duel: "Duel", dataset_version: int) -> Scored:
    """The verdict, and the classes, the largest loss of F1 first."""
    rows = [
        ClassFigures(
            label=a.label, support=a.support, f1=(a.f1 or 0.0, b.f1 or 0.0), recall=(a.recall or 0.0, b.recall or 0.0)
        )
        for a, b in zip(duel.scores[0].classes, duel.scores[1].classes, strict=True)
        if a.support
    ]
    rows.sort(key=lambda row: (row.f1[1] - row.f1[0], row.label))
    return Scored(
        dataset_version=dataset_version,
        macro_f1=duel.macro_f1,
        p_value=duel.p_value,
        only=duel.only,
        classes=rows[:MAX_CLASSES],
    )
