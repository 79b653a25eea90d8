"""Owns the stages of a search: begin or go on, the trials, what the report says.

Invariant: trials of earlier runs count; the test split has no say.
Does not know the order of the stages.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nightsort.config.search import TuneParams
from nightsort.config.training import FitParams, TrainParams
from nightsort.errors import RunError
from nightsort.learning import search
from nightsort.learning.checkpoint import NO_MATTER
from nightsort.learning.feeds.shared import Shared, share
from nightsort.learning.pretrained import Initial
from nightsort.learning.search import Search
from nightsort.reports import tuned
from nightsort.reports.learned import TunePart
from tasks.compute import Workers
from tasks.lesson import Lesson
from tasks.progress import progress
from tasks.runs import Run
from tasks.side_by_side import lane, threads_of
from tasks.stage import stage


@dataclass(frozen=True)
class Found:
    """What a search found."""

    part: TunePart
    best: TrainParams | None  # of a training with the best knobs; None if no trial was completed

    def require(self) -> TrainParams:
        """The best; :class:`RunError` if no trial was completed."""
        if self.best is None:
            why = next((row.why for row in self.part.rows if row.why), "each was pruned or died")
            raise RunError(f"study {self.part.study}: none of {self.part.trials} trials was completed; {why}")
        return self.best


@stage(retries=0)
def begin_search(run: Run, params: TuneParams, lesson: Lesson, initial: Initial | None) -> Search:
    """The study, refused if its trials cannot be compared with those to come."""
    fitting = FitParams.model_validate(params.model_dump(include=set(FitParams.model_fields)))
    fixed = fitting.model_dump(mode="json", exclude={*NO_MATTER, "seed", *params.search})
    facts: dict[str, Any] = {
        **fixed,
        "dataset_version": lesson.dataset_version,
        "classes": lesson.classes,
        "preprocessing": lesson.preprocessing.version,
        "hash of weights": initial.sha256 if initial else "",
    }
    return search.begin(run.storage, params.study, fitting, list(dict.fromkeys(params.search)), facts)


@stage(retries=0)
def run_trials(run: Run, params: TuneParams, lesson: Lesson, begun: Search, workers: Workers) -> int:
    """As many trials as are missing; how many there were already."""
    before = len(search.finished(begun.study()))
    missing = max(0, params.trials - before)
    shared = share(run.storage, run.shared_scratch, lesson.classes, lesson.train, lesson.validation, lesson.test)
    ordinals = pa.table({"ordinal": pa.array(range(before, before + missing), pa.int64())})
    with progress("searching", before + missing) as advance:
        advance(before)
        threads = threads_of(workers) if missing else 0
        rows = (ordinals.slice(row, 1) for row in range(missing))
        for done in workers.map(_try_one, rows, begun, shared, threads):
            advance(1, detail=done.result or "a worker process died, twice")
    return before


def _try_one(row: pa.Table, begun: Search, shared: Shared, threads: int) -> str:
    """In a worker."""
    with lane(threads):
        return search.attempt(begun, shared, row["ordinal"][0].as_py())


@stage(retries=0)
def describe_search(run: Run, params: TuneParams, lesson: Lesson, begun: Search, before: int) -> Found:
    """What the report says, and how to train with the best."""
    study, dead = search.close(begun)
    trials = search.finished(study)
    best = None
    if any(trial.state.name == "COMPLETE" for trial in trials):
        values = params.model_dump(include=set(TrainParams.model_fields)) | study.best_trial.params
        best = TrainParams.model_validate(values | {"dataset_version": lesson.dataset_version})
    notes = [*lesson.notes, *([f"{dead} trials died with their worker process; is there memory?"] if dead else [])]
    part = tuned.part(
        study,
        trials,
        study=params.study,
        dataset_version=lesson.dataset_version,
        resumed=before,
        command=tuned.command(best) if best else "",
        notes=notes,
    )
    return Found(part, best)
