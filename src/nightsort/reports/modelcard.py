"""Owns a model's card for people, card.json and card.md: what it is and is for, learned, can do and cannot.

Invariant: card.md says nothing that is not in card.json, and both are bounded by the number of classes.
Does not know how a figure came about.

Sections after Mitchell et al., "Model Cards for Model Reporting", FAccT 2019; the head of the Markdown is the
metadata by which Hugging Face's hub lists a model.
"""

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from nightsort.errors import ModelError
from nightsort.evaluation.decisions import Recorded
from nightsort.evaluation.scores import Robustness, Scores
from nightsort.evaluation.thresholds import ALWAYS_ABSTAIN
from nightsort.learning.card import Card
from nightsort.learning.registry import Move
from nightsort.reports import render
from nightsort.reports.formats import plural, shorten
from nightsort.reports.learned import BackendTable, TrainingPart
from nightsort.reports.shown import ClassCount
from nightsort.storage import Storage

FEW = 20
"""Test pictures of a class below which its figures say little."""

_NAMED = 12  # classes in a caution
_DRAWN: dict[str, Any] = {"roc": [], "precision_recall": [], "coverage": None}  # curves, which the report draws


class ModelCard(BaseModel):
    """The content of card.json."""

    bundle: Card
    parameters: int
    recipe: dict[str, Any]  # how it was trained: the knobs of the flow
    epochs: int  # that it was trained for; 0 where it was not, as an ensemble
    best_epoch: int
    data: list[ClassCount]  # of its dataset version
    scores: Scores  # without curves
    backends: BackendTable | None = None
    robustness: Robustness | None = None
    notes: list[str] = []
    decisions: list[Recorded] = []  # of the gate about it, oldest first
    moves: list[Move] = []  # that made it champion, oldest first
    champion: bool = False


def compose(bundle: Card, training: TrainingPart, recipe: dict[str, Any], data: list[ClassCount]) -> ModelCard:
    """The card of a model that was just trained, before anything is decided about it."""
    return ModelCard(
        bundle=bundle,
        recipe=recipe,
        epochs=len(training.history),
        data=data,
        scores=training.scores.model_copy(update=_DRAWN),
        **{name: getattr(training, name) for name in ("parameters", "best_epoch", "backends", "robustness", "notes")},
    )


def write(storage: Storage, card: ModelCard) -> None:
    """Write card.md, then card.json.

    :raises StorageError: the storage root cannot be written
    """
    storage.write_bytes(f"models/{card.bundle.version}/card.md", to_markdown(card).encode())
    storage.write_bytes(_data(card.bundle.version), card.model_dump_json(indent=1).encode())


def read(storage: Storage, version: int) -> ModelCard | None:
    """The card of a model; None if it was published without one.

    :raises ModelError: if it is damaged
    """
    try:
        return ModelCard.model_validate_json(storage.read_bytes(_data(version)))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        place = storage.locate(_data(version))
        raise ModelError(f"model {version}: {place} is damaged ({error.error_count()} faults); delete it") from None


def to_markdown(card: ModelCard) -> str:
    """GitHub-flavoured Markdown under a YAML head."""
    head = yaml.safe_dump(metadata(card), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n{render.page('modelcard.md', card=card, cautions=list(cautions(card)))}"


def metadata(card: ModelCard) -> dict[str, Any]:
    """What the hub reads: no license, which only the owner of the pictures can give."""
    scores, version = card.scores, card.bundle.dataset_version
    figures = [
        ("accuracy", "accuracy", scores.accuracy),
        ("f1", "macro-F1", scores.macro_f1),
        ("recall", "balanced accuracy", scores.balanced_accuracy),
        ("expected_calibration_error", "expected calibration error", scores.calibration_error),
    ]
    result = {
        "task": {"type": "image-classification", "name": "Image classification"},
        "dataset": {"type": "nightsort", "name": f"dataset version {version}", "split": "test"},
        "metrics": [{"type": kind, "name": name, "value": round(value, 4)} for kind, name, value in figures],
    }
    return {
        "library_name": "nightsort",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "nightsort", *(["champion"] if card.champion else [])],
        "metrics": ["accuracy", "f1", "recall"],
        "model-index": [{"name": f"nightsort model {card.bundle.version}", "results": [result]}],
    }


def cautions(card: ModelCard) -> Iterator[str]:
    """What to keep in mind before its answers are relied on, in sentences."""
    few = [row.label for row in card.scores.classes if 0 < row.support < FEW]
    if card.scores.absent:
        yield f"Nothing is known about {_named(card.scores.absent)}: no test picture."
    if few:
        yield f"The figures of {_named(few)} rest on fewer than {FEW} test pictures each."
    silent = [label for label, least in card.bundle.thresholds.items() if least >= ALWAYS_ABSTAIN]
    if silent:
        yield f"It never answers with {_named(silent)}, and abstains instead."
    rare = [row.label for row in card.data if row.label in card.bundle.classes and row.train < FEW]
    if rare:
        yield f"It learned {_named(rare)} from fewer than {FEW} pictures each."
    if not card.robustness:
        yield "How it bears blur, noise or bad light was not measured."
    if not card.champion:
        yield "It is not the champion: the nightly classification does not use it."


def _named(labels: list[str]) -> str:
    shown = ", ".join(shorten(label, 40) for label in labels[:_NAMED])
    more = len(labels) - _NAMED
    return f"{shown} and {plural(more, 'more class')}" if more > 0 else shown


def _data(version: int) -> str:
    return f"models/{version}/card.json"
