"""Owns looking at one model: its card, and what computes its answers on which machine.

Invariant: reads only, loads neither torch nor OpenVINO, and shows a bounded number of classes.
Does not know how it is printed.
"""

from collections.abc import Iterator

from flows.terminal import Told
from nightsort.errors import ModelError
from nightsort.evaluation.decisions import Recorded, decisions
from nightsort.learning.card import Card, load_card
from nightsort.learning.registry import Move, Registry
from nightsort.reports import modelcard
from nightsort.reports.formats import drift, figure, shorten
from nightsort.scoring.trials import choice
from nightsort.scoring.trials.choice import Record, Trial
from nightsort.scoring.trials.machine import this_machine
from nightsort.scoring.trials.verdicts import Measured
from nightsort.storage import Storage

_CLASSES = 30  # named
_LABEL = 24  # characters of a class in the table
_DECISIONS = 5  # told, the newest


def shown(storage: Storage, version: int) -> Told:
    """One model with all its figures.

    :raises ModelError: if there is no such model, or its files are damaged
    """
    registry = Registry(storage)
    card = load_card(storage, registry.require(version))
    moves, champion = registry.history(), registry.champion() == version
    record, judged = choice.read(storage, card), decisions(storage, version)[-_DECISIONS:]
    data = {
        **card.model_dump(mode="json"),
        "champion": champion,
        "moves": [move.model_dump(mode="json") for move in moves if version in (move.version, move.before)],
        "decisions": [decision.model_dump(mode="json") for decision in judged],
        "machine": this_machine().fingerprint,
        "backends": record.model_dump(mode="json") if record else None,
    }
    return [*_facts(card, champion), *_standing(version, moves), *_judged(judged), *_backends(record)], data


def card_of(storage: Storage, version: int) -> Told:
    """A model's card for people, in Markdown.

    :raises ModelError: if there is no such model, or it was published without a card
    """
    card = modelcard.read(storage, Registry(storage).require(version))
    if card is None:
        raise ModelError(f"model {version}: was published without a card; models that are trained from now on have one")
    return modelcard.to_markdown(card).splitlines(), card.model_dump(mode="json")


def _facts(card: Card, champion: bool) -> Iterator[str]:
    names = ", ".join(shorten(name, _LABEL) for name in card.classes[:_CLASSES])
    more = f" and {len(card.classes) - _CLASSES} more" if len(card.classes) > _CLASSES else ""
    facts = {
        "created": f"{card.created:%Y-%m-%d %H:%M} UTC, run {card.run_id}",
        "network": f"{card.model}, {card.image_size} x {card.image_size} px, preprocessing {card.preprocessing}",
        "classes": f"{len(card.classes)}: {names}{more}",
        "learned from": f"dataset version {card.dataset_version}, balanced by {card.balance}",
        "test split": f"accuracy {card.accuracy:.3f}, macro-F1 {card.macro_f1:.3f}",
        "confidence": f"temperature {card.temperature:.2f}, abstains below {_least(card)}",
        "weights": f"SHA-256 {card.weights_sha256}",
        **({"started from": f"{card.weights_from}, SHA-256 {card.weights_from_sha256}"} if card.weights_from else {}),
    }
    yield f"model {card.version}{', the champion' if champion else ''}"
    yield from (f"  {name:13} {fact}" for name, fact in facts.items())


def _standing(version: int, moves: list[Move]) -> Iterator[str]:
    """When it became champion and how, and when it ceased to be."""
    for move in moves:
        if move.version == version:
            yield f"champion: {move.line}"
        elif move.before == version:
            yield f"no longer champion: model {move.version} is, {move.line}"


def _judged(judged: list[Recorded]) -> Iterator[str]:
    """Every decision with its reason; of the newest, all conditions."""
    for decision in judged:
        verdict = "promoted" if decision.promoted else "refused"
        yield f"{verdict} {decision.when:%Y-%m-%d %H:%M} UTC in run {decision.run_id}: {decision.reason}"
    for check in judged[-1].checks if judged else []:
        yield f"  {'holds' if check.passed else 'fails'}  {check.name:18} {check.line}"


def _least(card: Card) -> str:
    """The confidence from which on it answers; a threshold above 1 is a class that it never names."""
    if not card.thresholds:
        return f"{card.abstain_below:g}"
    answered = [least for least in card.thresholds.values() if least <= 1]
    never = len(card.thresholds) - len(answered)
    between = f"{min(answered):.2f} to {max(answered):.2f} by class" if answered else "any"
    return between + (f"; never answers with {never} of {len(card.thresholds)} classes" if never else "")


def _backends(record: Record | None) -> Iterator[str]:
    """The tables of all machines that measured, this one first."""
    here = record.here() if record else None
    if here is None:
        yield "backends: not measured on this machine yet; the next classification does"
    trials = record.trials.values() if record else []
    for trial in sorted(trials, key=lambda trial: (trial is not here, trial.measured_at)):
        yield from _table(trial, here=trial is here)


def _table(trial: Trial, here: bool) -> Iterator[str]:
    compared = f"on {trial.pictures} of {trial.of} validation pictures" if trial.pictures else "without a comparison"
    where = "this machine" if here else "another machine"
    yield f"backends on {where}, measured {trial.measured_at:%Y-%m-%d %H:%M} UTC {compared}"
    yield f"  {trial.machine.line}"
    width = max([11, *(len(_worst(item)) for item in trial.table)])
    yield (
        f"    {'backend':14} {'pictures/s':>10} {'same label':>10} {'mean drift':>10} {'max drift':>9}  "
        f"{'worst class':{width}}  verdict"
    )
    yield from (_row(item, here, width) for item in trial.table)


def _row(item: Measured, here: bool, width: int) -> str:
    mark = "*" if here and item.verdict == "used" else " "
    against = item.against
    figures = (
        figure(item.rate) if item.rate is not None else "-",
        f"{against.agreement:.2%}" if against else "-",
        drift(against.mean_drift) if against else "-",
        drift(against.max_drift) if against else "-",
    )
    rate, same, mean, most = figures
    return (
        f"  {mark} {item.backend:14} {rate:>10} {same:>10} {mean:>10} {most:>9}  {_worst(item):{width}}  "
        f"{item.verdict}: {item.why}"
    )


def _worst(item: Measured) -> str:
    """The class that loses most recall, and how many points."""
    if item.against is None or item.against.worst_class is None:
        return "-" if item.against is None else "none"
    return f"{shorten(item.against.worst_class, _LABEL)} -{100 * item.against.worst_loss:.1f}"
