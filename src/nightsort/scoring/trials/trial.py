"""Owns the trial of a model's backends on this machine: open each, measure it, compare it, choose.

Invariant: a backend that cannot be opened, or fails, is absent with its reason and stops nothing, unless it
is the reference. One is open at a time.
Does not know how a backend computes, and reads and writes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nightsort import clock
from nightsort.evaluation.agreement import Agreement, compare
from nightsort.learning.card import Card
from nightsort.scoring.backends.session import Session
from nightsort.scoring.trials import measuring
from nightsort.scoring.trials.choice import Trial
from nightsort.scoring.trials.machine import this_machine
from nightsort.scoring.trials.sample import Sample
from nightsort.scoring.trials.verdicts import REFERENCE, Measured, Tolerance, choose
from nightsort.words import Backend

Open = Callable[[Backend], Session]
Lacks = Callable[[Backend], str]

_SECONDS = 30.0  # that the reference may take for its answers
_ENOUGH = 200  # pictures are compared however long they take


@dataclass(frozen=True)
class _Reference:
    """The reference's answers to the sample that all are compared on."""

    sample: Sample
    answers: NDArray[np.float32]


def hold(
    card: Card,
    sample: Sample,
    wanted: list[Backend],
    tolerance: Tolerance,
    lacks: Lacks,
    open_session: Open,
    on_backend: Callable[[Backend], None] = lambda backend: None,
) -> Trial:
    """Measure the reference and every other backend that is wanted; nothing, if no other is.

    :param sample: of the validation split; for a slow network a part of it is used
    :param lacks: why the machine cannot run a backend; empty if it can
    :param open_session: may raise anything
    :param on_backend: called before each is measured
    """
    on_backend(REFERENCE)
    others = [backend for backend in wanted if backend != REFERENCE]
    if not others:
        alone = Measured(backend=REFERENCE, verdict="used", why="nothing else was asked for")
        return Trial(machine=this_machine(), measured_at=clock.now(), pictures=0, of=sample.of, table=[alone])
    reference, first = _reference(card, sample, open_session)
    table = [first]
    for backend in others:
        on_backend(backend)
        reason = lacks(backend)
        absent = Measured(backend=backend, verdict="absent", why=reason)
        table.append(absent if reason else _measured(backend, card, reference, open_session))
    return Trial(
        machine=this_machine(),
        measured_at=clock.now(),
        pictures=len(reference.sample),
        of=sample.of,
        table=choose(table, tolerance),
    )


def _reference(card: Card, sample: Sample, open_session: Open) -> tuple[_Reference, Measured]:
    session = open_session(REFERENCE)
    item = _timed(REFERENCE, session, sample)
    used = sample.at_most(max(_ENOUGH, int((item.rate or 0) * _SECONDS)))
    answers = _answers(session, card, used)
    against = _compared(_Reference(used, answers), answers, card)
    return _Reference(used, answers), item.model_copy(update={"against": against})


def _measured(backend: Backend, card: Card, reference: _Reference, open_session: Open) -> Measured:
    try:
        session = open_session(backend)
        item = _timed(backend, session, reference.sample)
        against = _compared(reference, _answers(session, card, reference.sample), card)
    except Exception as error:  # a driver, a compiler or an allocator may raise anything: there are others
        lines = str(error).splitlines() or [type(error).__name__]
        return Measured(backend=backend, verdict="absent", why=lines[0][:300])
    return item.model_copy(update={"against": against})


def _timed(backend: Backend, session: Session, sample: Sample) -> Measured:
    rate, spread = measuring.speed(session, sample.images[sample.rows[: session.batch_size]], this_machine().cores)
    return Measured(
        backend=backend, verdict="accepted", why="", batch_size=session.batch_size, rate=rate, spread=spread
    )


def _answers(session: Session, card: Card, sample: Sample) -> NDArray[np.float32]:
    return measuring.answers(session, sample.images, sample.rows, card.temperature, this_machine().cores)


def _compared(reference: _Reference, answers: NDArray[np.float32], card: Card) -> Agreement:
    return compare(reference.answers, answers, reference.sample.labels, reference.sample.weights, card.classes)
