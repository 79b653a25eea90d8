"""Owns what a training learns from: the three splits of a dataset version, prepared for one size of picture.

Invariant: a class that no training picture shows is not taught, and the lesson says so; ids of classes stay
those of the champion wherever they can.
Does not know what is trained, or how often.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nightsort.config.search import CompareParams
from nightsort.config.training import FitParams, JudgedParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError
from nightsort.images.preprocess import Preprocessing
from nightsort.learning.card import load_card
from nightsort.learning.feeds.loading import feed_for_training, load_split
from nightsort.learning.feeds.pictures import Feed, Pictures
from nightsort.learning.registry import Registry
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage

_MAX_NOTES = 20  # classes that are named one by one


@dataclass(frozen=True)
class Lesson:
    """What there is to learn from: one dataset version, prepared for one size of picture."""

    dataset_version: int
    classes: list[str]  # the position is the class id
    preprocessing: Preprocessing
    train: Feed
    validation: Pictures
    test: Pictures
    forgotten: list[str] = field(default_factory=list)  # classes of the champion that cannot be taught any more
    notes: list[str] = field(default_factory=list)  # what was left out


class Taught(NamedTuple):
    """What a dataset version can teach, before a picture is read."""

    dataset_version: int
    classes: list[str]  # the position is the class id
    counts: dict[str, dict[str, int]]  # pictures by class and split, of classes that cannot be taught too
    forgotten: list[str]  # classes of the champion that cannot be taught any more


@stage(retries=2)
def load_pictures(
    run: Run, params: JudgedParams | CompareParams, folder: Path, image_size: int | None = None
) -> Lesson:
    """Decode the splits of the dataset version into files below `folder`, or have the training split streamed.

    :param image_size: in place of that of the parameters, for flows that have none
    :raises DatasetError: fewer than two classes with training pictures, or no test picture
    """
    dataset = Dataset(run.storage)
    version, classes, counts, forgotten = taught(run, params)
    left_out = [label for label in counts if not counts[label]["train"]]
    preprocessing = _preprocessing(dataset, params, image_size)
    loading = params.loading if isinstance(params, FitParams) else "auto"
    source = (classes + left_out, preprocessing, folder)
    total = sum(sum(splits.values()) for splits in counts.values())
    with progress("decoding", total) as advance:
        train = feed_for_training(dataset, version, "train", classes, preprocessing, folder, loading, advance)
        validation = _first(load_split(dataset, version, "validation", *source, advance), classes)
        test = _first(load_split(dataset, version, "test", *source, advance), classes)
    return Lesson(
        dataset_version=version,
        classes=classes,
        preprocessing=preprocessing,
        train=train,
        validation=validation,
        test=test,
        forgotten=forgotten,
        notes=_notes({label: counts[label] for label in left_out}),
    )


def taught(run: Run, params: JudgedParams | CompareParams) -> Taught:
    """What the dataset version of these parameters can teach.

    :raises DatasetError: fewer than two classes with training pictures, or no test picture
    """
    dataset = Dataset(run.storage)
    version = dataset.resolve(params.dataset_version)
    counts = dataset.counts(version)
    before = _classes_of_champion(run)
    classes = _in_order([label for label in counts if counts[label]["train"]], before)
    _check(version, classes)
    if not any(counts[label]["test"] for label in classes):
        raise DatasetError(f"dataset version {version}: its test split is empty; ingest more pictures")
    return Taught(version, classes, counts, [label for label in before if label not in classes])


def _check(version: int, classes: list[str]) -> None:
    if len(classes) < 2:
        raise DatasetError(
            f"dataset version {version}: training needs at least two classes with training pictures, got "
            f"{len(classes)}: {', '.join(classes) or 'none'}"
        )


def _preprocessing(dataset: Dataset, params: JudgedParams | CompareParams, image_size: int | None) -> Preprocessing:
    policy = dataset.policy()
    side = image_size or (params.image_size if isinstance(params, FitParams) else None)
    if side is None:
        raise ValueError("no image_size")
    return Preprocessing(policy.store_side, side, policy.cleaning)


def _classes_of_champion(run: Run) -> list[str]:
    champion = Registry(run.storage).champion()
    return load_card(run.storage, champion).classes if champion else []


def _in_order(labels: list[str], before: list[str]) -> list[str]:
    """The champion's classes first and in its order, then new ones by name, so that ids stay."""
    return [name for name in before if name in labels] + [name for name in labels if name not in before]


def _first(pictures: Pictures, classes: list[str]) -> Pictures:
    """The pictures of these classes, whose ids are the lowest; the others are overwritten, not copied around."""
    rows = np.flatnonzero(pictures.labels < len(classes))
    if len(rows) == len(pictures):
        return pictures
    for place, row in enumerate(rows):
        pictures.images[place] = pictures.images[row]
    return Pictures(pictures.images[: len(rows)], pictures.labels[rows], [pictures.ids[row] for row in rows])


def _notes(counts: dict[str, dict[str, int]]) -> list[str]:
    """A line for each class without training pictures; of very many the first few, and how many more."""
    lines = [
        f"class {label}: no training picture; its {' and '.join(kinds)} pictures are left out"
        for label, splits in counts.items()
        if (kinds := [f"{splits[split]} {split}" for split in ("validation", "test") if splits[split]])
    ]
    more = len(lines) - _MAX_NOTES
    return lines if more <= 0 else [*lines[:_MAX_NOTES], f"{more} more classes without training picture are left out"]
