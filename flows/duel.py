"""Owns scoring two models afresh, side by side: `nightsort models compare A B`.

Invariant: changes nothing but the page that it writes. Loads torch. Does not know how it is printed.
"""

import numpy as np
import pyarrow as pa

from flows.difference import Told, known_model, model_facts, model_side, told
from nightsort.dataset.versions import Dataset
from nightsort.errors import ModelError
from nightsort.evaluation.duel import Duel, duel
from nightsort.learning.card import load_card
from nightsort.reports import gallery
from nightsort.reports.answered import Answered, Answers
from nightsort.reports.difference import MAX_CLASSES, ClassFigures, Difference, Fact, Scored
from nightsort.reports.formats import count, figure, score
from nightsort.scoring.trials import choice
from nightsort.storage import Storage
from tasks.progress import progress

_FIGURES = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced_accuracy",
    "macro-F1": "macro_f1",
    "calibration error": "calibration_error",
    "log loss": "log_loss",
}


def compare(storage: Storage, first: int, second: int) -> Told:
    """Both models on the test split of the newest dataset version.

    :raises ModelError: there is no such model, or both are the same
    """
    if first == second:
        raise ModelError(f"model {first}: cannot be compared with itself; name two models")
    for version in (first, second):
        known_model(storage, version)
    dataset_version = Dataset(storage).resolve(None)
    with progress("scoring", None) as advance:
        found = duel(storage, (first, second), dataset_version, lambda pictures: advance(pictures))
    notes = (
        [f"{count(found.unknown)} test pictures of classes that neither knows are left out."] if found.unknown else []
    )
    difference = Difference(
        kind="scores",
        first=model_side(first),
        second=model_side(second),
        facts=[*_figures(found), *model_facts(storage, first, second), *_costs(storage, first, second, notes)],
        scored=_scored(found, dataset_version),
        answered=_answered(storage, found, (first, second)),
        notes=notes,
    )
    return told(storage, difference)


def _figures(found: Duel) -> list[Fact]:
    first, second = found.scores
    return [
        Fact(name=words, first=score(getattr(first, name)), second=score(getattr(second, name)))
        for words, name in _FIGURES.items()
    ]


def _costs(storage: Storage, first: int, second: int, notes: list[str]) -> list[Fact]:
    """Speed on this machine, and size, where they are known."""
    rates, sizes = [], []
    for version in (first, second):
        rates.append(_rate(storage, version, notes))
        sizes.append(f"{len(storage.read_bytes(f'models/{version}/weights.safetensors')) / 1e6:.1f} MB")
    return [
        Fact(name="speed here", first=rates[0], second=rates[1]),
        Fact(name="weights", first=sizes[0], second=sizes[1]),
    ]


def _rate(storage: Storage, version: int, notes: list[str]) -> str:
    try:
        record = choice.read(storage, load_card(storage, version))
    except ModelError as error:
        notes.append(str(error))
        return "not known"
    trial = record.here() if record else None
    if trial is None or trial.used.rate is None:
        return "not measured"
    return f"{figure(trial.used.rate)}/s by {trial.used.backend}"


def _scored(found: Duel, dataset_version: int) -> Scored:
    rows = [
        ClassFigures(
            label=a.label, support=a.support, f1=(a.f1 or 0.0, b.f1 or 0.0), recall=(a.recall or 0.0, b.recall or 0.0)
        )
        for a, b in zip(found.scores[0].classes, found.scores[1].classes, strict=True)
        if a.support
    ]
    rows.sort(key=lambda row: (row.f1[1] - row.f1[0], row.label))
    return Scored(
        dataset_version=dataset_version,
        macro_f1=found.macro_f1,
        p_value=found.p_value,
        only=found.only,
        classes=rows[:MAX_CLASSES],
    )


def _answered(storage: Storage, found: Duel, versions: tuple[int, int]) -> Answered | None:
    """What both said of the test pictures, with pictures from the dataset."""
    dataset = Dataset(storage)
    names = pa.array(found.classes, pa.string())
    columns = {"sha256": pa.array(found.sha256s, pa.string()), "truth": names.take(pa.array(found.labels))}
    for probabilities, version, end in zip(found.probabilities, versions, ("", "_second"), strict=True):
        card, said = load_card(storage, version), probabilities.argmax(1)
        sure = probabilities.max(1)
        least = np.array([card.thresholds.get(name, card.abstain_below) for name in found.classes])
        columns[f"label{end}"] = names.take(pa.array(said))
        columns[f"confidence{end}"] = pa.array(sure, pa.float32())
        columns[f"abstained{end}"] = pa.array(sure < least[said])
    places = dataset.examples(["sha256", "path", "member"])
    answers = Answers()
    answers.add(pa.table(columns).join(places, "sha256", join_type="inner"))
    return answers.of(lambda rows: gallery.stored_thumbnails(dataset, rows))
