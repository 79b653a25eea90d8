"""Owns the stages of an ingest: shards, then the decision what is admitted, then the version.

Invariant: the version is committed last, so a run that dies leaves the dataset as it was.
Does not know the order of the stages.
"""

import math
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.config.intake import IngestParams
from nightsort.datafiles import DataFile
from nightsort.dataset.admission import PRESENT, Admission, admit
from nightsort.dataset.policy import Policy
from nightsort.dataset.radius import narrowed
from nightsort.dataset.shards import BUILT, REPEATED, Order, Shard, build
from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError, SourceError
from nightsort.leases.lease import Lease
from nightsort.quarantine import Quarantine, for_its_bytes, row
from nightsort.reports.account import Account
from nightsort.reports.data import IngestPart
from nightsort.reports.ingested import describe
from nightsort.rules import Rule
from nightsort.schema import QUARANTINE, WITHHELD
from nightsort.sources.arrivals import chunks, gone, leave_unchanged
from nightsort.sources.contents import write_contents
from nightsort.sources.scratch import let_go
from tasks.compute import Workers
from tasks.intake import access, account_for, judged_bad, new_rows
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage

_CHUNK_BYTES = 32_000_000
_CHUNKS_PER_WORKER = 4  # at least, so that no worker waits long for the last one
_SMALLEST_CHUNK = 32  # pictures; below this sending a chunk costs more than it spreads


@dataclass
class Built:
    """All that the workers built: files that no table names yet, and their rows."""

    files: list[DataFile] = field(default_factory=list)
    quarantine_files: list[DataFile] = field(default_factory=list)
    built: list[pa.Table] = field(default_factory=lambda: [BUILT.empty_table()])
    repeated: list[pa.Table] = field(default_factory=lambda: [REPEATED.empty_table()])
    quarantined: list[pa.Table] = field(default_factory=lambda: [QUARANTINE.empty_table()])  # rows without a file
    set_aside: list[pa.Table] = field(default_factory=list)  # sha256, path, member of all that is in quarantine

    def add(self, shard: Shard) -> None:
        """Take in what one worker built of one chunk."""
        self.files += [shard.file] if shard.file else []
        self.quarantine_files += [shard.quarantine_file] if shard.quarantine_file else []
        self.built.append(shard.built)
        self.repeated.append(shard.repeated)
        self.set_aside.append(for_its_bytes(shard.quarantined))


def check_labels(listing: pa.Table, params: IngestParams) -> None:
    """Refuse, before any work, a source of which nothing has a label.

    :param listing: table of the schema LISTING
    :raises SourceError: if there is nothing at all
    :raises DatasetError: says how labels are given
    """
    if not listing.num_rows:
        raise SourceError(f"source {params.source}: is empty; expected pictures, folders of pictures or archives")
    if pc.all(pc.or_(pc.is_null(listing["label"]), pc.is_valid(listing["outcome"]))).as_py():
        if params.manifest:
            raise DatasetError(
                f"manifest {params.manifest}: gives no picture of {params.source} a label; "
                "its paths must be absolute, or start from there"
            )
        raise DatasetError(
            "no picture has a label; expected SOURCE/<class>/picture.jpg, or --manifest with the columns path and label"
        )


@stage(retries=2)
def leave_out_unchanged(run: Run, listing: pa.Table) -> pa.Table:
    """The listing, with what is as it was when it came to its outcome decided.

    :param listing: table of the schema LISTING
    :returns: the same rows by the schema FINGERPRINTS
    """
    return leave_unchanged(listing, Dataset(run.storage).known())


