"""The flow `audit`: leaks, outliers and wrong labels of the dataset, for a person to look at. It changes nothing."""

from nightsort.config.curation import AuditParams
from nightsort.curation.embedding import choose_embedder
from nightsort.curation.label_noise import require
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.reports.data import AuditPart, Report
from nightsort.reports.leaks import OURS, RANDOM
from tasks.audit import (
    Findings,
    count_leaks,
    embed_pictures,
    find_label_issues,
    find_outliers,
    list_findings,
    read_subject,
)
from tasks.runs import Run


def audit(params: AuditParams) -> Report:
    """Embed the pictures of a version, then look at them from three sides."""
    run = Run("audit", params)
    Dataset(run.storage).resolve(params.dataset_version)
    if params.label_noise:
        require()
    embedder = choose_embedder(run.storage)
    try:
        with run.lease("audit"):
            subject = read_subject(run, params)
            embeddings = embed_pictures(run, subject, embedder)
            leaks, torn, leaking = count_leaks(run, params, subject, embeddings)
            outliers, issues = find_outliers(run, params, subject, embeddings), Findings(None)
            if params.label_noise:
                issues = find_label_issues(run, params, subject, embeddings)
            list_findings(run, leaking, outliers.listed, issues.listed)
            run.parts["audit"] = AuditPart(
                dataset_version=subject.dataset_version,
                embedding=embedder.name,
                leaks=leaks,
                torn=torn[OURS],
                twins=torn[RANDOM],
                outliers=outliers.count or 0,
                outlying=outliers.shown,
                label_issues=issues.count,
                mislabelled=issues.shown,
            )
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
