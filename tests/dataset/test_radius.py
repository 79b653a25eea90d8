"""The radius of near-duplicates is as large as leaves a new dataset without an overgrown cluster."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from nightsort.dataset.admission import NOT_ADMITTED, Admission
from nightsort.dataset.policy import Policy
from nightsort.dataset.radius import narrowed, overgrown
from nightsort.dataset.shards import REPEATED

NONE = pa.array([], pa.int64())
NOBODY = pa.table({"sha256": pa.array([], pa.string())})


def admitting(pictures: int, clusters: dict[int, int]) -> Callable[[Policy], Admission]:
    """A decision about so many pictures, whose largest cluster is as large at these radii."""

    def admit(policy: Policy) -> Admission:
        rows = pa.table({"sha256": [str(number) for number in range(pictures)]})
        others = REPEATED.empty_table(), NONE, NOT_ADMITTED.empty_table(), NOBODY
        return Admission(rows, *others, 9, clusters.get(policy.near_duplicates, 0), policy)

    return admit


@pytest.mark.parametrize(
    ("clusters", "radius"),
    [
        ({10: 15}, 10),
        ({10: 400, 8: 300, 6: 63}, 6),
        ({10: 900, 8: 900, 6: 900, 4: 900, 2: 900, 0: 99}, 0),
        ({10: 900, 8: 900, 6: 900, 4: 900, 2: 900, 0: 100}, 10),
    ],
)
def test_it_is_narrowed_until_no_cluster_is_overgrown(clusters: dict[int, int], radius: int) -> None:
    admission = narrowed(Policy(), admitting(1000, clusters))
    assert (admission.policy.near_duplicates, admission.narrowed) == (radius, radius < 10)
    assert admission.largest_cluster == clusters.get(radius, 0)


def test_it_never_becomes_larger() -> None:
    admission = narrowed(Policy(near_duplicates=6), admitting(1000, {6: 400, 8: 0}))
    assert admission.policy.near_duplicates == 4


@pytest.mark.parametrize(
    ("largest", "admitted", "is_so"),
    [(49, 60, False), (50, 60, True), (100, 1000, True), (100, 1001, False), (0, 0, False)],
)
def test_a_cluster_is_overgrown_if_it_is_large_in_itself_and_beside_the_rest(
    largest: int, admitted: int, is_so: bool
) -> None:
    assert overgrown(largest, admitted) is is_so
