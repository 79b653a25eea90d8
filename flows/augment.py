"""The flow `augment`: rare classes filled up with varied copies of their training pictures."""

from nightsort.config.curation import AugmentParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.reports.data import Report
from tasks.augment import commit_copies, describe_augmentation, make_copies, plan_copies
from tasks.compute import Workers
from tasks.runs import Run


def augment(params: AugmentParams) -> Report:
    """Plan, make the copies, commit one version."""
    run = Run("augment", params)
    Dataset(run.storage).resolve(None)
    try:
        with run.lease("dataset") as lease, Workers(params) as workers:
            lease.fence(Dataset(run.storage))
            version = Dataset(run.storage).resolve(None)  # of now, when nobody else writes
            planned = plan_copies(run, params, version)
            made = make_copies(run, params, planned, workers)
            added = commit_copies(run, version, made, lease)
            run.parts["augment"] = describe_augmentation(run, params, version, added)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
