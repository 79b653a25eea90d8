"""What a strategy means for a model of scikit-learn; what all keep to is in test_contract."""

import numpy as np
import pytest

from nightsort.balance.on_features import resample
from nightsort.balance.plan import make_plan
from nightsort.balance.synthesis import synthesise
from nightsort.words import Balance

LABELS = np.repeat([0, 1, 2], [20, 6, 1])
FEATURES = np.random.default_rng(0).normal(size=(27, 4)).astype(np.float32)
UNIFORM = [9.0, 9.0, 9.0]
FULL = [20.0, 20.0, 20.0]


@pytest.mark.parametrize(
    ("strategy", "seen", "noted"),
    [
        ("none", [20.0, 6.0, 1.0], False),
        ("class_weights", UNIFORM, False),
        ("oversampling", FULL, False),
        ("undersampling", [1.0, 1.0, 1.0], False),
        ("square_root_sampling", [15.0, 8.0, 4.0], False),
        *((strategy, UNIFORM, True) for strategy in ("focal", "balanced_softmax", "logit_adjustment", "ldam_drw")),
        ("deferred_sampling", UNIFORM, True),
        *((strategy, FULL, True) for strategy in ("smote", "borderline_smote", "adasyn", "pixel_smote")),
    ],
)
def test_what_the_model_sees_of_each_class(strategy: Balance, seen: list[float], noted: bool) -> None:
    plan = make_plan(strategy, LABELS, ["a", "b", "c"])
    rows, labels, weights, notes = resample(FEATURES, LABELS, plan, seed=0)
    assert np.bincount(labels, weights).tolist() == pytest.approx(seen, rel=1e-5)
    assert bool(notes) == noted and all(note.startswith(f"{strategy}: ") for note in notes)
    synthetic = len(np.unique(np.concatenate([FEATURES, rows]), axis=0)) - len(FEATURES)
    assert (synthetic > 0) == (strategy in ("smote", "borderline_smote", "adasyn", "pixel_smote"))


def test_the_seed_decides_what_is_left_out() -> None:
    plan = make_plan("undersampling", LABELS, ["a", "b", "c"])
    one, again, other = (resample(FEATURES, LABELS, plan, seed)[0] for seed in (1, 1, 4))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("strategy", "note"),
    [
        ("focal", "focal: belongs to the training of a network; class_weights stand in for it"),
        ("pixel_smote", "pixel_smote: a model on features has no pixels; features are mixed instead"),
        ("smote", "smote: one training picture of c; it is repeated, not interpolated"),
        ("adasyn", "adasyn: one training picture of c; it is repeated, not interpolated"),
    ],
)
def test_what_is_done_instead_is_told_first(strategy: Balance, note: str) -> None:
    assert resample(FEATURES, LABELS, make_plan(strategy, LABELS, ["a", "b", "c"]), seed=0)[3][0] == note


@pytest.mark.parametrize("strategy", ["smote", "borderline_smote", "adasyn", "pixel_smote"])
def test_rows_are_made_by_the_method_that_was_asked_for_from_this_seed(strategy: Balance) -> None:
    plan = make_plan(strategy, LABELS, ["a", "b", "c"])
    expected = synthesise(strategy, FEATURES, LABELS, plan.targets, plan.classes, seed=3)
    found = resample(FEATURES, LABELS, plan, seed=3)
    assert np.array_equal(found[0], expected[0]) and np.array_equal(found[1], expected[1])
    assert found[3][-len(expected[2]) :] == expected[2]
    assert not np.array_equal(found[0], resample(FEATURES, LABELS, plan, seed=4)[0])
