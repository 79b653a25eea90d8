"""Owns the question whether two counts differ by more than chance, by enough to be worth a line.

Invariant: both are asked, so that neither a small night cries wolf nor a large one talks of nothing.
Does not know what is counted.
"""

ALPHA = 0.01
"""Share of comparisons of the same with the same that may be said to differ, at most."""

WORTH = 1.5
"""Odds ratio, or ratio of two figures, from which a difference is worth a line."""


def shares_differ(count: int, total: int, before: int, total_before: int, tests: int = 1) -> bool:
    """Whether `count` of `total` is another share than `before` of `total_before`, by Fisher's exact test.

    Fisher's test needs no minimum of counts (Agresti 2002, Categorical Data Analysis, 3.5.1).

    :param tests: how many such questions are asked at once; the level is shared out among them (Bonferroni)
    """
    from scipy.stats import fisher_exact

    if not total or not total_before or not _odds_differ(count, total - count, before, total_before - before):
        return False
    return bool(fisher_exact([[count, total - count], [before, total_before - before]]).pvalue < ALPHA / max(tests, 1))


def _odds_differ(yes: int, no: int, yes_before: int, no_before: int) -> bool:
    up, down = yes * no_before, no * yes_before
    return max(up, down) >= WORTH * min(up, down) and up != down


def counts_differ(count: int, before: int) -> bool:
    """Whether one count is another than the one before, as counts of events at the same rate would be (exact test)."""
    from scipy.stats import binomtest

    if not figures_differ(count, before):
        return False
    return bool(binomtest(count, count + before).pvalue < ALPHA)


def figures_differ(figure: float, before: float) -> bool:
    """Whether the larger of two figures is at least WORTH times the smaller."""
    return max(figure, before) >= WORTH * min(figure, before) and figure != before
