"""The running account counts every picture once and lists a bounded number of bad ones."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort.errors import CeilingError, UnbalancedError
from nightsort.reports.account import Account
from nightsort.reports.data import MAX_ROWS
from nightsort.schema import FINGERPRINTS, QUARANTINE

SETTLED = [
    ("skipped", "known"),
    ("skipped", "ignored_name"),
    ("duplicate", "same_bytes"),
    ("deferred", "still_written"),
    ("quarantined", "too_large"),
    ("quarantined", "bad_archive"),
]


def decided(outcomes: list[tuple[str, str] | None]) -> pa.Table:
    rows = [
        {"path": f"/in/{i}", "member": "", "outcome": it and it[0], "reason": it and it[1], "detail": it and "why"}
        for i, it in enumerate(outcomes)
    ]
    return pa.Table.from_pylist(rows, schema=FINGERPRINTS)


def bad(count: int, reason: str = "corrupt") -> pa.Table:
    rows = [
        {"path": f"/in/{i}", "member": "m" if i % 2 else "", "reason": reason, "detail": "why"} for i in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINE)


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.none() | st.sampled_from(SETTLED), max_size=30), st.data())
def test_the_account_balances_once_all_new_pictures_have_an_outcome(
    outcomes: list[tuple[str, str] | None], data: st.DataObject
) -> None:
    account, new = Account("in", len(outcomes), decided(outcomes)), outcomes.count(None)
    assert account.tally().balanced == (new == 0)
    broken = data.draw(st.integers(0, new))
    changed = data.draw(st.integers(0, new - broken))
    account.quarantine(bad(broken))
    account.add("deferred", changed, "changed")
    account.add("done", new - broken - changed)
    tally, part = account.tally(), account.part()
    tally.check()
    assert part.tally == tally and tally.discovered == len(outcomes)
    reasons = Counter(it[1] for it in outcomes if it) + Counter(corrupt=broken, changed=changed)
    assert part.reasons == dict(reasons)  # nothing of no pictures
    assert sum(part.reasons.values()) == tally.discovered - tally.done
    assert len(part.quarantined) == min(tally.quarantined, MAX_ROWS)


def test_an_outcome_that_no_tally_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="outcome 'dnoe' is not one of"):
        Account("in", 1, decided([None])).add("dnoe", 1)


def test_a_row_that_was_lost_after_the_listing_does_not_balance() -> None:
    account = Account("in", 3, decided([None, None]))  # three were listed, two came back
    account.add("done", 2)
    with pytest.raises(UnbalancedError, match="discovered 3 is not done 2"):
        account.check()


def test_what_is_about_to_be_committed_counts_in_the_check() -> None:
    account = Account("in", 2, decided([None, None]))
    account.check(pending=2)
    assert account.tally().done == 0  # a commit that fails has made nothing done
    with pytest.raises(UnbalancedError):
        account.check(pending=1)


def test_the_ceiling_is_a_share_of_what_has_to_be_looked_at() -> None:
    account = Account("in", 50, decided([None] * 39 + [("quarantined", "too_large")] + [("skipped", "known")] * 10))
    account.quarantine(bad(19))
    account.check_ceiling(0.5, 20)  # 20 of 40
    account.quarantine(bad(1))
    with pytest.raises(CeilingError, match="21 of 40 pictures are quarantined"):
        account.check_ceiling(0.5, 20)


def test_reasons_are_listed_most_frequent_first() -> None:
    account = Account("in", 1, decided([("skipped", "known")]))
    account.quarantine(bad(3, "empty"))
    account.quarantine(bad(2, "truncated"))
    assert list(account.part().reasons.items()) == [("empty", 3), ("truncated", 2), ("known", 1)]


@pytest.mark.parametrize("sizes", [[MAX_ROWS + 50], [MAX_ROWS - 1, 1, 1], [150, 150, 150]])
def test_the_list_is_bounded_and_the_count_is_not(sizes: list[int]) -> None:
    account = Account("in", 1, decided([("quarantined", "bad_archive")]))
    for size in sizes:
        account.quarantine(bad(size))
    part = account.part()
    assert len(part.quarantined) == MAX_ROWS
    assert part.tally.quarantined == sum(sizes) + 1
    assert part.quarantined[0].reason == "bad_archive"


def test_a_member_is_named_with_its_archive() -> None:
    account = Account("in", 0, decided([]))
    account.quarantine(bad(2))
    assert [row.path for row in account.part().quarantined] == ["/in/0", "/in/1!m"]
