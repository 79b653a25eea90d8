"""Owns the stage that looks at the labels that arrived since the champion's, before a model trained on them is judged.

Invariant: the champion looks, never the challenger, which learned from them.
Does not know what a veto leads to.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.config.gate import GateParams
from nightsort.curation import suspicion
from nightsort.curation.arrived import Arrived, arrived
from nightsort.dataset.versions import Dataset
from nightsort.errors import ModelError
from nightsort.evaluation.opinion import opinion
from nightsort.learning import bundle
from nightsort.learning.bundle import Bundle
from nightsort.learning.registry import Registry
from nightsort.reports.suspected import SuspicionPart
from nightsort.reports.veto import suspects, veto
from tasks.lesson import Lesson
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage

_ASKED = 10_000  # pictures that the champion is asked about: of more, those with the least SHA-256


@stage(retries=0)
def suspect_arrivals(run: Run, params: GateParams, lesson: Lesson) -> SuspicionPart | None:
    """What is odd about them; None without a champion, or where nothing arrived."""
    champion = Registry(run.storage).champion()
    if champion is None:
        return None
    try:
        model = bundle.load(run.storage, champion)
        model.card.preprocess()
    except ModelError as error:  # training is the remedy, so it must not fail of this
        note = f"nobody looked at the new labels, since the champion cannot be used: {error}"
        return SuspicionPart(arrived=0, contradicting=0, expected=0.0, notes=[note])
    dataset = Dataset(run.storage)
    found = arrived(dataset, model.card.dataset_version, lesson.dataset_version)
    return _look(dataset, model, found, params.max_suspect_labels) if len(found.labels) else None


def _look(dataset: Dataset, model: Bundle, found: Arrived, most: float) -> SuspicionPart:
    classes = pa.array(model.card.classes, pa.string())
    taught, others = (rows.filter(pc.is_in(rows["label"], classes)) for rows in (found.labels, found.held_out))
    asked, others = taught.slice(0, _ASKED), others.slice(0, _ASKED)
    with progress("asking the champion about new labels", len(asked) + len(others)) as advance:
        answers, expected = (opinion(model, dataset, _names(rows), advance) for rows in (asked, others))
    usual = suspicion.usual(expected, _ids(others, classes))
    denied = suspicion.denials(answers, _ids(asked, classes))
    lots = suspicion.lots(denied, asked["lot"].to_pylist(), usual)
    most_often = suspicion.most_repeated(found.labels, dataset.policy().near_duplicates)
    too_often = most_often if most_often and most_often.too_often and most < 1 else None
    return SuspicionPart(
        arrived=len(taught),
        looked_at=len(asked),
        contradicting=lots[0].denied,
        expected=usual.denied / max(1, usual.pictures),
        wrong=lots[0].wrong,
        repeated=most_often.pictures if most_often else 0,
        suspects=suspects(dataset, _said(asked, answers, classes).filter(pa.array(denied)), found.labels, too_often),
        veto=veto(suspicion.oddest(lots, most), too_often),
    )


def _said(rows: pa.Table, answers: NDArray[np.float32], classes: pa.Array) -> pa.Table:
    """The rows with what the champion sees, and how sure it is."""
    rows = rows.append_column("runner_up", classes.take(pa.array(answers.argmax(1))))
    return rows.append_column("confidence", pa.array(answers.max(1)))


def _names(rows: pa.Table) -> pa.Array:
    return rows["sha256"].combine_chunks()


def _ids(rows: pa.Table, classes: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.index_in(rows["label"], classes).to_numpy(), np.int64)
