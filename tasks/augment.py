"""Owns the stages of an offline augmentation: a plan, the copies, the version that names them.

Invariant: the version is committed last, so a run that dies leaves the dataset as it was.
Does not know the order of the stages.
"""

import json
from collections import Counter

import pyarrow as pa

from nightsort.config.curation import AugmentParams
from nightsort.dataset.augmented import COLUMNS, Copies, Order, chunks, distinct, make, plan
from nightsort.dataset.versions import Dataset
from nightsort.errors import ShardError
from nightsort.leases.lease import Lease
from nightsort.reports.data import AugmentPart
from nightsort.reports.sheets import sheets
from nightsort.reports.shown import ClassCount
from nightsort.schema import EXAMPLES
from tasks.compute import Workers
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage


@stage(retries=2)
def plan_copies(run: Run, params: AugmentParams, version: int) -> pa.Table:
    """Which copies rare classes lack.

    :returns: table of :data:`nightsort.dataset.augmented.PLAN`
    """
    return plan(Dataset(run.storage).examples(COLUMNS, version=version), params.below, params.seed)


@stage(retries=0)  # each chunk has its own retry
def make_copies(run: Run, params: AugmentParams, planned: pa.Table, workers: Workers) -> list[Copies]:
    """Write the copies into files that are not part of the dataset yet.

    :param planned: of :func:`plan_copies`
    """
    dataset = Dataset(run.storage)
    order = Order(dataset.folder, dataset.policy(), tuple(params.operations), params.seed, run.id)
    made: list[Copies] = []
    with progress("augmenting", planned.num_rows) as advance:
        for item in workers.map(make, chunks(dataset, planned), order):
            if item.result is None:
                raise ShardError(f"copies of {item.chunk['path'][0]}: the process that made them died, twice")
            made.append(item.result)
            advance(item.chunk.num_rows)
    return made


@stage(retries=0)
def commit_copies(run: Run, version: int, made: list[Copies], lease: Lease) -> pa.Table:
    """Make a new dataset version with the copies; what is added, by the schema EXAMPLES. None make no version."""
    dataset = Dataset(run.storage)
    rows = pa.concat_tables([EXAMPLES.empty_table(), *(copies.examples for copies in made)])
    added = distinct(rows, dataset.examples(["sha256"], version=version)["sha256"])
    if added.num_rows:
        dataset.commit([copies.file for copies in made], added, dataset.policy(), run.id, lease.ticket())
    return added


@stage(retries=2)
def describe_augmentation(run: Run, params: AugmentParams, before: int, added: pa.Table) -> AugmentPart:
    """The training split before and after, and copies to look at."""
    dataset = Dataset(run.storage)
    after = dataset.resolve(None)
    used = Counter(step["operation"] for row in added["operations"].to_pylist() for step in json.loads(row)["steps"])
    return AugmentPart(
        dataset_version=after,
        before=_training(dataset, before),
        after=_training(dataset, after),
        operations={name: used[name] for name in params.operations},
        sheets=sheets(dataset, added, params.seed),
    )


def _training(dataset: Dataset, version: int) -> list[ClassCount]:
    """Training pictures by class."""
    return [ClassCount(label=label, total=split["train"]) for label, split in dataset.counts(version).items()]
