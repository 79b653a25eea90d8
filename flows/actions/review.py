"""Owns asking people about pictures: how many are open, and an export of the most urgent.

Invariant: reads only, but for the folder that is asked for. Each function gives lines for a person and an object for a
program. Does not know how they are printed, or answered.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from flows.terminal import Told
from nightsort import clock
from nightsort.config.intake import IntakeParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.learning.card import load_card
from nightsort.learning.registry import Registry
from nightsort.reports import queued
from nightsort.reports.formats import count, plural
from nightsort.review.answers import Answers
from nightsort.review.formats import fiftyone, label_studio, sheet
from nightsort.review.keys import all_keys
from nightsort.review.pictures import Shown, write_pictures
from nightsort.review.queue import REASONS, Asked, Queue, queue
from nightsort.review.signals import Signals
from nightsort.schema import WITHHELD, place
from nightsort.scoring.ledger import Ledger
from nightsort.sources.files import Access
from nightsort.sources.scratch import scratch
from nightsort.storage import Storage, writing
from tasks.progress import progress

_MAX_PIXELS = IntakeParams.model_fields["max_pixels"].default
_NAMED = 20  # pictures, at most


def status(storage: Storage) -> Told:
    """How many pictures are open, by reason, and what was answered, by whom."""
    found = _queue(storage, Asked(count=0))
    answered = Answers(storage).counts()
    total = sum(sum(verdicts.values()) for verdicts in answered.values())
    lines = [f"{count(found.open[reason]):>10}  {reason}: {meaning}" for reason, meaning in REASONS.items()]
    lines.append(f"{count(total):>10}  answered")
    lines += [
        f"{count(sum(verdicts.values())):>10}    by {reviewer or 'nobody named'}: "
        + ", ".join(f"{count(number)} {verdict}" for verdict, number in verdicts.items())
        for reviewer, verdicts in answered.items()
    ]
    return lines, {"open": found.open, "answered": total, "by": answered}


def _queue(storage: Storage, asked: Asked) -> Queue:
    """What has a label in the dataset is not asked about either, unless that label is in dispute."""
    ledger = Ledger(storage)
    labelled = Dataset(storage).examples(["sha256"], pc.field("split") != WITHHELD)["sha256"]
    closed = np.union1d(Answers(storage).keys(), all_keys(labelled.chunks))
    with progress("ranking", None):
        return queue(ledger.batches, ledger.count(), Signals(storage).batches(), closed, asked)


def export(storage: Storage, into: Path, asked: Asked, formats: Collection[str]) -> Told:
    """Write the most urgent pictures into a folder.

    :param formats: csv, label-studio, fiftyone, gallery, or some of them
    :raises StorageError: if the folder holds something
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        what = "is not empty" if into.is_dir() else "is a file"
        raise StorageError(f"{into}: {what}; name a folder that is not there yet")
    found = _queue(storage, asked)
    if not found.items:
        lines = [f"no picture to look at in {storage.root}{_narrowed(asked)}; nothing was written"]
        return lines, {"pictures": 0, "unreadable": 0, "reasons": {}, "folder": ""}
    with writing(str(into)), scratch() as folder, progress("exporting", len(found.items)) as advance:
        into.mkdir(parents=True, exist_ok=True)
        shown = write_pictures(found.items, into, _MAX_PIXELS, Access(folder), advance)
        _write(shown, classes(storage, {item.prediction["label"] for item in found.items}), into, formats)
    lost = [one for one in shown if one.problem]
    reasons = Counter(reason for item in found.items for reason in item.reasons)
    lines = [f"{plural(len(shown), 'picture')} to look at in {into}: {', '.join(formats)}"]
    lines += [f"  {reasons[reason]} {reason}: {meaning}" for reason, meaning in REASONS.items() if reasons[reason]]
    lines.append("take the answers in by 'nightsort review import FILE': queue.csv, or what the other tools export")
    lines += few([f"cannot be read: {_where(one)} ({one.problem})" for one in lost])
    return lines, {"pictures": len(shown), "unreadable": len(lost), "reasons": dict(reasons), "folder": str(into)}


def _narrowed(asked: Asked) -> str:
    by = f" of run {asked.run_id}" if asked.run_id else ""
    return by + (f" since {asked.since:%Y-%m-%d}" if asked.since else "")


def _where(one: Shown) -> str:
    return place(one.item.prediction["path"], one.item.prediction["member"])


def _write(shown: list[Shown], classes: list[str], into: Path, formats: Collection[str]) -> None:
    if "label-studio" in formats:
        label_studio.write(shown, classes, into)
    if "fiftyone" in formats:
        fiftyone.write(shown, classes, into)
    if "gallery" in formats:
        (into / "index.html").write_text(queued.to_html(shown, clock.now()), encoding="utf-8")
    if "csv" in formats:
        sheet.write(shown, into / "queue.csv")


def classes(storage: Storage, others: Collection[str]) -> list[str]:
    """The champion's classes in their order, then those of the dataset and others by name."""
    champion = Registry(storage).champion()
    known = [] if champion is None else load_card(storage, champion).classes
    dataset = Dataset(storage)
    labels = set(dataset.counts()) if dataset.version() else set()
    return [*known, *sorted((labels | set(others)) - set(known))]


def few(lines: list[str]) -> list[str]:
    """The first lines, and how many there are more."""
    return lines[:_NAMED] + [f"... and {len(lines) - _NAMED} more"] * (len(lines) > _NAMED)
