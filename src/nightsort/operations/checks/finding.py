"""Owns what a check of the installation found, and how checks are run.

Invariant: a check that raises, or hangs, is itself a finding, and keeps no other from being made.
Does not know what is checked.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from typing import Literal

from nightsort.operations.background import begun
from nightsort.redaction import redacted

Grade = Literal["ok", "warn", "fail"]
"""fail: something will not work; warn: it will, but not as well, or not for long."""

PATIENCE = 30.0
"""Seconds for one check."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str  # such as storage
    grade: Grade
    told: str  # what it is like, one line
    todo: str = ""  # what to do about it, one line; empty where nothing is to be done


Check = Callable[[], Iterable[Finding]]


def ok(subject: str, told: str) -> Finding:
    """Nothing is to be done."""
    return Finding(subject, "ok", told)


def warn(subject: str, told: str, todo: str) -> Finding:
    """Something works, and could be better."""
    return Finding(subject, "warn", told, todo)


def fail(subject: str, told: str, todo: str) -> Finding:
    """Something does not work."""
    return Finding(subject, "fail", told, todo)


def examine(checks: Iterable[tuple[str, Check]], patience: float = PATIENCE) -> Iterator[Finding]:
    """What each check finds, in their order.

    :param checks: the subject of each, for those that raise or hang
    :param patience: seconds for one
    """
    for subject, check in checks:
        try:
            yield from (_clean(finding) for finding in begun(check).result(patience))
        except Late:
            yield fail(subject, f"gave no answer within {patience:.0f} s", "see whether what it asks hangs: a network "
                       "drive, a server behind a firewall")  # fmt: skip
        except Exception as error:
            words = " ".join(str(error).split()) or "no words"
            yield fail(
                subject, redacted(f"could not be checked: {type(error).__name__}: {words}"), "mend what it names"
            )


def _clean(finding: Finding) -> Finding:
    return Finding(finding.subject, finding.grade, redacted(finding.told), redacted(finding.todo))
