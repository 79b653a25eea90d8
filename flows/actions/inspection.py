"""Owns looking at a storage root: status, models, dataset versions, quarantine, the latest report.

Invariant: reads only, and only what is bounded. Each function gives lines for a person and an object
for a program.
Does not know how they are printed.
"""

from itertools import islice
from typing import Any

from flows.terminal import Told
from nightsort.arrow import frequencies
from nightsort.dataset.versions import Dataset, Version
from nightsort.errors import StorageError
from nightsort.learning.registry import Registry
from nightsort.quarantine import Quarantine
from nightsort.reports import digest, index, store
from nightsort.reports.formats import count
from nightsort.schema import place
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage

_RUNS = 10
_CLASSES = 30  # listed of a version


def status(storage: Storage) -> Told:
    """Champion, counts, last runs."""
    dataset, registry = Dataset(storage), Registry(storage)
    version = dataset.version()
    notes: list[str] = []
    data: dict[str, Any] = {
        "storage": storage.root,
        "champion": registry.champion(),
        "dataset_version": version,
        "labelled": sum(sum(splits.values()) for splits in dataset.counts().values()) if version else 0,
        "classified": Ledger(storage).count(),
        "quarantined": Quarantine(storage).count(),
        "runs": [
            {"run_id": run.run_id, "flow": run.flow, "state": run.state, "finished": run.finished.isoformat()}
            for run in digest.recent(storage, _RUNS, notes=notes)
        ],
    }
    lines = [f"{name:16} {_fact(value)}" for name, value in data.items() if name != "runs"]
    lines += [f"{run['state']:16} {run['run_id']}" for run in data["runs"]] or ["no run yet"]
    return [*lines, *notes], data


def _fact(value: Any) -> str:
    return "none" if value is None else count(value) if isinstance(value, int) else str(value)


def models(storage: Storage) -> Told:
    """Every model, the champion marked."""
    registry = Registry(storage)
    move = registry.alias()
    champion = move.version if move else None
    notes: list[str] = []
    fields = {"version", "created", "model", "balance", "dataset_version", "accuracy", "macro_f1"}
    rows = [card.model_dump(mode="json", include=fields) for card in registry.cards(notes)]
    lines = [
        f"{'*' if row['version'] == champion else ' '} {row['version']:>3}  {row['created'][:16].replace('T', ' ')}  "
        f"{row['model']}  {row['balance']}  dataset {row['dataset_version']}  accuracy {row['accuracy']:.3f}  "
        f"macro-F1 {row['macro_f1']:.3f}"
        for row in rows
    ]
    lines += notes + ([f"champion {move.version}: {move.line}"] if move else [])
    data = {"champion": champion, "move": move.model_dump(mode="json") if move else None, "models": rows}
    return lines or ["no model yet; run 'nightsort train'"], data


def datasets(storage: Storage, limit: int) -> Told:
    """The newest versions of the dataset, with their pictures by class and split."""
    versions = list(islice(Dataset(storage).versions(), limit))
    lines = [line for version in versions for line in _version_lines(version)]
    rows = [
        {
            "version": version.number,
            "run_id": version.run_id,
            "made": version.made.isoformat(timespec="seconds"),
            "counts": version.counts,
            "augmented": version.augmented,
        }
        for version in versions
    ]
    return lines or ["no dataset yet; run 'nightsort ingest FOLDER'"], {"versions": rows}


def _version_lines(version: Version) -> list[str]:
    total = sum(sum(splits.values()) for splits in version.counts.values())
    made = f", {version.augmented} of them augmented" if version.augmented else ""
    width = max([5, *(len(label) for label in list(version.counts)[:_CLASSES])])
    lines = [
        f"version {version.number}  {version.made:%Y-%m-%d %H:%M} UTC  {total} pictures{made}  {version.run_id}",
        f"  {'class':{width}} {'train':>9} {'validation':>11} {'test':>9}",
    ]
    lines += [
        f"  {label:{width}} {splits['train']:>9} {splits['validation']:>11} {splits['test']:>9}"
        for label, splits in list(version.counts.items())[:_CLASSES]
    ]
    if len(version.counts) > _CLASSES:
        lines.append(f"  ... and {len(version.counts) - _CLASSES} more classes")
    return lines


def quarantined(storage: Storage, limit: int, reason: str | None = None) -> Told:
    """Counts by reason, and the newest rows."""
    rows = Quarantine(storage).rows("path", "member", "reason", "detail", "run_id", "quarantined_at", reason=reason)
    counts = frequencies(rows["reason"])
    newest = rows.sort_by([("quarantined_at", "descending")]).slice(0, limit).to_pylist()
    lines = [f"{row['reason']:18} {place(row['path'], row['member'])}{_detail(row['detail'])}" for row in newest]
    if rows.num_rows > len(newest):
        lines.append(f"... and {rows.num_rows - len(newest)} more")
    lines.append(f"{rows.num_rows} in quarantine" + "".join(f", {reason} {n}" for reason, n in sorted(counts.items())))
    return lines, {"quarantined": rows.num_rows, "reasons": counts, "rows": newest}


def predictions(storage: Storage, limit: int) -> Told:
    """How many there are, and the newest."""
    ledger = Ledger(storage)
    columns = ("classified_at", "path", "member", "label", "confidence", "abstained", "model_version", "run_id")
    rows, total = ledger.newest(limit, *columns).to_pylist(), ledger.count()
    lines = [
        f"{row['classified_at']:%Y-%m-%d %H:%M}  {row['label']}  {row['confidence']:.3f}"
        f"{'  abstained' if row['abstained'] else ''}  {place(row['path'], row['member'])}"
        for row in rows
    ]
    if total > len(rows):
        lines.append(f"... and {count(total - len(rows))} more")
    return lines or ["no prediction yet; run 'nightsort classify FOLDER'"], {"classified": total, "rows": rows}


def _detail(detail: str | None) -> str:
    return f"  ({detail})" if detail else ""


def latest_report(storage: Storage) -> Told:
    """Where the latest report lies, and the index of all, if one was written."""
    runs = store.latest(storage, 1)
    if not runs:
        raise StorageError(
            f"storage {storage.root}: holds no report yet; run 'nightsort ingest' or 'nightsort classify'"
        )
    place = store.location(runs[0].model_copy(update={"storage": storage.root}))  # the root may have been moved
    every = storage.locate(index.NAME) if storage.exists(index.NAME) else None
    lines = [place, *([f"all reports: {every}"] if every else [])]
    return lines, {"report": place, "run_id": runs[0].run_id, "index": every}
