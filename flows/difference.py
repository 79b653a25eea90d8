"""Owns comparing two runs, or two models on what both classified: `nightsort report --diff A B`.

Invariant: changes nothing but the page that it writes, and loads no torch. Does not know how it is printed.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.config.intake import ClassifyParams
from nightsort.errors import ModelError, NightsortError, StorageError
from nightsort.learning.registry import Registry
from nightsort.reports import difference, digest, gallery, two_runs
from nightsort.reports.answered import Answered, Answers
from nightsort.reports.difference import Difference, Fact, Side
from nightsort.reports.digest import ROOT, Digest
from nightsort.reports.formats import minute
from nightsort.reports.shown import Thumbnail
from nightsort.scoring.both import both
from nightsort.scoring.ledger import Ledger
from nightsort.sources.files import Access
from nightsort.sources.scratch import scratch
from nightsort.storage import Storage

Told = tuple[list[str], dict[str, Any]]

_LOOKED_AT = 400  # newest nights among which one is named by words
_NAMED = 5  # runs named in an error
_A_DATE = 8  # digits; a shorter number is a model's


def told(storage: Storage, found: Difference) -> Told:
    """The page written, lines and the object."""
    ending = "-test" if found.scored else ""
    name = f"{ROOT}/differences/{found.first.key}-{found.second.key}{ending}.html"
    storage.write_bytes(name, difference.to_html(found).encode())
    place = storage.locate(name)
    pictures = {"answered": {"shown": {"__all__": {"picture": {"image"}}}}}
    return difference.lines(found, place), {**found.model_dump(mode="json", exclude=pictures), "page": place}


def differ(storage: Storage, first: str, second: str) -> Told:
    """Two runs, or two models.

    :param first: a run id or the beginning of one, `latest`, `previous`; or a model, `2` or `model:2`
    :raises StorageError: there is no such run, or several begin like this
    :raises ModelError: there is no such model
    """
    models = [_model_number(text) for text in (first, second)]
    if (models[0] is None) != (models[1] is None):
        raise StorageError(f"--diff {first} {second}: one is a model and one a run; name two models or two runs")
    if models[0] is not None and models[1] is not None:
        return told(storage, _of_models(storage, known_model(storage, models[0]), known_model(storage, models[1])))
    return told(storage, _of_runs(storage, _run(storage, first), _run(storage, second)))


def _model_number(text: str) -> int | None:
    number = text.removeprefix("model:")
    is_number = number.isascii() and number.isdecimal()
    if text.startswith("model:") and not is_number:
        raise ModelError(f"{text}: must be model: and a number, such as model:2")
    return int(number) if is_number and len(number) < _A_DATE else None


def known_model(storage: Storage, version: int) -> int:
    """The version; :class:`ModelError` if there is none of it."""
    versions = Registry(storage).versions()
    if version not in versions:
        there = f"there are {', '.join(map(str, versions))}" if versions else "run 'nightsort train' first"
        raise ModelError(f"model {version}: is not in {storage.root}; {there}")
    return version


def _run(storage: Storage, text: str) -> Digest:
    nights = digest.recent(storage, _LOOKED_AT, flow="classify")
    done = [night for night in nights if night.state == "completed"]
    if text in ("latest", "previous"):
        place = ("latest", "previous").index(text)
        if len(done) <= place:
            raise StorageError(
                f"{text}: {storage.root} has {len(done)} completed runs of classify; "
                "run 'nightsort classify FOLDER' first"
            )
        return done[place]
    begun = [run_id for run_id in digest.run_ids(storage) if run_id.startswith(text)]
    matching = [run_id for run_id in begun if "-classify-" in run_id] or begun
    if len(matching) != 1:
        named = ", ".join(matching[:_NAMED]) + (f" and {len(matching) - _NAMED} more" if len(matching) > _NAMED else "")
        raise StorageError(
            f"run {text}: {f'{named} begin like this; write more of it' if matching else 'is not in ' + storage.root}"
        )
    found = digest.of_run(storage, matching[0])
    if found is None or found.flow != "classify":
        raise StorageError(f"run {matching[0]}: is not a finished run of classify; only these can be compared")
    return found


def _of_runs(storage: Storage, first: Digest, second: Digest) -> Difference:
    notes = []
    shared = None
    if first.run_id == second.run_id:
        notes.append("Both are the same run.")
    elif first.model_version == second.model_version:
        notes.append(
            f"Model {first.model_version} classified in both runs, each picture in one of them, so there is none to "
            "hold against itself."
        )
    else:
        shared = _answered(storage, pc.field("run_id") == first.run_id, pc.field("run_id") == second.run_id, notes)
        if shared is None:
            notes.append("No picture was classified in both runs.")
    return Difference(
        kind="runs",
        first=_night(first),
        second=_night(second),
        facts=two_runs.facts(first, second),
        mixes=two_runs.mixes(first, second),
        answered=shared,
        notes=notes,
    )


def _night(run: Digest) -> Side:
    return Side(key=run.run_id, name=minute(run.started), link=f"../{run.run_id}/report.html")


def _of_models(storage: Storage, first: int, second: int) -> Difference:
    notes: list[str] = []
    field = pc.field("model_version")
    shared = None if first == second else _answered(storage, field == first, field == second, notes)
    if shared is None:
        notes.append(
            "Both are the same model."
            if first == second
            else "No picture was classified by both; 'nightsort models compare' scores both on the test split."
        )
    return Difference(
        kind="models",
        first=model_side(first),
        second=model_side(second),
        facts=model_facts(storage, first, second),
        answered=shared,
        notes=notes,
    )


def model_side(version: int) -> Side:
    """A model as one of the two."""
    return Side(key=f"model-{version}", name=f"model {version}")


def model_facts(storage: Storage, first: int, second: int) -> list[Fact]:
    """What both cards say."""
    from nightsort.learning.card import load_card

    cards = [load_card(storage, version) for version in (first, second)]
    rows = {
        "created": [f"{minute(card.created)} UTC" for card in cards],
        "network": [f"{card.model}, {card.image_size} px" for card in cards],
        "learned from": [f"dataset version {card.dataset_version}" for card in cards],
        "balanced by": [card.balance for card in cards],
        "classes": [str(len(card.classes)) for card in cards],
    }
    return [Fact(name=name, first=values[0], second=values[1]) for name, values in rows.items()]


def _answered(storage: Storage, first: pc.Expression, second: pc.Expression, notes: list[str]) -> Answered | None:
    answers = Answers()
    for rows in both(Ledger(storage), first, second):
        answers.add(rows)
    return answers.of(lambda rows: _thumbnails(rows, notes))


def _thumbnails(rows: pa.Table, notes: list[str]) -> list[Thumbnail]:
    """Read again from the source; without pixels where that is not to be had."""
    try:
        with scratch() as folder:
            return gallery.thumbnails(rows, ClassifyParams.model_fields["max_pixels"].default, Access(scratch=folder))
    except (NightsortError, OSError) as error:
        notes.append(f"Shown without pixels, because the source cannot be read: {error}")
        return gallery.without_pixels(rows)
