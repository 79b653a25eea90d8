"""Owns the stage in which a challenger meets the champion: both scored on one test split, judged, and promoted or not.

Invariant: every decision is kept beside the model, a refusal with its reason; only a model that passed all
conditions is promoted, and only over the champion that it was judged against.
Does not know how the model came about.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nightsort.config.gate import GateParams
from nightsort.config.training import JudgedParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import ModelError, StaleError
from nightsort.evaluation import decisions, floors, gate
from nightsort.evaluation.rival import Answers, answers
from nightsort.evaluation.scores import Check, Decision
from nightsort.learning.card import Card, load_card
from nightsort.learning.registry import Move, Registry
from nightsort.leases.lease import Lease
from nightsort.reports.suspected import SuspicionPart, gist
from nightsort.scoring.trials import choice
from nightsort.storage import Storage
from tasks.lesson import Lesson
from tasks.publishing import Scored
from tasks.runs import Run
from tasks.stage import stage

NEW_LABELS = "new labels"
"""Name of the check whether what a model learned from may be trusted."""

_NAMED = 5  # classes


@dataclass(frozen=True)
class Challenger:
    """A published model and its answers to the test split of a dataset version.

    :param classes: the columns of its answers; test pictures of other classes have no row
    """

    card: Card
    answers: Answers
    dataset_version: int
    classes: list[str]


@stage(retries=0)
def judge_challenger(
    run: Run,
    params: GateParams,
    lesson: Lesson,
    scored: Scored,
    card: Card,
    lease: Lease,
    suspicion: SuspicionPart | None = None,
) -> Decision:
    """Compare a model that was just trained with the champion and, if it wins and may, promote it."""
    test = Answers(scored.probabilities, lesson.test.labels, lesson.test.ids)
    challenger = Challenger(card, test, lesson.dataset_version, lesson.classes)
    conditions = [_new_labels(suspicion)] if suspicion else []
    if isinstance(params, JudgedParams) and not params.promote:
        conditions.append(Check(name="may be promoted", passed=False, line="promote is off"))
    return settle(run, params, challenger, lease, conditions)


def settle(
    run: Run, params: GateParams, challenger: Challenger, lease: Lease, conditions: list[Check], who: str = ""
) -> Decision:
    """Judge, promote if all holds, and keep the decision.

    :param conditions: what else must hold
    """
    alias, version = Registry(run.storage).alias(), challenger.card.version
    rival, doubt = _rival(run.storage, challenger, alias)
    contest = gate.Contest(
        challenger.answers.labels, challenger.classes, _frozen(run.storage, challenger, alias if rival else None)
    )
    others = [*_floors(run.storage, params, challenger.card, alias), *conditions]
    # Not the user's seed: the verdict must not be drawn again by training again with another.
    seed = challenger.dataset_version
    theirs, ours = rival.probabilities if rival else None, challenger.answers.probabilities
    decision = gate.judge(theirs, ours, contest, params, seed, others)
    if alias and rival is None:
        decision = gate.with_check(decision, _as_recorded(run.storage, decision, alias))
    if decision.promoted:
        lease.check()
        try:
            Registry(run.storage).promote(version, alias, who=who, why=doubt + decision.reason, run_id=run.id)
        except StaleError as error:
            decision = gate.with_check(decision, Check(name="same champion", passed=False, line=str(error)))
    champion = alias.version if alias else None
    decision = decision.model_copy(update={"champion_version": champion, "reason": doubt + decision.reason})
    decisions.record(run.storage, version, run.id, decision)
    return decision


def _new_labels(suspicion: SuspicionPart) -> Check:
    """Whether what it learned from may be trusted."""
    line = suspicion.veto or " ".join(suspicion.notes) or gist(suspicion)
    return Check(name=NEW_LABELS, passed=not suspicion.veto, line=line)


def _rival(storage: Storage, challenger: Challenger, alias: Move | None) -> tuple[Answers | None, str]:
    """The champion's answers, and why there are none if it can no longer be used."""
    if alias is None:
        return None, ""
    try:
        return answers(storage, alias.version, challenger.dataset_version, challenger.classes), ""
    except ModelError as error:  # retraining is the remedy, so it must not fail of this
        return None, f"the champion cannot be scored ({error}), so judged by what it had reached; "


def _as_recorded(storage: Storage, decision: Decision, alias: Move) -> Check:
    """Whether it reaches what a champion that was lost had reached: else losing it would let anything through."""
    try:
        reached = load_card(storage, alias.version).macro_f1
    except ModelError:
        reached = None
    return floors.as_recorded(decision.challenger_macro_f1, reached)


def _frozen(storage: Storage, challenger: Challenger, alias: Move | None) -> NDArray[np.bool_]:
    """Which test pictures the champion's own dataset version had in its test split, bool (N,)."""
    ids = challenger.answers.ids
    if alias is None:
        return np.zeros(len(ids), np.bool_)
    version = min(load_card(storage, alias.version).dataset_version, challenger.dataset_version)
    before = set(Dataset(storage).fingerprints(version, "test"))
    return np.array([sha256 in before for sha256 in ids], np.bool_)


def _floors(storage: Storage, params: GateParams, card: Card, alias: Move | None) -> list[Check]:
    """What does not hang on the answers; with a champion that cannot be read, only what needs none."""
    checks = [floors.size(storage.size(f"models/{card.version}/weights.safetensors"), params.max_megabytes)]
    if alias is None:
        return checks
    checks.append(floors.newer(card.version, alias.version))
    try:
        champion = load_card(storage, alias.version)
    except ModelError:
        return checks
    same = card.weights_sha256 == champion.weights_sha256
    old, new = (_milliseconds(storage, of) for of in (champion, card))
    checks.append(floors.other_weights(card.version, alias.version, same))
    checks.append(floors.speed(old, new, params.max_slowdown))
    return [*checks, _known_classes(params, card, champion)]


def _milliseconds(storage: Storage, card: Card) -> float | None:
    """A picture's share of the time of the backend that answers for a model here; None if it was not measured."""
    try:
        rate, _ = choice.rate_of(storage, card)
    except ModelError:  # classification says what is wrong with it
        return None
    return 1000 / rate if rate else None


def _known_classes(params: GateParams, card: Card, champion: Card) -> Check:
    """Whether it knows all classes of the champion, or need not."""
    lost = [label for label in champion.classes if label not in card.classes]
    shown = ", ".join(lost[:_NAMED]) + (" and others" if len(lost) > _NAMED else "")
    if lost and not params.forget:
        line = f"lacks {shown}, which the champion knows; forget allows that"
        return Check(name="known classes", passed=False, line=line)
    line = f"lacks {shown}, as forget allows" if lost else "knows every class of the champion"
    return Check(name="known classes", passed=True, line=line)
