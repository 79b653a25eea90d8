"""Owns the digest of a report: the few figures of a run that other runs, and the index, look back at.

Invariant: reports/<run_id>/digest.json, bounded, written before report.json; whoever looks back over many runs reads
these and no report. A digest that is missing or damaged is made again from its report, once.
Does not know how it will look.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel, ValidationError

from nightsort.errors import StorageError, WriteError
from nightsort.reports import headline
from nightsort.reports.data import Report, State
from nightsort.reports.formats import first, shorten
from nightsort.storage import Storage
from nightsort.tally import Tally

ROOT = "reports"
"""Folder of the reports below the storage root."""

MAX_CLASSES = 1000
"""Classes counted in a digest; the most predicted ones."""

_TEXT = 400  # characters of a text that is foreign, or quotes what is
_LOOKED_AT = 400  # newest nights among which one is named by words
_NAMED = 5  # runs named in an error
_AT_ONCE = 16  # digests under way together, for a store that is far away


class Digest(BaseModel):
    """A run in brief."""

    run_id: str
    flow: str
    state: State
    started: datetime
    finished: datetime
    title: str
    verdict: str  # the word, such as "Balanced"
    tone: str  # good, note or bad
    source: str = ""
    tally: Tally | None = None
    reasons: dict[str, int] = {}
    model_version: int | None = None  # that classified, or that was trained
    predicted: dict[str, int] = {}  # class -> pictures, at most MAX_CLASSES
    abstained: int = 0
    backend: str = ""  # what computed the answers; empty where nothing was classified
    rate: float = 0.0  # pictures classified a second of wall clock; 0 where none were
    drifted: list[str] = []  # names of the findings that are alarms
    dataset_version: int | None = None
    promoted: bool | None = None  # None for a run that judges nothing
    reason: str = ""  # of the gate

    @property
    def counts(self) -> bool:
        """Whether other nights are held against it: it came to its end, and something was classified."""
        return self.state == "completed" and self.tally is not None and self.tally.done > 0


def of(report: Report) -> Digest:
    """The digest of a report."""
    verdict = headline.verdict(report)
    return Digest(
        **report.model_dump(include={"run_id", "flow", "state", "started", "finished"}),
        title=shorten(headline.title(report), _TEXT),
        verdict=verdict.word,
        tone=verdict.tone,
        source=shorten(report.intake.source, _TEXT) if report.intake else "",
        tally=report.intake.tally if report.intake else None,
        reasons=report.intake.reasons if report.intake else {},
        model_version=_first(report, "classify", "training", "promotion", of="model_version"),
        predicted=_predicted(report),
        abstained=report.classify.abstained if report.classify else 0,
        backend=report.classify.backend if report.classify else "",
        rate=_rate(report),
        drifted=[finding.name for finding in report.drift.alarms] if report.drift else [],
        dataset_version=_first(
            report, "training", "ingest", "augment", "audit", "compare", "tune", of="dataset_version"
        ),
        **_judged(report),
    )


def _first(report: Report, *parts: str, of: str) -> int | None:
    return next((getattr(part, of) for name in parts if (part := getattr(report, name))), None)


def _predicted(report: Report) -> dict[str, int]:
    rows = report.classify.predicted if report.classify else []
    return {row.label: row.total for row in sorted(rows, key=lambda row: -row.total)[:MAX_CLASSES]}


def _rate(report: Report) -> float:
    seconds = report.classify.seconds if report.classify else 0.0
    return report.intake.tally.done / seconds if report.intake and seconds else 0.0


def _judged(report: Report) -> dict[str, bool | str]:
    """Whether a model became champion, and why; empty for a run that judges none."""
    if report.training:
        decision = report.training.decision
        return {"promoted": decision.promoted, "reason": shorten(decision.reason, _TEXT)}
    if moved := report.promotion:
        why = moved.decision.reason if moved.decision else moved.why
        return {"promoted": moved.is_moved, "reason": shorten(why, _TEXT)}
    return {}


def write(storage: Storage, digest: Digest) -> None:
    """Write the digest beside its report; :class:`WriteError` if that cannot be done."""
    storage.write_bytes(_name(digest.run_id), digest.model_dump_json(exclude_defaults=True).encode())


def recent(
    storage: Storage,
    n: int,
    flow: str | None = None,
    before: str | None = None,
    notes: list[str] | None = None,
) -> list[Digest]:
    """The newest digests, newest first; run ids sort by time.

    :param n: how many, at most
    :param flow: only runs of this flow
    :param before: a run id; only runs that began earlier
    :param notes: is told of every run that cannot be read
    """
    found: list[Digest] = []
    listed = [
        run_id
        for run_id in reversed(run_ids(storage))
        if (flow is None or f"-{flow}-" in run_id) and (before is None or run_id < before)
    ]
    for digest in _each(storage, listed):
        if len(found) >= n:
            break
        if isinstance(digest, Digest) and flow in (None, digest.flow):
            found.append(digest)
        elif isinstance(digest, str) and notes is not None:
            notes.append(digest)
    return found


def exists(storage: Storage, run_id: str) -> bool:
    """Whether a run has a digest."""
    return storage.exists(_name(run_id))


def run_ids(storage: Storage) -> list[str]:
    """Every run that has a folder, complete or not, oldest first."""
    return [name for name in storage.names(ROOT) if name[:1].isdigit()]


def of_run(storage: Storage, run_id: str) -> Digest | None:
    """The digest of one run; None if it has not ended.

    :raises StorageError: it cannot be read
    """
    found = _read(storage, run_id)
    if isinstance(found, str):
        raise StorageError(found)
    return found


def named(storage: Storage, text: str) -> Digest:
    """The classification that a person means.

    :param text: a run id or the beginning of one, `latest`, `previous`
    :raises StorageError: there is no such run, or several begin like this
    """
    if text in ("latest", "previous"):
        return _newest(storage, text)
    begun = [run_id for run_id in run_ids(storage) if run_id.startswith(text)]
    matching = [run_id for run_id in begun if "-classify-" in run_id] or begun
    if len(matching) != 1:
        some = first(matching, _NAMED)
        none = f"is not in {storage.root}; 'nightsort status' lists the last runs"
        raise StorageError(f"run {text}: {f'{some} begin like this; write more of it' if matching else none}")
    found = of_run(storage, matching[0])
    if found is None or found.flow != "classify":
        raise StorageError(f"run {matching[0]}: is not a finished run of classify; only these can be compared")
    return found


def _newest(storage: Storage, text: str) -> Digest:
    nights = recent(storage, _LOOKED_AT, flow="classify")
    done = [night for night in nights if night.counts]
    place = ("latest", "previous").index(text)
    if len(done) <= place:
        raise StorageError(
            f"{text}: {storage.root} has {len(done)} completed runs of classify with new pictures; "
            "run 'nightsort classify FOLDER' first"
        )
    return done[place]


def _each(storage: Storage, listed: list[str]) -> Iterator[Digest | str | None]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for start in range(0, len(listed), _AT_ONCE):
            yield from threads.map(lambda run_id: _read(storage, run_id), listed[start : start + _AT_ONCE])


def _read(storage: Storage, run_id: str) -> Digest | str | None:
    """The digest of a run; None if it has not ended, words if nothing of it can be read."""
    with suppress(FileNotFoundError, ValidationError, StorageError):
        return Digest.model_validate_json(storage.read_bytes(_name(run_id)))
    place = f"{ROOT}/{run_id}/report.json"
    try:
        made = of(Report.model_validate_json(storage.read_bytes(place)))
    except FileNotFoundError:
        return None
    except (ValidationError, StorageError) as error:
        fault = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        return f"{storage.locate(place)}: left out, it cannot be read ({shorten(fault)}); remove this report's folder"
    with suppress(WriteError):  # a root that may only be read
        write(storage, made)
    return made


def _name(run_id: str) -> str:
    return f"{ROOT}/{run_id}/digest.json"
