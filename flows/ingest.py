"""The flow `ingest`: labelled pictures in, a new dataset version out."""

from nightsort.config.intake import IngestParams
from nightsort.dataset.policy import agree
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.quarantine import Quarantine
from nightsort.reports.data import Report
from tasks.compute import Workers
from tasks.ingest import (
    admit_pictures,
    build_shards,
    check_labels,
    commit_version,
    describe_dataset,
    leave_out_unchanged,
    tidy_dataset,
)
from tasks.intake import list_pictures, open_account
from tasks.runs import Run


def ingest(params: IngestParams) -> Report:
    """List, leave out what is unchanged, check and store the rest, admit, commit one version."""
    run = Run("ingest", params)
    policy = agree(run.storage, params)
    listing = list_pictures(run, params, params.manifest, policy.folder_splits)
    check_labels(listing, params)
    try:
        with run.lease("dataset") as lease, Workers(params) as workers:
            lease.fence(Dataset(run.storage), Quarantine(run.storage))
            decided = leave_out_unchanged(run, listing)
            account = open_account(run, params, decided)
            built = build_shards(run, params, policy, decided, account, workers)
            admission = admit_pictures(run, params, policy, listing, built, account)
            version = commit_version(run, built, admission, account, lease)
            tidy_dataset(run, lease)
            run.parts["ingest"] = describe_dataset(run, version, admission)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
