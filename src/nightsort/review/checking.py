"""Owns the check of a file of answers: whether each can be right, and what it says against answers there are.

Invariant: nothing is taken in of a file with a fault, and every fault is named with where it stands, up to a bound.
Does not know the kind of file.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from nightsort.errors import ConfigError
from nightsort.faults import did_you_mean
from nightsort.review.reply import Given, Reply
from nightsort.words import Verdict

_FAULTS = 50  # listed at most


@dataclass
class Checked:
    """Answers that can be right.

    :param fresh: to pictures that had none, or that differ and may replace it
    :param same: those that say what is known already
    :param conflicts: those that differ from an earlier answer, with that; not to be taken in
    """

    fresh: list[Given] = field(default_factory=list)
    same: list[Given] = field(default_factory=list)
    conflicts: list[tuple[Given, dict[str, Any]]] = field(default_factory=list)


def check(
    name: str,
    reply: Reply,
    predicted: Collection[str],
    classes: Collection[str],
    earlier: dict[str, dict[str, Any]],
    overwrite: bool,
) -> Checked:
    """Check a file whole.

    :param name: of the file, for messages
    :param predicted: sha256 of those of its pictures that have a prediction
    :param classes: labels that are allowed
    :param earlier: answers there are to its pictures, of the schema ANSWERS
    :param overwrite: whether an answer may replace an earlier one
    :raises ConfigError: a line for each fault
    """
    faults = [*reply.faults, *_row_faults(reply.answers, predicted, classes), *_torn(reply.answers)]
    if faults:
        more = [f"{name}: ... and {len(faults) - _FAULTS} more"] if len(faults) > _FAULTS else []
        raise ConfigError("\n".join([f"{name}: {fault}" for fault in faults[:_FAULTS]] + more))
    checked, once = Checked(), dict[str, Given]()
    for given in reply.answers:
        once.setdefault(given.sha256, given)
    for given in once.values():
        before = earlier.get(given.sha256)
        if before is None or (overwrite and not _same(given, before)):
            checked.fresh.append(given)
        elif _same(given, before):
            checked.same.append(given)
        else:
            checked.conflicts.append((given, before))
    return checked


def verdict_of(given: Given) -> str:
    """The verdict, which a label alone is too."""
    return given.verdict or "label"


def _same(given: Given, before: dict[str, Any]) -> bool:
    return (verdict_of(given), given.label) == (before["verdict"], before["label"] or "")


def _row_faults(answers: list[Given], predicted: Collection[str], classes: Collection[str]) -> Iterator[str]:
    for given in answers:
        if not given.names_a_picture:
            yield f"{given.line}: sha256: must be 64 hexadecimal digits, got {given.sha256!r}"
        elif given.sha256 not in predicted:
            yield f"{given.line}: sha256: {given.sha256[:12]}... was never classified here; is it another storage root?"
        yield from _verdict_faults(given)
        if given.label and given.label not in classes and verdict_of(given) == "label":
            yield f"{given.line}: label: {given.label!r} is no class{_hint(given.label, classes)}"


def _verdict_faults(given: Given) -> Iterator[str]:
    allowed = get_args(Verdict)
    verdict = verdict_of(given)
    if verdict not in allowed:
        yield f"{given.line}: verdict: must be {', '.join(allowed)}, got {given.verdict!r}"
    elif verdict == "label" and not given.label:
        yield f"{given.line}: label: must not be empty where the verdict is label"
    elif verdict != "label" and given.label:
        yield f"{given.line}: label: must be empty where the verdict is {verdict}, got {given.label!r}"


def _hint(label: str, classes: Collection[str]) -> str:
    meant = did_you_mean(label, classes) or f" of {', '.join(sorted(classes)[:10])}"
    return f"{meant}{'' if meant.endswith('?') else ';'} a new one is allowed by --new-classes {label!r}"


def _torn(answers: list[Given]) -> Iterator[str]:
    """Answers of one file that disagree about a picture."""
    first: dict[str, Given] = {}
    for given in answers:
        other = first.setdefault(given.sha256, given)
        if (verdict_of(other), other.label) != (verdict_of(given), given.label):
            picture = f"{given.sha256[:12]}..."
            yield f"{given.line}: says {_word(given)} of {picture}, of which {other.line} says {_word(other)}"


def _word(given: Given) -> str:
    return repr(given.label) if given.label else verdict_of(given)