@stage(retries=0)  # each chunk has its own retry, and what it set aside must not be set aside twice
def build_shards(
    run: Run, params: IngestParams, policy: Policy, decided: pa.Table, account: Account, workers: Workers
) -> Built:
    """Write the new pictures into files that are not part of the dataset yet.

    :param decided: table of the schema FINGERPRINTS
    """
    new = new_rows(decided)
    built = Built(quarantined=[judged_bad(run, decided)])
    order = _order(run, params, policy)
    if new.num_rows:
        workers.start()  # how many there are elsewhere is known once they are reached
        workers.at_end(let_go, str(run.scratch))
    size = max(_SMALLEST_CHUNK, math.ceil(new.num_rows / (_CHUNKS_PER_WORKER * workers.count)))
    work = workers.map(build, chunks(new, min(params.chunk_size, size), _CHUNK_BYTES), order)
    for came in account_for(run, "building shards", params, work, new.num_rows, account):
        if came.result:
            built.add(came.result)
        built.quarantined.append(came.poison)
    return built


def _order(run: Run, params: IngestParams, policy: Policy) -> Order:
    dataset, aside = Dataset(run.storage), Quarantine(run.storage)
    built = dataset.examples(["sha256"], pc.field("split") != WITHHELD)["sha256"]
    bad = aside.bytes_known("ingest")["sha256"]
    known = write_contents([*built.chunks, *bad.chunks], run.scratch)
    return Order(
        images=dataset.folder,
        quarantine=aside.folder,
        policy=policy,
        run_id=run.id,
        access=access(run, params),
        max_pixels=params.max_pixels,
        strict=params.strict,
        rules=tuple(Rule.parse(text) for text in params.rules),
        known=known,
    )


@stage(retries=0)
def admit_pictures(
    run: Run, params: IngestParams, policy: Policy, listing: pa.Table, built: Built, account: Account
) -> Admission:
    """Decide about duplicates, labels in dispute, near-duplicates and splits.

    :param listing: table of the schema LISTING, for what is gone from it
    """
    dataset = Dataset(run.storage)
    present = dataset.examples(PRESENT)
    free = dataset.version() is None and params.near_duplicates is None
    with progress("comparing", None):
        decide = partial(
            admit,
            pa.concat_tables(built.built),
            pa.concat_tables(built.repeated),
            present,
            gone(listing, present, params.source),
            pa.concat_tables([Quarantine(run.storage).bytes_known("ingest"), *built.set_aside]),
        )
        admission = narrowed(policy, decide) if free else decide(policy)
    account.take(admission.not_admitted)
    bad = admission.not_admitted.filter(pc.equal(admission.not_admitted["outcome"], "quarantined")).to_pylist()
    rows = [row(item, item["reason"], item["detail"], flow="ingest", run_id=run.id) for item in bad]
    built.quarantined.append(pa.Table.from_pylist(rows, schema=QUARANTINE))
    return admission


@stage(retries=0)
def commit_version(run: Run, built: Built, admission: Admission, account: Account, lease: Lease) -> int:
    """Make a new dataset version of what was admitted; without any, the newest version stays."""
    taken_in = admission.examples.num_rows + admission.relabelled.num_rows
    account.check(pending=taken_in)
    aside, dataset = Quarantine(run.storage), Dataset(run.storage)
    aside.append_files(built.quarantine_files, run.id, lease.ticket())
    aside.append(pa.concat_tables(built.quarantined), lease.ticket())
    changed = [dataset.relabelled(admission.relabelled), dataset.withheld(admission.disputed)]
    rows = pa.concat_tables([admission.examples, *changed])
    version = dataset.version() or 0
    if rows.num_rows:
        files = built.files if admission.examples.num_rows else []
        version = dataset.commit(files, rows, admission.policy, run.id, lease.ticket())
    dataset.remember(admission.copies, lease.ticket())  # after the commit: what it is a copy of is in the dataset
    account.add("done", taken_in)
    return version


@stage(retries=0)
def tidy_dataset(run: Run, lease: Lease) -> None:
    """Merge small files, once there are many, and delete what runs that failed left behind."""
    Dataset(run.storage).tidy(ticket=lease.ticket())
    Quarantine(run.storage).tidy()


@stage(retries=2)
def describe_dataset(run: Run, version: int, admission: Admission) -> IngestPart:
    """The dataset at a version, and what this run added to it."""
    seconds = run.seconds.get("build_shards", 0.0) + run.seconds.get("admit_pictures", 0.0)
    return describe(Dataset(run.storage), admission, version, seconds, dict(run.worker_seconds))
