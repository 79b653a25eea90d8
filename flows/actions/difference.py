"""Owns comparing two runs or two models: `nightsort report --diff A B`, `nightsort models compare A B`.

Invariant: changes nothing but the page that it writes; loads torch only where models are to be scored.
Does not know how it is printed.
"""

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from flows.terminal import Told
from nightsort.config.intake import ClassifyParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import ModelError, NightsortError, StorageError
from nightsort.learning.card import Card, load_card
from nightsort.learning.registry import Registry
from nightsort.reports import difference, digest, gallery, two_models, two_runs
from nightsort.reports.answered import Answered, Pairs
from nightsort.reports.difference import Difference, Fact, Side
from nightsort.reports.digest import ROOT, Digest
from nightsort.reports.formats import count, figure, minute
from nightsort.reports.shown import Thumbnail
from nightsort.scoring.both import both
from nightsort.scoring.ledger import Ledger
from nightsort.scoring.trials import choice
from nightsort.sources.files import Access
from nightsort.sources.scratch import scratch
from nightsort.storage import Storage
from tasks.progress import progress

if TYPE_CHECKING:  # it loads torch
    from nightsort.evaluation.duel import Duel

_A_DATE = 8  # digits; a shorter number is a model's


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
        return _told(storage, _of_models(storage, models[0], models[1]))
    return _told(storage, _of_runs(storage, digest.named(storage, first), digest.named(storage, second)))


def compare(storage: Storage, first: int, second: int) -> Told:
    """Two models, scored afresh on the test split of the newest dataset version.

    :raises ModelError: there is no such model, or both are the same
    """
    from nightsort.evaluation.duel import duel

    if first == second:
        raise ModelError(f"model {first}: cannot be compared with itself; name two models")
    cards, dataset_version = _cards(storage, first, second), Dataset(storage).resolve(None)
    with progress("scoring", None) as advance:
        found = duel(storage, (first, second), dataset_version, advance)
    notes = (
        [f"{count(found.unknown)} test pictures of classes that neither knows are left out."] if found.unknown else []
    )
    return _told(
        storage,
        Difference(
            kind="scores",
            first=_model(first),
            second=_model(second),
            facts=[*two_models.figures(found), *two_models.facts(*cards), *_costs(storage, cards, notes)],
            scored=two_models.scored(found, dataset_version),
            answered=_told_apart(storage, found, cards),
            notes=notes,
        ),
    )


def _told(storage: Storage, found: Difference) -> Told:
    """The page written, lines and the object."""
    ending = "-test" if found.scored else ""
    name = f"{ROOT}/differences/{found.first.key}-{found.second.key}{ending}.html"
    storage.write_bytes(name, difference.to_html(found).encode())
    place = storage.locate(name)
    pictures = {"answered": {"shown": {"__all__": {"picture": {"image"}}}}}
    return difference.lines(found, place), {**found.model_dump(mode="json", exclude=pictures), "page": place}


def _model_number(text: str) -> int | None:
    number = text.removeprefix("model:")
    is_number = number.isascii() and number.isdecimal()
    if text.startswith("model:") and not is_number:
        raise ModelError(f"{text}: must be model: and a number, such as model:2")
    return int(number) if is_number and len(number) < _A_DATE else None


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
    cards = _cards(storage, first, second)
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
        first=_model(first),
        second=_model(second),
        facts=two_models.facts(*cards),
        answered=shared,
        notes=notes,
    )


def _cards(storage: Storage, first: int, second: int) -> tuple[Card, Card]:
    registry = Registry(storage)
    return load_card(storage, registry.require(first)), load_card(storage, registry.require(second))


def _model(version: int) -> Side:
    return Side(key=f"model-{version}", name=f"model {version}")


def _answered(storage: Storage, first: pc.Expression, second: pc.Expression, notes: list[str]) -> Answered | None:
    pairs = Pairs()
    for rows in both(Ledger(storage), first, second):
        pairs.add(rows)
    return pairs.of(lambda rows: _thumbnails(rows, notes))


def _thumbnails(rows: pa.Table, notes: list[str]) -> list[Thumbnail]:
    """Read again from the source; without pixels where that is not to be had."""
    try:
        with scratch() as folder:
            return gallery.thumbnails(rows, ClassifyParams.model_fields["max_pixels"].default, Access(scratch=folder))
    except (NightsortError, OSError) as error:
        notes.append(f"Shown without pixels, because the source cannot be read: {error}")
        return gallery.without_pixels(rows)


def _told_apart(storage: Storage, found: "Duel", cards: tuple[Card, Card]) -> Answered | None:
    """What both said of the test pictures, with pictures from the dataset."""
    from nightsort.evaluation.duel import answered

    dataset, pairs = Dataset(storage), Pairs()
    places = dataset.examples(["sha256", "path", "member"])
    pairs.add(answered(found, cards).join(places, "sha256", join_type="inner"))
    return pairs.of(lambda rows: gallery.stored_thumbnails(dataset, rows))


def _costs(storage: Storage, cards: tuple[Card, Card], notes: list[str]) -> list[Fact]:
    """Speed on this machine, and size, where they are known."""
    rates = [_rate(storage, card, notes) for card in cards]
    sizes = [f"{storage.size(f'models/{card.version}/weights.safetensors') / 1e6:.1f} MB" for card in cards]
    return [
        Fact(name="speed here", first=rates[0], second=rates[1]),
        Fact(name="weights", first=sizes[0], second=sizes[1]),
    ]


def _rate(storage: Storage, card: Card, notes: list[str]) -> str:
    try:
        rate, backend = choice.rate_of(storage, card)
    except ModelError as error:
        notes.append(str(error))
        return "not known"
    return "not measured" if rate is None else f"{figure(rate)}/s by {backend}"
