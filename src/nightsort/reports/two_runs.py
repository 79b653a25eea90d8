"""Owns what two nights have to say beside each other: their facts, and the mixes of classes that they predicted.

Invariant: it is made of their digests alone. Does not know the pictures.
"""

from nightsort.reports.chance import shares_differ
from nightsort.reports.difference import MAX_CLASSES, Fact, Mix, Mixes
from nightsort.reports.digest import Digest
from nightsort.reports.formats import count, minute, percent
from nightsort.tally import Tally

_OUTCOMES = [name for name in Tally.model_fields if name != "done"]  # which has a line of its own


def facts(first: Digest, second: Digest) -> list[Fact]:
    """Both nights, line by line."""
    tallies = [run.tally or Tally() for run in (first, second)]
    rows = {
        "started": [f"{minute(run.started)} UTC" for run in (first, second)],
        "source": [run.source for run in (first, second)],
        "result": [run.verdict for run in (first, second)],
        "model": [str(run.model_version) for run in (first, second)],
        "classified": [count(tally.done) for tally in tallies],
        "abstained": [
            f"{count(run.abstained)} ({percent(run.abstained / max(tally.done, 1))})"
            for run, tally in zip((first, second), tallies, strict=True)
        ],
        **{name: [count(getattr(tally, name)) for tally in tallies] for name in _OUTCOMES},
    }
    for reason in sorted({*first.reasons, *second.reasons}):
        rows[reason] = [count(run.reasons.get(reason, 0)) for run in (first, second)]
    rows["drift"] = [", ".join(run.drifted) or "no alarm" for run in (first, second)]
    return [Fact(name=name, first=values[0], second=values[1]) for name, values in rows.items()]


def mixes(first: Digest, second: Digest) -> Mixes:
    """The mixes of both nights, the class first whose share changed most."""
    before, after = sum(first.predicted.values()), sum(second.predicted.values())
    labels = sorted(
        label
        for label in {*first.predicted, *second.predicted}
        if first.predicted.get(label) or second.predicted.get(label)
    )
    table = [(first.predicted.get(label, 0), second.predicted.get(label, 0)) for label in labels]
    moved = [abs(b / max(after, 1) - a / max(before, 1)) for a, b in table]
    rows = [
        Mix(label=label, first=a, second=b, changed=shares_differ(b, after, a, before, tests=len(labels)))
        for label, (a, b) in zip(labels, table, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda row: (-moved[row], rows[row].label))
    return Mixes(
        totals=(before, after),
        variation=sum(moved) / 2 if before and after else 0.0,
        p_value=_homogeneous(table) if before and after and len(labels) > 1 else None,
        classes=[rows[row] for row in order[:MAX_CLASSES]],
    )


def _homogeneous(table: list[tuple[int, int]]) -> float:
    """p of Pearson's chi-squared test that both mixes are drawn from one."""
    from scipy.stats import chi2_contingency

    return float(chi2_contingency(table).pvalue)
