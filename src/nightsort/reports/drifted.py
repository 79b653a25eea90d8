"""Owns how drift is put in words: for the headline, for the short forms, for the table.

Invariant: as long as its findings are, which are bounded. Does not know how drift is found, nor HTML.
"""

from nightsort.drift.findings import Drift, Finding
from nightsort.reports.formats import figure, first, plural

NAMED = 3
"""Alarms that the headline names; the table has all."""


def gist(part: Drift) -> str:
    """One line: which tests raised an alarm, or that none did, or why none was done."""
    if not part.findings:
        return part.notes[0] if part.notes else "drift was not looked for"
    if not part.alarms:
        return f"no drift in {plural(len(part.findings), 'test')} against what model {part.model_version} was tried on"
    return f"drift: {named(part)}"


def named(part: Drift) -> str:
    """The alarms by name, the first few."""
    return first([finding.name for finding in part.alarms], NAMED)


def word(finding: Finding) -> str:
    """What a test came to; likely chance, or so small that it does not matter, is no alarm."""
    if finding.drifted:
        return "drifted"
    return "as before" if finding.effect < finding.least else "may be chance"


def chance(p_value: float) -> str:
    """A p-value for a person."""
    return f"{p_value:.3f}" if p_value >= 0.001 else f"{p_value:.0e}"


def odds(part: Drift) -> str:
    """What the verdicts promise."""
    return f"Of nights without drift at most {figure(100 * part.alpha)}% raise an alarm"
