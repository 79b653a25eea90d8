"""Owns the decision whether a challenger becomes champion.

Invariant: every condition is looked at and shown with its figures; all must hold, and a tie does not promote.
Does not know what either model is, or how an alias is moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nightsort.config.gate import GateParams
from nightsort.errors import DatasetError
from nightsort.evaluation import evidence, floors
from nightsort.evaluation.bootstrap import Ints
from nightsort.evaluation.scores import Check, Decision

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Contest:
    """The test pictures that both models are scored on.

    :param labels: class ids, int64 (N,)
    :param classes: names of the C classes, the columns of probabilities
    :param frozen: whether a picture was already in the test split that the champion was judged by, bool (N,)
    """

    labels: Ints
    classes: list[str]
    frozen: NDArray[np.bool_]


def judge(
    champion: Probabilities | None,
    challenger: Probabilities,
    contest: Contest,
    params: GateParams,
    seed: int,
    others: Sequence[Check] = (),
) -> Decision:
    """Decide by a paired bootstrap on macro-F1, by slices, and by floors for what must not be lost.

    Without a champion, the challenger has to beat guessing.

    :param champion: probabilities, float32 (N, C), zero for a class it does not know; None if there is no champion
    :param challenger: probabilities, float32 (N, C)
    :param others: conditions that do not hang on the answers, such as speed
    :raises DatasetError: no row
    """
    if not len(contest.labels):
        raise DatasetError("test split: no picture to judge by; ingest more pictures or raise 'test'")
    if champion is None:
        first, f1 = evidence.beats_guessing(contest.labels, challenger.argmax(1), seed)
        return _decided(Decision(promoted=False, reason="", challenger_macro_f1=f1), [first, *others])
    return _against(champion, challenger, contest, params, seed, others)


def _against(
    champion: Probabilities,
    challenger: Probabilities,
    contest: Contest,
    params: GateParams,
    seed: int,
    others: Sequence[Check],
) -> Decision:
    labels, old, new = contest.labels, champion.argmax(1), challenger.argmax(1)
    whole = evidence.compared(evidence.ALL, labels, old, new, seed)
    checks, slices = [evidence.better(whole, labels, old, new, params.margin)], []
    for name, rows in evidence.split(contest.frozen).items():
        slices.append(evidence.compared(name, labels[rows], old[rows], new[rows], seed))
        checks.append(evidence.not_worse(slices[-1], labels[rows], old[rows], new[rows]))
    checks.append(floors.recalls(labels, old, new, contest.classes, params.max_class_loss))
    checks.append(floors.calibration(labels, champion, challenger, params.max_calibration_loss))
    checks.append(floors.other_answers(old, new))
    decision = Decision(
        promoted=False,
        reason="",
        champion_macro_f1=whole.champion_macro_f1,
        challenger_macro_f1=whole.challenger_macro_f1,
        difference_low=whole.difference_low,
        difference_high=whole.difference_high,
        slices=slices,
    )
    return _decided(decision, [*others, *checks])  # what rules it out at all stands first in the reason


def with_check(decision: Decision, check: Check) -> Decision:
    """The decision with one more condition, which became known later."""
    return _decided(decision, [*decision.checks, check])


def _decided(decision: Decision, checks: list[Check]) -> Decision:
    """Promoted if all hold; the reason is what failed, then how it compares."""
    failed, held = ([check for check in checks if check.passed is passed] for passed in (False, True))
    compares = [check.line for check in held if check.name == "better"]
    return decision.model_copy(
        update={
            "promoted": not failed,
            "reason": "; ".join([*(check.line for check in failed), *compares]),
            "checks": [*failed, *held],
        }
    )
