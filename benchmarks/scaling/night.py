"""Owns a night at scale: what a run of classify does around its model, from the listing to the report.

Invariant: everything but the listing, the cluster and what the model says is the program's own code; the account of
the run is checked by it as of every run.
Does not know what its figures are held against.
"""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scaling import made
from benchmarks.scaling.cluster import Simulated
from nightsort.config.intake import ClassifyParams
from nightsort.quarantine import Quarantine
from nightsort.reports.data import Report
from nightsort.schema import LISTING
from nightsort.scoring.ledger import Ledger
from nightsort.sources.spool import Spool
from tasks import classify
from tasks.intake import open_account
from tasks.runs import Run


@dataclass(frozen=True)
class Night:
    """What a night came to."""

    report: Report
    cluster: Simulated
    memory: int  # bytes, the largest so far of this process
    files: int  # of the predictions, before they are tidied
    left: dict[str, int]  # folder of the ledger -> bytes on disk afterwards
    entries: int  # of the predictions' log


def night(root: Path, pictures: int, cluster: Simulated, chunk_size: int) -> Night:
    """Classify `pictures` pictures, those of the nights before among them, with a cluster that is not there."""
    params = ClassifyParams(source="made-up", storage=str(root), chunk_size=chunk_size, notify=[])
    run, card = Run("classify", params), made.card()
    listed = Spool(run.scratch, LISTING)
    for batch in made.listing(pictures):
        listed.write(batch)
    listing = listed.table()
    with run.lease("predictions") as lease:
        lease.fence(Ledger(run.storage), Quarantine(run.storage))
        decided = classify.leave_out_known(run, params, card, listing)
        account = open_account(run, params, decided)
        serving = classify.Serving("openvino-int8", "made up")
        classify.classify_pictures(run, params, decided, card, serving, account, lease, cluster)  # type: ignore[arg-type]
        account.check()
        files = len(list(root.glob("predictions/*/*.parquet")))
        classify.tidy_predictions(run, lease)
    left = {name: _size(root / name) for name in ("predictions", "predictions/_delta_log", "copies", "quarantine")}
    entries = len(list(root.glob("predictions/_delta_log/*.json")))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Night(run.finished(), cluster, memory, files, left, entries)


def _size(folder: Path) -> int:
    return sum((Path(at) / name).stat().st_size for at, _, names in os.walk(folder) for name in names)
