"""Owns the stages of an ingest: shards, then the version that names them.

Invariant: the version is committed last, so a run that dies leaves the dataset as it was.
Does not know the order of the stages.
"""

import pyarrow as pa

from nightsort.config import IngestParams
from nightsort.dataset import policy
from nightsort.dataset.shards import Order, build
from nightsort.dataset.versions import Dataset
from nightsort.reports.account import Account
from nightsort.reports.data import ClassCount, IngestPart
from nightsort.sources.arrivals import chunks
from nightsort.tables import DataFile
from tasks.compute import Workers
from tasks.intake import settle
from tasks.runs import Run
from tasks.stage import stage


@stage(retries=0)  # each chunk has its own retry, and what it set aside must not be set aside twice
def build_shards(run: Run, params: IngestParams, new: pa.Table, account: Account, workers: Workers) -> list[DataFile]:
    """Write the new pictures into shards that are not part of the dataset yet."""
    agreed = policy.agree(run.storage, params)
    order = Order(Dataset(run.storage).folder, agreed, run.id, params.max_pixels, params.max_bytes)
    work = workers.map(build, chunks(new, params.chunk_size), order)
    shards = settle(run, "building shards", params, work, new.num_rows, account)
    return [shard.file for shard in shards if shard.file]


@stage(retries=0)
def commit_version(run: Run, params: IngestParams, files: list[DataFile], account: Account) -> int:
    """Make a new dataset version of the shards; without any, the newest version stays."""
    dataset = Dataset(run.storage)
    stored = sum(file.rows for file in files)
    account.check(pending=stored)
    version = dataset.commit(files, policy.agree(run.storage, params), run.id) if files else dataset.version() or 0
    account.add("done", stored)
    return version


@stage(retries=2)
def describe_dataset(run: Run, version: int) -> IngestPart:
    """Pictures by class and split at a version."""
    counts = Dataset(run.storage).counts(version) if version else {}
    classes = [ClassCount(label=label, total=sum(splits.values()), **splits) for label, splits in counts.items()]
    return IngestPart(dataset_version=version, classes=classes)
