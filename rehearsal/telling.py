"""Owns the words of a rehearsal: a line for each night, what happened below it, and how it ended.

Invariant: every number comes from a report's data or from the tables. Does not know what is right.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from rehearsal import story
from rehearsal.account import Account
from rehearsal.diary import Diary, Night
from rehearsal.drops import Sent
from rehearsal.records import Records
from rehearsal.truth import Held

HEAD = f"{'night':20} {'dropped':>7} {'classified':>10} {'set aside':>9} {'abstained':>9}  looked at because of"
_INDENT = " " * 21
_WIDTH = 120
_NAMED = 3  # alarms


def before(eve: datetime) -> str:
    """What is done before the first night."""
    return f"{eve:%d %B %Y}: people label nine of the ten digits, and the first model is trained"


def trained(training: Mapping[str, Any]) -> str:
    """What came of a training."""
    decision = training["decision"]
    verdict = "promoted" if decision["promoted"] else "refused"
    return f"model {training['model_version']} {verdict}: {decision['reason']}"


def of(night: Night, sent: Iterable[Sent]) -> str:
    """A night."""
    dropped = sum(each.night == night.delivery.night for each in sent)
    line = f"{night.delivery.moment:%a %d %B %H:%M}".ljust(20) + f" {dropped:>7}"
    if night.report:
        tally, classified = night.report["intake"]["tally"], night.report["classify"]
        line += f" {tally['done']:>10} {tally['quarantined']:>9} {classified['abstained']:>9}  {_listed(night.odd)}"
    below = (textwrap.fill(what, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT) for what in night.happened)
    return "\n".join([line.rstrip(), *below])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def close(diary: Diary, records: Records, account: Account, held: Held) -> Iterator[str]:
    """How it ended."""
    files = sum(account.outcomes.values())
    where = {
        "predictions": "classified",
        "copies": "copies",
        "quarantine": "set aside",
        "ignored": "no pictures by name",
    }
    terms = " + ".join(f"{account.outcomes.get(table, 0):,} {word}" for table, word in where.items())
    yield f"\nfiles: {files:,} dropped = {terms}; {len(account.faults) or 'no'} faults"
    trained = [night.training["training"] for night in diary.nights if night.training]
    yield f"trainings: 1 before the month, {len(trained)} in it; not needed in the other nights"
    yield f"champion: model {diary.models['champion']} of {len(diary.models['models'])}"
    recall = held.recall.get(str(story.UNSEEN), 0.0)
    yield (
        f"last {story.LAST} nights against the truth: accuracy {held.accuracy:.3f} on {held.pictures} pictures; "
        f"{recall:.3f} of the {story.UNSEEN}s, which nobody had labelled at first"
    )
    pages = records.pages()
    index = records.root / "reports" / "index.html"
    nights = len(diary.reports())
    yield f"reports: {nights} of nights and {len(pages) - nights} others, {records.size() / 1e6:.1f} MB: {index}"
