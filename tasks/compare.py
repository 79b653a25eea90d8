"""Owns the stages of a comparison: which trainings are missing, the trainings, what the report says.

Invariant: nothing is published; a training that an earlier run finished is not done again; a strategy that fails is
told of beside the others, and only if all fail does the run.
Does not know the order of the stages.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightsort.config.search import CompareParams
from nightsort.errors import RunError
from nightsort.evaluation.attempt import attempt, key_of
from nightsort.evaluation.comparison import Comparison, Failure, Outcome
from nightsort.learning.feeds.shared import Shared, share
from nightsort.learning.pretrained import Initial
from nightsort.reports import compared
from nightsort.reports.learned import ComparePart
from nightsort.reports.shown import ClassCount
from tasks.compute import Workers
from tasks.lesson import Lesson
from tasks.progress import progress
from tasks.runs import Run
from tasks.side_by_side import lane, threads_of
from tasks.stage import stage


@dataclass(frozen=True)
class Planned:
    """What is to be trained, and what was trained before."""

    comparison: Comparison
    shared: Shared
    missing: pa.Table  # strategy, seed
    kept: list[Outcome]


@stage(retries=2)
def plan_trainings(run: Run, params: CompareParams, lesson: Lesson, initial: Initial | None) -> Planned:
    """Lay the splits out for the workers, and look what an earlier run of the same comparison has done."""
    shared = share(run.storage, run.shared_scratch, lesson.classes, lesson.train, lesson.validation, lesson.test)
    key = key_of(
        params,
        lesson.preprocessing.version,
        lesson.classes,
        [lesson.train, lesson.validation, lesson.test],
        initial.sha256 if initial else "",
    )
    found = Comparison(run.storage, key)
    wanted = [(strategy, params.seed + n) for n in range(params.seeds) for strategy in dict.fromkeys(params.strategies)]
    kept = [outcome for strategy, seed in wanted if (outcome := found.kept(strategy, seed))]
    done = {(outcome.strategy, outcome.seed) for outcome in kept}
    missing = [{"strategy": strategy, "seed": seed} for strategy, seed in wanted if (strategy, seed) not in done]
    schema = pa.schema({"strategy": pa.string(), "seed": pa.int64()})
    return Planned(found, shared, pa.Table.from_pylist(missing, schema), kept)


@stage(retries=0)  # a training that fails would fail again
def train_each(run: Run, params: CompareParams, planned: Planned, workers: Workers) -> list[Outcome | Failure]:
    """Every training of the comparison, the kept ones first."""
    results: list[Outcome | Failure] = [*planned.kept]
    with progress("comparing", len(results) + len(planned.missing)) as advance:
        advance(len(results))
        threads = threads_of(workers) if len(planned.missing) else 0
        rows = (planned.missing.slice(row, 1) for row in range(len(planned.missing)))
        for done in workers.map(_train_one, rows, planned.comparison, planned.shared, params, threads):
            result = done.result or Failure(*_named(done.chunk), "its worker process died, twice; is there memory?")
            results.append(result)
            advance(1, detail=_gist(result))
    return results


def _train_one(
    row: pa.Table, found: Comparison, shared: Shared, params: CompareParams, threads: int
) -> Outcome | Failure:
    """In a worker."""
    strategy, seed = _named(row)
    with lane(threads):
        return attempt(found, shared, params.model_copy(update={"balance": strategy, "seed": seed}))


def _named(row: pa.Table) -> tuple[str, int]:
    return row["strategy"][0].as_py(), row["seed"][0].as_py()


def _gist(result: Outcome | Failure) -> str:
    last = f"{result.strategy}, seed {result.seed}"
    return f"{last}: failed" if isinstance(result, Failure) else f"{last}: macro-F1 {result.macro_f1:.3f}"


def require_one(results: list[Outcome | Failure]) -> None:
    """:class:`RunError` if every training failed."""
    failed = [result for result in results if isinstance(result, Failure)]
    if len(failed) == len(results):
        raise RunError(f"every training failed; {failed[0].strategy}, seed {failed[0].seed}: {failed[0].why}")


def describe_comparison(
    params: CompareParams, lesson: Lesson, planned: Planned, results: list[Outcome | Failure]
) -> ComparePart:
    """What the report says of the comparison."""
    counts = np.bincount(lesson.train.labels, minlength=len(lesson.classes)).tolist()
    return compared.part(
        results,
        dataset_version=lesson.dataset_version,
        model=params.model,
        training=[ClassCount(label=label, total=n) for label, n in zip(lesson.classes, counts, strict=True)],
        test=len(lesson.test),
        resumed=len(planned.kept),
        notes=lesson.notes,
    )
