"""Owns what becomes of a model in every flow that publishes one: measured, judged, described.

Invariant: it is judged after it was measured, and what arrived is looked at before it is judged.
Does not know how the model came about.
"""

from nightsort.config.training import JudgedParams
from nightsort.learning.card import Card
from nightsort.learning.fit import Fitted
from nightsort.leases.lease import Lease
from tasks.drift import keep_reference
from tasks.judging import judge_challenger
from tasks.lesson import Lesson
from tasks.mirror import mirror_model
from tasks.modelcard import write_model_card
from tasks.publishing import Scored, measure_backends
from tasks.runs import Run
from tasks.suspicion import suspect_arrivals
from tasks.train import describe_training


def judge_published(
    run: Run, params: JudgedParams, lesson: Lesson, fitted: Fitted, scored: Scored, card: Card, lease: Lease
) -> None:
    """What can compute it, what nights are held against, whether it becomes champion; then its cards and the report."""
    record = measure_backends(run, params, lesson, fitted, card)
    keep_reference(run, lesson, fitted, card)
    suspicion = suspect_arrivals(run, params, lesson)
    run.parts["suspicion"] = suspicion
    decision = judge_challenger(run, params, lesson, scored, card, lease, suspicion)
    training = describe_training(lesson, fitted, card, record, scored, decision)
    run.parts["training"] = training
    write_model_card(run, card, training)
    notes = mirror_model(run, card, training)
    run.parts["training"] = training.model_copy(update={"notes": [*training.notes, *notes]})
