"""Conservation: discovered is the sum of the outcomes, or the run fails and says the numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.errors import CeilingError, UnbalancedError
from nightsort.tally import Tally

OUTCOMES = [name for name in Tally.model_fields if name != "discovered"]
COUNTS = st.fixed_dictionaries({name: st.integers(0, 10_000) for name in OUTCOMES})


def test_the_outcomes_are_these() -> None:
    assert OUTCOMES == ["done", "quarantined", "duplicate", "deferred", "skipped"]


@given(COUNTS)
def test_the_sum_of_the_outcomes_balances(counts: dict[str, int]) -> None:
    tally = Tally(discovered=sum(counts.values()), **counts)
    assert tally.balanced and tally.model_dump()["balanced"] is True
    tally.check()


@given(COUNTS, st.sampled_from(OUTCOMES), st.integers(-3, 3).filter(bool))
def test_one_picture_more_or_less_in_any_outcome_does_not(counts: dict[str, int], name: str, off: int) -> None:
    tally = Tally(discovered=sum(counts.values()), **{**counts, name: counts[name] + off})
    assert not tally.balanced
    with pytest.raises(UnbalancedError) as caught:
        tally.check()
    for field in Tally.model_fields:
        assert f"{field} {getattr(tally, field)}" in str(caught.value)


@pytest.mark.parametrize(
    ("done", "quarantined", "share", "at_least", "raises"),
    [
        (50, 50, 0.5, 20, False),  # exactly the share is allowed
        (50, 51, 0.5, 20, True),
        (0, 19, 0.5, 20, False),  # too few to tell
        (0, 20, 0.5, 20, True),
        (80, 20, 0.1, 20, True),
        (0, 100, 1.0, 0, False),  # a share of one allows everything
        (99, 1, 0.0, 0, True),
        (100, 0, 0.0, 0, False),
        (0, 0, 0.0, 0, False),
    ],
)
def test_the_ceiling(done: int, quarantined: int, share: float, at_least: int, raises: bool) -> None:
    # Duplicates and skipped files were not looked at: they must not dilute the share.
    tally = Tally(done=done, quarantined=quarantined, duplicate=10_000, skipped=10_000, deferred=10_000)
    if not raises:
        tally.check_ceiling(share, at_least, done + quarantined)
        return
    with pytest.raises(CeilingError, match=f"{quarantined} of {done + quarantined} pictures are quarantined"):
        tally.check_ceiling(share, at_least, done + quarantined)
