"""Owns keeping a storage root in order, on request: compaction, exports, and what becomes of the quarantine.

Invariant: nothing is changed while a run works on the same thing; no labelled picture is lost. Each
function gives lines for a person and an object for a program. Does not know how they are printed.
"""

from functools import reduce
from operator import and_
from pathlib import Path

import pyarrow.compute as pc

from flows.terminal import Told
from nightsort.arrow import frequencies
from nightsort.dataset.versions import Dataset
from nightsort.leases import lease
from nightsort.quarantine import Quarantine
from nightsort.reports.formats import plural
from nightsort.schema import PREDICTIONS
from nightsort.scoring import export as predictions
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tasks.progress import progress


def compact(storage: Storage) -> Told:
    """Merge small files of pictures, if there are two or more."""
    with lease.hold(storage, "dataset") as held:
        merged = Dataset(storage).tidy(at_least=2, ticket=held.ticket())
    return [f"{merged} small files of pictures were merged"], {"merged": merged}


def would_compact(storage: Storage) -> Told:
    """How many files there are to merge."""
    small = Dataset(storage).small_files()
    merged = small if small > 1 else 0
    line = f"{plural(merged, 'small file')} of pictures would be merged; dry run: nothing was written"
    return [line], {"dry_run": True, "merged": merged}


def export(storage: Storage, into: Path, reason: str | None) -> Told:
    """Write the quarantined bytes and an index into a folder."""
    with progress("exporting", None) as advance:
        rows, kept = Quarantine(storage).export(into, reason, advance)
    lines = [f"{rows} rows in {into / 'quarantine.csv'}, {kept} of them with their original bytes beside it"]
    return lines, {"rows": rows, "files": kept, "folder": str(into)}


def export_predictions(storage: Storage, into: Path, run: str | None, date: str | None, model: int | None) -> Told:
    """Write predictions into one file: all, or those of a run, of runs that began on a day (UTC), or of a model."""
    asked = {"run_id": run, "run_date": date, "model_version": model}
    where = [pc.field(name) == value for name, value in asked.items() if value is not None]
    ledger = Ledger(storage)
    with progress("exporting", None if where else ledger.count()) as advance:
        batches = ledger.batches(PREDICTIONS.names, reduce(and_, where) if where else None)
        rows = predictions.export(batches, into, advance)
    return [f"{plural(rows, 'prediction')} in {into}"], {"rows": rows, "file": str(into)}


def requeue(storage: Storage, reason: str | None) -> Told:
    """Forget verdicts; no run that would write new ones may be at work."""
    with lease.hold(storage, "dataset") as held, lease.hold(storage, "predictions") as other:
        other.check()
        dropped = Quarantine(storage).requeue(reason, held.ticket())
    told = f"{plural(dropped, 'file')} will be looked at again by the next run over their source"
    return [told], {"requeued": dropped}


def would_requeue(storage: Storage, reason: str | None) -> Told:
    """How many verdicts there are to forget."""
    found = Quarantine(storage).rows("reason", reason=reason)["reason"]
    reasons = frequencies(found)
    told = "".join(f", {name} {number}" for name, number in sorted(reasons.items()))
    lines = [f"{plural(len(found), 'file')} would be looked at again{told}", "dry run: nothing was written"]
    return lines, {"dry_run": True, "requeued": len(found), "reasons": reasons}
