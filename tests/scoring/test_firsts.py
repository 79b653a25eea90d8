"""Chunks that were classified side by side: each picture comes to one outcome, and no row is lost."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nightsort.schema import PREDICTIONS, QUARANTINE
from nightsort.scoring.firsts import Firsts
from nightsort.scoring.outcomes import REPEATED, Outcomes
from nightsort.sources.contents import write_contents


def digest(number: int) -> str:
    """A SHA-256."""
    return hashlib.sha256(bytes([number])).hexdigest()


def outcomes(predicted: list[int], bad: list[tuple[int | None, str]], chunk: int) -> Outcomes:
    """What came of one chunk; a number stands for the bytes of a picture."""
    good = [{"sha256": digest(n), "path": f"{chunk}/{n}", "member": "", "label": "a"} for n in predicted]
    rows: list[dict[str, Any]] = [
        {"sha256": None if n is None else digest(n), "path": f"{chunk}/bad{place}", "member": "", "reason": reason}
        for place, (n, reason) in enumerate(bad)
    ]
    return Outcomes(
        pa.Table.from_pylist(good, schema=PREDICTIONS),
        REPEATED.empty_table(),
        pa.Table.from_pylist(rows, schema=QUARANTINE),
        1,
        {"read": 0.5},
    )


def test_what_a_chunk_before_came_to_is_a_duplicate() -> None:
    firsts = Firsts("")
    first = firsts.only(outcomes([1, 2], [(3, "truncated")], 0))
    assert (first.predictions.num_rows, first.quarantined.num_rows, first.repeated.num_rows) == (2, 1, 0)
    second = firsts.only(outcomes([2, 4], [(3, "truncated")], 1))
    assert second.predictions["sha256"].to_pylist() == [digest(4)]
    assert second.quarantined.num_rows == 0
    assert [(row["path"], row["outcome"], row["reason"]) for row in second.repeated.to_pylist()] == [
        ("1/2", "duplicate", "same_bytes"),
        ("1/bad0", "duplicate", "same_bytes"),
    ]
    assert (second.deferred, second.seconds) == (1, {"read": 0.5})


def test_what_was_known_before_the_run_is_not_committed_though_a_worker_did_not_see_that(tmp_path: Path) -> None:
    firsts = Firsts(write_contents([pa.array([digest(1), digest(3)])], tmp_path))
    only = firsts.only(outcomes([1, 2], [(3, "truncated"), (4, "truncated"), (None, "unreadable")], 0))
    assert only.predictions["sha256"].to_pylist() == [digest(2)]
    assert only.quarantined["sha256"].to_pylist() == [digest(4), None]
    assert only.repeated["sha256"].to_pylist() == [digest(1), digest(3)]


def test_files_that_could_not_be_read_are_not_each_others_duplicates() -> None:
    firsts = Firsts("")
    for chunk in range(2):
        assert firsts.only(outcomes([], [(None, "unreadable"), (None, "too_large")], chunk)).quarantined.num_rows == 2


chunks = st.lists(st.lists(st.integers(0, 9), unique=True, max_size=6), max_size=8)


@given(chunks)
def test_every_row_comes_out_and_every_picture_once(numbers: list[list[int]]) -> None:
    firsts = Firsts("")
    done = [firsts.only(outcomes(some, [], chunk)) for chunk, some in enumerate(numbers)]
    predicted = [sha256 for one in done for sha256 in one.predictions["sha256"].to_pylist()]
    assert len(predicted) == len(set(predicted)) == len({number for some in numbers for number in some})
    assert sum(one.repeated.num_rows for one in done) + len(predicted) == sum(map(len, numbers))
