"""Owns how the figures of a model are put: the tiles at the top, the shots, the thresholds.

Invariant: a figure that an older report lacks is left out. Does not know HTML or Markdown.
"""

from typing import NamedTuple

from nightsort.evaluation.scores import Interval, Scores
from nightsort.evaluation.thresholds import ALWAYS_ABSTAIN
from nightsort.reports.formats import figure, first, percent, score
from nightsort.reports.learned import TrainingPart

_SHOTS = {"many": "over 100", "medium": "20 to 100", "few": "under 20"}  # training pictures


class Tile(NamedTuple):
    """A headline figure; the interval is empty where there is none."""

    value: str
    name: str
    meaning: str
    interval: str = ""


class Shot(NamedTuple):
    """Classes of about equally many training pictures, and their mean recall."""

    name: str
    pictures: str
    classes: int
    recall: float


class Threshold(NamedTuple):
    """The confidence below which a class abstains; None: it always does."""

    label: str
    confidence: float | None


def tiles(scores: Scores, temperature: float) -> list[Tile]:
    """The headline figures, the most telling first."""
    spans = {name: f"{score(span.low)} to {score(span.high)}" for name, span in scores.intervals.items()}
    shares = {name: f"{percent(span.low)} to {percent(span.high)}" for name, span in scores.intervals.items()}
    found = [
        Tile(score(scores.macro_f1), "macro-F1", "mean F1 over classes", spans.get("macro_f1", "")),
        Tile(percent(scores.accuracy), "accuracy", "pictures named right", shares.get("accuracy", "")),
        Tile(
            percent(scores.balanced_accuracy),
            "balanced accuracy",
            "mean recall over classes",
            shares.get("balanced_accuracy", ""),
        ),
        Tile(
            percent(scores.calibration_error),
            "calibration error",
            f"confidence against truth, temperature {temperature:.2f}",
        ),
    ]
    if scores.top_k_accuracy is not None:
        meaning = f"right class among the {scores.top_k} likeliest"
        found.append(Tile(percent(scores.top_k_accuracy), f"top-{scores.top_k} accuracy", meaning))
    if scores.roc_auc is not None:
        found.append(Tile(score(scores.roc_auc), "ROC AUC", "one class against the rest, mean"))
    if scores.average_precision is not None:
        found.append(Tile(score(scores.average_precision), "average precision", "under precision and recall, mean"))
    if scores.reliability:  # an older report has no log loss either, but zero
        found.append(Tile(figure(scores.log_loss), "log loss", "mean, natural logarithm"))
    return found


def shots(scores: Scores) -> list[Shot]:
    """Classes with many, medium and few training pictures; empty where that is not known."""
    counts = {name: sum(row.shot == name and row.support > 0 for row in scores.classes) for name in _SHOTS}
    return [
        Shot(name, pictures, counts[name], scores.shots[name])
        for name, pictures in _SHOTS.items()
        if name in scores.shots
    ]


def trusts(part: TrainingPart) -> bool:
    """Whether there is anything to say of the model's confidence beyond one figure."""
    return bool(part.scores.reliability or part.scores.coverage or part.thresholds)


def thresholds(chosen: dict[str, float]) -> list[Threshold]:
    """The highest first, those that always abstain before all."""
    rows = sorted(chosen.items(), key=lambda item: (-item[1], item[0]))
    return [Threshold(label, None if value >= ALWAYS_ABSTAIN else value) for label, value in rows]


def in_words(scores: Scores) -> str:
    """One line of figures, such as "macro-F1 0.812 (0.790 to 0.834), balanced accuracy 0.803, few-shot 0.611"."""
    parts = [
        f"macro-F1 {score(scores.macro_f1)}{_span(scores.intervals.get('macro_f1'))}",
        f"balanced accuracy {score(scores.balanced_accuracy)}",
        *(f"{name}-shot {score(scores.shots[name])}" for name in _SHOTS if name in scores.shots),
        f"calibration error {score(scores.calibration_error)}",
    ]
    return ", ".join(parts)


def absent(scores: Scores, limit: int = 20) -> str:
    """Classes without a test picture, in words; empty if there is none."""
    return first(scores.absent, limit)


def _span(interval: Interval | None) -> str:
    return f" ({score(interval.low)} to {score(interval.high)})" if interval else ""
