"""Owns the plan of a deployment: what it will do to a server, field by field, before anything is done.

Invariant: a pure function of what is declared and what was found; what is equal is left alone, and a secret is compared
but never shown. Does not know what a field means, nor how a server is written to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import SecretStr

from nightsort.redaction import redacted

Kind = Literal["pool", "webhook", "deployment", "automation"]
Action = Literal["create", "update", "unchanged", "remove", "keep"]

_LONGEST = 90  # characters of a value that are shown
_NONE = "none"
_KEPT = "no longer declared; --prune removes it"
_STARTS = "no longer declared; it stays, and its schedule goes on starting it; --prune removes it"


@dataclass(frozen=True)
class Thing:
    """Something on a server, as it is declared or as it was found.

    :param fields: what is compared; a secret is a SecretStr
    :param note: what a person should know of it beside that
    """

    kind: Kind
    name: str
    fields: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Change:
    """A field that will get another value, in words."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Step:
    """What will be done to one thing."""

    action: Action
    kind: Kind
    name: str
    changes: list[Change] = field(default_factory=list)
    note: str = ""


def plan(declared: Sequence[Thing], found: Sequence[Thing], prune: bool) -> list[Step]:
    """What makes what was found into what is declared.

    :param found: what is there already and ours; an automation that is not declared belongs to declared pipelines, and
        goes, while anything else that is not declared goes with `prune` alone
    """
    known = {(thing.kind, thing.name): thing for thing in found}
    steps = [_step(thing, known.pop((thing.kind, thing.name), None)) for thing in declared]
    for thing in known.values():
        if prune or thing.kind == "automation":
            steps.append(Step("remove", thing.kind, thing.name))
        else:
            steps.append(Step("keep", thing.kind, thing.name, note=_STARTS if thing.fields.get("schedule") else _KEPT))
    return steps


def _step(thing: Thing, before: Thing | None) -> Step:
    if before is None:
        return Step("create", thing.kind, thing.name, note=thing.note)
    changes = list(_changes(before.fields, thing.fields))
    return Step("update" if changes else "unchanged", thing.kind, thing.name, changes, before.note)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = dict(_flat(before)), dict(_flat(after))
    for name in [*new, *(old.keys() - new.keys())]:
        one, other = old.get(name), new.get(name)
        if one != other:
            yield Change(name, *map(_shown, _apart(one, other)))


def _apart(one: Any, other: Any) -> tuple[Any, Any]:
    """Of two lists, what only one of them has."""
    if not (isinstance(one, list) and isinstance(other, list)):
        return one, other
    gone, come = [item for item in one if item not in other], [item for item in other if item not in one]
    return (gone or None, come or None) if gone or come else (one, other)


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value below a dotted name."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _flat(item, f"{place}.{number}")
    elif value is not None:
        yield place, value


def _shown(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, SecretStr):
        return "(secret)"
    text = redacted(", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def lines(steps: Sequence[Step]) -> list[str]:
    """The plan for people: a line for each thing, then one for each field that changes, then the sums."""
    told = []
    for step in steps:
        note = f": {step.note}" if step.note else ""
        told.append(f"{step.action:<9} {step.kind} {step.name}{note}")
        told += [f"{'':<9}   {change.field}: {change.old} -> {change.new}" for change in step.changes]
    counts = {action: sum(step.action == action for step in steps) for action in dict.fromkeys(s.action for s in steps)}
    return [*told, "plan: " + ", ".join(f"{count} {action}" for action, count in counts.items())]


def as_object(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The plan for programs."""
    return [asdict(step) for step in steps]
