"""Owns the stage that combines published models.

Invariant: what is chosen or weighed, is by the validation split. Does not know what becomes of the combination.
"""

from nightsort.balance.plan import count
from nightsort.config.search import EnsembleParams
from nightsort.errors import ModelError
from nightsort.learning import bundle
from nightsort.learning.bundle import Bundle
from nightsort.learning.ensemble.combination import combine
from nightsort.learning.fit import Fitted
from nightsort.learning.registry import Registry
from nightsort.learning.temperature import temperature_of
from tasks.lesson import Lesson
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage


@stage(retries=0)
def load_members(run: Run, params: EnsembleParams) -> list[Bundle]:
    """The models to combine.

    :raises ModelError: if one is not there, or is named twice
    """
    registry = Registry(run.storage)
    for version in params.models:
        registry.require(version)
    if len(set(params.models)) < len(params.models):
        raise ModelError(f"models: {', '.join(map(str, params.models))}: one of them is named twice")
    with progress("loading", len(params.models)) as advance:
        members = []
        for version in params.models:
            members.append(bundle.load(run.storage, version))
            advance(1)
    return members


@stage(retries=0)
def combine_members(run: Run, params: EnsembleParams, lesson: Lesson, members: list[Bundle]) -> Fitted:
    """One model of several, calibrated on the validation split."""
    if lesson.classes != members[0].card.classes:
        raise ModelError(
            f"models: {params.models[0]} knows {len(members[0].card.classes)} classes, the dataset has "
            f"{len(lesson.classes)}; train the members again on dataset version {lesson.dataset_version}"
        )
    with progress(f"combining by {params.combine}", None):
        model, architecture, notes = combine(members, lesson.validation, params.combine)
        temperature = temperature_of(model, lesson.validation)
    before = count(lesson.train.labels, lesson.classes)
    return Fitted(
        model=model,
        architecture=architecture,
        history=[],
        best_epoch=0,
        before=before,
        after=before,
        temperature=temperature,
        notes=notes,
    )
