"""Chunks: every undecided row once, in order, shrinking towards the end."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nightsort.schema import FINGERPRINTS
from nightsort.scoring.plan import SMALLEST, plan


def decided(outcomes: list[str | None]) -> pa.Table:
    """A decided listing; the path is the row's number."""
    rows = [{"path": str(row), "member": "", "outcome": outcome} for row, outcome in enumerate(outcomes)]
    return pa.Table.from_pylist(rows, schema=FINGERPRINTS)


@given(st.lists(st.sampled_from([None, "skipped"]), max_size=400), st.integers(1, 9), st.integers(1, 100))
def test_every_undecided_row_is_in_one_chunk(outcomes: list[str | None], lanes: int, largest: int) -> None:
    chunks = list(plan(decided(outcomes), lanes, largest))
    planned = [path for chunk in chunks for path in chunk["path"].to_pylist()]
    assert planned == [str(row) for row, outcome in enumerate(outcomes) if outcome is None]
    assert all(0 < chunk.num_rows <= largest for chunk in chunks)


def test_chunks_shrink_so_that_no_lane_waits_long_for_the_last() -> None:
    sizes = [chunk.num_rows for chunk in plan(decided([None] * 3000), lanes=2, largest=512)]
    assert sizes[0] == 512 and sizes == sorted(sizes, reverse=True)
    assert sizes[-2] == SMALLEST and sum(sizes) == 3000


def test_many_lanes_get_larger_chunks_rather_than_more_of_them() -> None:
    sizes = [chunk.num_rows for chunk in plan(decided([None] * 9000), lanes=300, largest=512)]
    assert sizes == [300] * 30
    assert [chunk.num_rows for chunk in plan(decided([None] * 300), lanes=300, largest=100)] == [100] * 3


def test_chunks_do_not_depend_on_how_the_table_is_laid_out() -> None:
    whole = decided([None, "skipped", None, None, "skipped"] * 40)
    pieces = pa.concat_tables([whole.slice(start, 7) for start in range(0, whole.num_rows, 7)])
    assert [chunk.to_pylist() for chunk in plan(pieces, 2, 50)] == [chunk.to_pylist() for chunk in plan(whole, 2, 50)]
