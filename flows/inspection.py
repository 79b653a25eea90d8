"""Owns looking at a storage root: status, models, quarantine, the latest report.

Invariant: reads only, and only what is bounded. Each function gives lines for a person and an object
for a program.
Does not know how they are printed.
"""

from typing import Any

import pyarrow.compute as pc

from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.learning.registry import Registry
from nightsort.quarantine import Quarantine
from nightsort.reports import store
from nightsort.schema import place
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage

Told = tuple[list[str], dict[str, Any]]

_RUNS = 10


def status(storage: Storage) -> Told:
    """Champion, counts, last runs."""
    dataset, registry = Dataset(storage), Registry(storage)
    version = dataset.version()
    data: dict[str, Any] = {
        "storage": storage.root,
        "champion": registry.champion(),
        "dataset_version": version,
        "labelled": sum(sum(splits.values()) for splits in dataset.counts().values()) if version else 0,
        "classified": Ledger(storage).count(),
        "quarantined": Quarantine(storage).count(),
        "runs": [
            {"run_id": run.run_id, "flow": run.flow, "state": run.state, "finished": run.finished.isoformat()}
            for run in store.latest(storage, _RUNS)
        ],
    }
    lines = [f"{name:16} {'none' if value is None else value}" for name, value in data.items() if name != "runs"]
    lines += [f"{run['state']:16} {run['run_id']}" for run in data["runs"]] or ["no run yet"]
    return lines, data


def models(storage: Storage) -> Told:
    """Every model, the champion marked."""
    registry = Registry(storage)
    champion = registry.champion()
    fields = {"version", "created", "model", "balance", "dataset_version", "accuracy", "macro_f1"}
    rows = [card.model_dump(mode="json", include=fields) for card in registry.cards()]
    lines = [
        f"{'*' if row['version'] == champion else ' '} {row['version']:>3}  {row['created'][:16]}  {row['model']}  "
        f"{row['balance']}  dataset {row['dataset_version']}  accuracy {row['accuracy']:.3f}  "
        f"macro-F1 {row['macro_f1']:.3f}"
        for row in rows
    ]
    return lines or ["no model yet; run 'nightsort train'"], {"champion": champion, "models": rows}


def quarantined(storage: Storage, limit: int) -> Told:
    """Counts by reason, and the newest rows."""
    rows = Quarantine(storage).rows("path", "member", "reason", "detail", "run_id", "quarantined_at")
    counts = {item["values"].as_py(): item["counts"].as_py() for item in pc.value_counts(rows["reason"])}
    newest = rows.sort_by([("quarantined_at", "descending")]).slice(0, limit).to_pylist()
    lines = [f"{row['reason']:18} {place(row['path'], row['member'])}  ({row['detail']})" for row in newest]
    if rows.num_rows > len(newest):
        lines.append(f"... and {rows.num_rows - len(newest)} more")
    lines.append(f"{rows.num_rows} in quarantine" + "".join(f", {reason} {n}" for reason, n in sorted(counts.items())))
    return lines, {"quarantined": rows.num_rows, "reasons": counts, "rows": newest}


def latest_report(storage: Storage) -> Told:
    """Where the latest report lies."""
    runs = store.latest(storage, 1)
    if not runs:
        raise StorageError(
            f"storage {storage.root}: holds no report yet; run 'nightsort ingest' or 'nightsort classify'"
        )
    place = store.location(runs[0].model_copy(update={"storage": storage.root}))  # the root may have been moved
    return [place], {"report": place, "run_id": runs[0].run_id}
