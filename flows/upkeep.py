"""Owns keeping a storage root in order, on request: compaction, and what becomes of the quarantine.

Invariant: nothing is changed while a run works on the same thing; no labelled picture is lost. Each
function gives lines for a person and an object for a program. Does not know how they are printed.
"""

from pathlib import Path

from flows.inspection import Told
from nightsort import lease
from nightsort.dataset.versions import Dataset
from nightsort.quarantine import Quarantine
from nightsort.reports.formats import plural
from nightsort.storage import Storage
from tasks.progress import progress


def compact(storage: Storage) -> Told:
    """Merge small files of pictures, if there are two or more."""
    with lease.hold(storage, "dataset"):
        merged = Dataset(storage).tidy(at_least=2)
    return [f"{merged} small files of pictures were merged"], {"merged": merged}


def export(storage: Storage, into: Path, reason: str | None) -> Told:
    """Write the quarantined bytes and an index into a folder."""
    with progress("exporting", None) as advance:
        rows, kept = Quarantine(storage).export(into, reason, advance)
    lines = [f"{rows} rows in {into / 'quarantine.csv'}, {kept} of them with their original bytes beside it"]
    return lines, {"rows": rows, "files": kept, "folder": str(into)}


def requeue(storage: Storage, reason: str | None) -> Told:
    """Forget verdicts; no run that would write new ones may be at work."""
    with lease.hold(storage, "dataset"), lease.hold(storage, "predictions"):
        dropped = Quarantine(storage).requeue(reason)
    told = f"{plural(dropped, 'file')} will be looked at again by the next run over their source"
    return [told], {"requeued": dropped}
