"""Which row is mixed with which neighbour, by what share; what all splits keep to is in test_contract."""

import numpy as np

from nightsort.balance.blends import Blends, plan_blends
from nightsort.balance.plan import make_plan

LABELS = np.repeat([0, 1, 2], [40, 8, 1])
REDUCED = np.random.default_rng(0).normal(size=(49, 3)).astype(np.float32)
PLAN = make_plan("pixel_smote", LABELS, ["a", "b", "c"])


def blended(seed: int, parents: int = 100) -> Blends:
    """32 blends of the second class, 39 of the third."""
    return plan_blends(REDUCED, PLAN, parents, seed)


def test_the_seed_decides() -> None:
    one, again, other = blended(1), blended(1), blended(2)
    for name in ("base", "neighbour", "share"):
        values = getattr(one, name)
        assert np.array_equal(values, getattr(again, name)) and not np.array_equal(values, getattr(other, name))
    assert (one.base.dtype, one.neighbour.dtype, one.share.dtype) == (np.int64, np.int64, np.float32)


def test_each_blend_has_a_share_of_its_own_and_a_base_its_turn() -> None:
    found = blended(3)
    assert len(np.unique(found.share[:32])) == 32 and 0.3 < found.share[:32].mean() < 0.7
    assert np.bincount(found.base)[40:48].tolist() == [4] * 8
    mates = [set(found.neighbour[:32][found.base[:32] == row].tolist()) for row in range(40, 48)]
    assert max(map(len, mates)) > 1, "not always the same neighbour"


def test_the_other_parent_is_one_of_the_five_nearest() -> None:
    own = REDUCED[40:48]
    for seed in range(5):
        found = blended(seed)
        for base, neighbour in zip(found.base[:32] - 40, found.neighbour[:32] - 40, strict=True):
            nearest = np.argsort(((own - own[base]) ** 2).sum(1))[1:6]
            assert neighbour in nearest


def test_no_more_rows_than_asked_for_become_parents() -> None:
    found = blended(0, parents=3)
    assert len(np.unique(found.base[:32])) == 3 and set(found.neighbour[:32]) <= set(found.base[:32])
