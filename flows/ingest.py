"""The flow `ingest`: labelled pictures in, a new dataset version out."""

from prefect import flow

from nightsort.config import IngestParams
from nightsort.dataset import policy
from nightsort.dataset.versions import Dataset, check_classes
from nightsort.errors import BusyError
from nightsort.reports.data import Report
from tasks.compute import Workers
from tasks.ingest import build_shards, commit_version, describe_dataset
from tasks.intake import decide_what_is_new, fingerprint_pictures, list_pictures, new_rows, open_account
from tasks.runs import Run


@flow(name="ingest", description="Take in labelled pictures and make a new dataset version of them.")
def ingest(params: IngestParams) -> Report:
    """List, fingerprint, leave out what is known, check and store the rest, commit one version."""
    run = Run("ingest", params)
    policy.agree(run.storage, params)
    listing = list_pictures(run, params)
    check_classes(Dataset(run.storage).known(), new_rows(listing))
    try:
        with run.lease("dataset"), Workers(params) as workers:
            fingerprints = fingerprint_pictures(run, params, listing, workers)
            decided = decide_what_is_new(run, fingerprints, Dataset(run.storage).known())
            account = open_account(run, params, listing, decided)
            files = build_shards(run, params, new_rows(decided), account, workers)
            version = commit_version(run, params, files, account)
            run.parts["ingest"] = describe_dataset(run, version)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
