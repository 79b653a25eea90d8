"""The flow `augment`: rare classes filled up with varied copies of their training pictures."""

from prefect import flow

from nightsort.config import AugmentParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.reports.data import Report
from tasks.augment import commit_copies, describe_augmentation, make_copies, plan_copies
from tasks.compute import Workers
from tasks.runs import Run


@flow(name="augment", description="Fill rare classes up with varied copies of their training pictures.")
def augment(params: AugmentParams) -> Report:
    """Plan, make the copies, commit one version."""
    run = Run("augment", params)
    Dataset(run.storage).resolve(None)
    try:
        with run.lease("dataset"), Workers(params) as workers:
            version = Dataset(run.storage).resolve(None)  # of now, when nobody else writes
            planned = plan_copies(run, params, version)
            made = make_copies(run, params, planned, workers)
            added = commit_copies(run, version, made)
            run.parts["augment"] = describe_augmentation(run, params, version, added)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
