"""Owns taking in what people answered about pictures, from the file to the dataset.

Invariant: an import that was cut off anywhere is completed by importing the same file again: first the original bytes
are kept, then the answers, then the manifest of them, and last they are ingested. A file with a fault changes nothing.
Does not know the kinds of file.
"""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.actions.review import classes, few
from flows.launch import launch
from flows.terminal import Told
from nightsort import clock
from nightsort.config.intake import IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import ConfigError, ModelError
from nightsort.leases import lease
from nightsort.pipelines import Declaration
from nightsort.reports import store, summary
from nightsort.reports.formats import count, plural
from nightsort.review.answers import Answers, Origin
from nightsort.review.checking import Checked, check
from nightsort.review.formats import recognition
from nightsort.review.keys import keys_of
from nightsort.review.labelled import Labelled
from nightsort.review.queue import predictions_of
from nightsort.review.reply import Given
from nightsort.schema import place
from nightsort.scoring.ledger import Ledger
from nightsort.sources.files import Access
from nightsort.sources.scratch import scratch
from nightsort.storage import Storage
from tasks.progress import progress


def import_answers(declaration: Declaration, file: Path, new_classes: list[str], overwrite: bool, ingest: bool) -> Told:
    """Check a file of answers whole, take it in, and ingest what was given a label.

    :param new_classes: labels to allow that no picture has had so far
    :param overwrite: let answers replace earlier ones that differ
    :raises ConfigError: a line for each fault; then nothing was changed
    """
    storage = Storage(declaration.storage)
    if not (labels := classes(storage, new_classes)):
        raise ModelError(f"storage {storage.root}: has no model and no labels yet; run 'nightsort ingest' first")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    reply = recognition.read(data)
    origin = Origin(reply.tool, file.name, hashlib.sha256(data).hexdigest(), f"review-{clock.now():%Y%m%dT%H%M%S}")
    predictions = _predictions(storage, reply.answers)
    answers, labelled = Answers(storage), Labelled(storage)
    with lease.hold(storage, "review") as held:
        held.fence(answers)
        earlier = answers.of(predictions)
        checked = check(file.name, reply, predictions, labels, earlier, overwrite)
        named = [given.sha256 for given in (*checked.fresh, *checked.same) if given.label]
        lost = _keep(labelled, [predictions[sha256] for sha256 in named])
        answers.take_in(checked.fresh, predictions, origin, held.ticket())
        labelled.write_manifest(answers.labels())
    lost = {_place(predictions[sha256]): why for sha256, why in lost.items()}
    lines, facts = _told(checked, reply.untouched, lost)
    ingested = _ingested(declaration, storage, labelled, answers, origin.run_id) if ingest else ([], {})
    return [*lines, *ingested[0]], {**facts, **ingested[1]}


def _predictions(storage: Storage, answers: list[Given]) -> dict[str, dict[str, Any]]:
    """The newest prediction of each picture that is answered, by its SHA-256."""
    asked = [given.sha256 for given in answers if given.names_a_picture]
    found = predictions_of(Ledger(storage).batches, keys_of(pa.array(asked, pa.string())))
    return {row["sha256"]: row for row in found.values()}


def _keep(labelled: Labelled, rows: list[dict[str, Any]]) -> dict[str, str]:
    with scratch() as folder, progress("keeping pictures", len(rows)) as advance:
        return labelled.keep(rows, Access(folder), advance)


def _told(checked: Checked, untouched: int, lost: dict[str, str]) -> Told:
    """What became of the answers.

    :param lost: where pictures lay that are to be learned and cannot be read any more -> why
    """
    lines = [
        f"{plural(len(checked.fresh), 'answer')} taken in, {count(len(checked.same))} known already, "
        f"{plural(len(checked.conflicts), 'conflict')}, {count(untouched)} not answered"
    ]
    if not (checked.fresh or checked.same or checked.conflicts):
        lines.append("to answer, write a class into the column label, or skip or unusable into verdict")
    conflicts = [
        f"conflict: {given.line}: {given.label or given.verdict} of {_place(before)}; "
        f"{before['reviewer'] or 'nobody named'} had said {before['label'] or before['verdict']} in {before['file']}"
        for given, before in checked.conflicts
    ]
    lines += few(conflicts)
    if conflicts:
        lines.append("the earlier answers stay; --overwrite true puts these in their place")
    lines += few([f"cannot be learned: {where} ({why})" for where, why in lost.items()])
    if lost:
        lines.append("their answers are kept; bring these pictures back and import the file again")
    facts = {
        "answers": len(checked.fresh),
        "known": len(checked.same),
        "conflicts": [
            {"sha256": given.sha256, "said": given.label or given.verdict, "before": before["label"]}
            for given, before in checked.conflicts
        ],
        "not_answered": untouched,
        "unreadable": sorted(lost),
    }
    return lines, facts


def _ingested(declaration: Declaration, storage: Storage, labelled: Labelled, answers: Answers, run_id: str) -> Told:
    """Ingest the pictures with a label, unless each came to an outcome with that label before."""
    kept = labelled.kept()
    given = {row["sha256"]: row for row in answers.labels().to_pylist() if row["sha256"] in kept}
    withdrawn = labelled.withdrawn(given)
    _withdraw(storage, withdrawn, run_id)
    lines = [f"{plural(len(withdrawn), 'picture')} of the dataset withheld: no longer given a label"] * bool(withdrawn)
    facts: dict[str, Any] = {"withheld": len(withdrawn)}
    if given.keys() - labelled.outcomes(given):
        asked = {"source": labelled.source, "manifest": labelled.manifest, "settle_seconds": 0}
        report = launch("ingest", IngestParams(**{**declaration.defaults(), **asked}), declaration.server.api)
        lines += summary.as_lines(report, store.location(report))
        facts["ingest"] = summary.as_object(report, store.location(report))
    outcomes = labelled.outcomes(given)
    aside = {sha256: why for sha256, why in outcomes.items() if why}
    inside = len(outcomes) - len(aside)
    lines.append(f"the dataset has {count(inside)} of the {plural(len(given), 'picture')} labelled in review")
    lines += few([f"set aside: {_place(given[sha256])} ({why})" for sha256, why in aside.items()])
    return lines, facts | {"from_review": len(given), "in_dataset": inside, "set_aside": len(aside)}


def _place(row: dict[str, Any]) -> str:
    return place(row["path"], row["member"])


def _withdraw(storage: Storage, sha256s: list[str], run_id: str) -> None:
    """Take pictures of the dataset out of its splits."""
    if sha256s:
        dataset = Dataset(storage)
        with lease.hold(storage, "dataset") as held:
            held.fence(dataset)
            rows = dataset.withheld(pa.array(sha256s, pa.string()))
            dataset.commit([], rows, dataset.policy(), run_id, held.ticket())
