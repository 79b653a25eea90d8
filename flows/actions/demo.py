"""Owns the demo: the whole loop, from labelled pictures to three classified nights, in one go.

Invariant: every step is the flow a user would run; nothing is prepared in advance.
Does not know how the flows work.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.metrics import accuracy_score, f1_score

from flows.actions.samples import Samples, copy_folder, write_digits
from flows.classify import classify
from flows.ingest import ingest
from flows.train import train
from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.config.training import TrainParams
from nightsort.errors import SourceError
from nightsort.reports import store, summary
from nightsort.reports.data import Report
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage

_DIGITS = {"image_size": 32, "epochs": 30}  # strokes, not texture: small and few are enough, and quick


def demo(data: Path | None, into: Path, say: Callable[[str], Any]) -> tuple[list[str], dict[str, Any]]:
    """Ingest, train, classify drop 1, again, drop 2 and the archive.

    :param data: a folder of class folders; None for handwritten digits
    :param say: called with each line as it happens
    :returns: closing lines for a person, an object for a program
    :raises SourceError: if `data` is not a folder, or `into` holds something that no demo made
    """
    if data is not None and not data.is_dir():
        raise SourceError(f"--data {data}: is not a folder; expected DATA/<class>/picture.jpg")
    samples = copy_folder(data, into) if data else write_digits(into)
    root = str(into / "storage")
    say(f"pictures: {samples.labelled} (labelled), {', '.join(str(drop) for drop in samples.drops)}\n")
    steps: list[tuple[str, Any, Any]] = [
        ("labelled pictures become a dataset", ingest, IngestParams(source=str(samples.labelled), storage=root)),
        ("a model learns from it", train, TrainParams(storage=root, **({} if data else _DIGITS))),  # type: ignore[arg-type]
        *((what, classify, ClassifyParams(source=str(drop), storage=root)) for what, drop in _nights(samples)),
    ]
    reports = []
    for what, flow, params in steps:
        say(f"-- {what}")
        report: Report = flow(params)
        for line in summary.as_lines(report, store.location(report)):
            say(line)
        reports.append(report)
    return _close(reports, samples, root)


def _nights(samples: Samples) -> list[tuple[str, Path]]:
    first, second, archive = samples.drops
    return [
        ("the first night", first),
        ("the first night once more: nothing is done twice", first),
        ("the second night", second),
        ("the third night, an archive that is read where it lies", archive),
    ]


def _close(reports: list[Report], samples: Samples, root: str) -> tuple[list[str], dict[str, Any]]:
    rows = Ledger(Storage(root)).predictions("path", "member", "label").to_pylist()
    pairs = [
        (samples.truth[name], row["label"])
        for row in rows
        if (name := Path(row["member"] or row["path"]).name) in samples.truth
    ]
    if not pairs:
        raise SourceError("no held-out picture was classified; the demo needs a few pictures of each class")
    truth, predicted = zip(*pairs, strict=True)
    accuracy, macro_f1 = accuracy_score(truth, predicted), f1_score(truth, predicted, average="macro")
    place = store.location(reports[-1])
    nights = [report.intake.tally for report in reports if report.classify and report.intake]
    lines = [
        "",
        f"labelled: {reports[0].intake.tally.done if reports[0].intake else 0} pictures, rarest class "
        f"{min(item.total for item in reports[0].ingest.classes) if reports[0].ingest else 0}",
        f"classified: {sum(night.done for night in nights)} in {len(nights)} runs, {nights[1].done} of them in the "
        f"second run over the same drop; {sum(night.quarantined for night in nights)} quarantined, "
        f"{sum(night.duplicate for night in nights)} duplicate; every run balances",
        f"held-out pictures: accuracy {accuracy:.3f}, macro-F1 {macro_f1:.3f} on {len(pairs)}",
        f"report: {place}",
    ]
    data = {"accuracy": float(accuracy), "macro_f1": float(macro_f1), "held_out": len(pairs), "report": place}
    return lines, data | {"runs": [summary.as_object(item, store.location(item)) for item in reports]}
