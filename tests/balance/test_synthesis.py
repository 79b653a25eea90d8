"""The SMOTE family on embeddings: between the right parents, in float32, with fallbacks for tiny classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort.balance.synthesis import Labels, Rows, _evenly, _sampler, synthesise
from nightsort.words import Balance

COUNTS = {0: 30, 1: 9, 2: 3, 3: 1}
TARGETS = dict.fromkeys(COUNTS, 30)
CLASSES = ["a", "b", "c", "d"]
FAMILY: tuple[Balance, ...] = ("smote", "borderline_smote", "adasyn")

every_method = pytest.mark.parametrize("strategy", FAMILY)


def labelled(spread: float) -> tuple[Rows, Labels]:
    """Each class in a cube of side 1 of its own, `spread` from the next: far apart, or one upon the other."""
    rng = np.random.default_rng(0)
    labels = np.repeat(list(COUNTS), list(COUNTS.values())).astype(np.int64)
    return (rng.random((len(labels), 4)) + spread * labels[:, None]).astype(np.float32), labels


APART, TOGETHER = labelled(10), labelled(0.2)


@every_method
@pytest.mark.parametrize("given_rows", [APART, TOGETHER], ids=["apart", "together"])
def test_every_class_reaches_its_target_and_the_given_rows_come_first(
    strategy: Balance, given_rows: tuple[Rows, Labels]
) -> None:
    grown, labels, _ = synthesise(strategy, *given_rows, TARGETS, CLASSES, seed=0)
    assert np.bincount(labels).tolist() == [30, 30, 30, 30]
    assert np.array_equal(grown[:43], given_rows[0]) and np.array_equal(labels[:43], given_rows[1])
    for c in COUNTS:
        own, made = given_rows[0][given_rows[1] == c], grown[43:][labels[43:] == c]
        assert (made >= own.min(0) - 1e-4).all() and (made <= own.max(0) + 1e-4).all()
        assert len(np.unique(made, axis=0)) == (1 if c == 3 else len(made))


@every_method
def test_integers_do_not_wrap_round(strategy: Balance) -> None:
    labels = np.array([0] * 40 + [1] * 8, dtype=np.int64)
    pixels = np.random.default_rng(1).integers(200, 256, (48, 12)).astype(np.uint8)
    grown, grown_labels, _ = synthesise(strategy, pixels, labels, {0: 40, 1: 40}, ["a", "b"], seed=0)  # type: ignore[arg-type]
    assert grown.dtype == np.float32
    assert grown[grown_labels == 1].min() >= 200


@every_method
@pytest.mark.parametrize("given_rows", [APART, TOGETHER], ids=["apart", "together"])
def test_the_seed_decides(strategy: Balance, given_rows: tuple[Rows, Labels]) -> None:
    first, again, other = (synthesise(strategy, *given_rows, TARGETS, CLASSES, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@every_method
def test_even_classes_gain_nothing(strategy: Balance) -> None:
    x, y = np.random.default_rng(0).random((12, 3), dtype=np.float32), np.repeat([0, 1], 6)
    grown, _, notes = synthesise(strategy, x, y, {0: 6, 1: 6}, ["a", "b"], seed=0)
    assert np.array_equal(grown, x) and notes == []


@every_method
@settings(max_examples=8)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=4), st.integers(0, 9))
def test_any_split_is_balanced_however_few_its_pictures(strategy: Balance, counts: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    rows = np.random.default_rng(seed).normal(size=(len(labels), 2)).astype(np.float32)
    targets = dict.fromkeys(range(len(counts)), max(counts))
    _, grown, _ = synthesise(strategy, rows, labels, targets, CLASSES[: len(counts)], seed)
    assert np.bincount(grown).tolist() == [max(counts)] * len(counts)


@pytest.mark.parametrize(("strategy", "fallen"), [("smote", ""), ("borderline_smote", "b"), ("adasyn", "b, c")])
def test_notes_name_the_classes_that_fell_back(strategy: Balance, fallen: str) -> None:
    _, _, notes = synthesise(strategy, *APART, TARGETS, CLASSES, seed=0)
    assert notes[:2] == [
        f"{strategy}: one training picture of d; it is repeated, not interpolated",
        f"{strategy}: c with 5 training pictures or fewer; fewer neighbours are used",
    ]
    # ADASYN looks at as many neighbours as c has others, which are all its own; Borderline-SMOTE at ten of any class.
    note = f"{strategy}: no neighbours of other classes to go by for {fallen}; plain SMOTE is used"
    assert notes[2:] == ([note] if fallen else [])


def test_notes_name_all_classes_of_few_pictures() -> None:
    labels = np.repeat(range(6), [9, 6, 5, 2, 1, 1])
    rows = np.random.default_rng(0).random((len(labels), 3), dtype=np.float32)
    assert synthesise("smote", rows, labels, dict.fromkeys(range(6), 9), list("abcdef"), seed=0)[2] == [
        "smote: one training picture of e, f; it is repeated, not interpolated",
        "smote: c, d with 5 training pictures or fewer; fewer neighbours are used",
    ]


def test_each_method_makes_other_rows_where_classes_overlap() -> None:
    made = [synthesise(strategy, *TOGETHER, TARGETS, CLASSES, seed=0)[0] for strategy in FAMILY]
    assert not np.array_equal(made[0], made[1]) and not np.array_equal(made[0], made[2])


def test_a_class_that_adasyn_refuses_does_not_take_it_from_the_others() -> None:
    """One class lies apart, the other among the common one; both have the same number of neighbours."""
    rng = np.random.default_rng(0)
    rows = rng.random((60, 3)).astype(np.float32)
    labels = np.repeat([0, 1, 2], [40, 10, 10])
    rows[labels == 2] += 50
    notes = synthesise("adasyn", rows, labels, dict.fromkeys(range(3), 40), ["a", "b", "c"], seed=0)[2]
    assert notes == ["adasyn: no neighbours of other classes to go by for c; plain SMOTE is used"]


@pytest.mark.parametrize(
    ("strategy", "k", "count", "settings"),
    [
        ("smote", 0, 9, {"random_state": 7}),
        ("smote", 3, 9, {"k_neighbors": 3, "random_state": 7}),
        ("adasyn", 3, 9, {"n_neighbors": 3, "random_state": 7}),
        ("borderline_smote", 3, 9, {"k_neighbors": 3, "m_neighbors": 8, "random_state": 7}),
        ("borderline_smote", 3, 99, {"k_neighbors": 3, "m_neighbors": 10, "random_state": 7}),
    ],
)
def test_a_method_looks_at_as_many_neighbours_as_there_are(
    strategy: Balance, k: int, count: int, settings: dict[str, int]
) -> None:
    assert settings.items() <= _sampler(strategy, k, count, 7).get_params().items()


def test_of_too_many_rows_the_first_the_last_and_some_between_stay() -> None:
    rows = np.arange(9, dtype=np.float32)[:, None]
    assert _evenly(rows, 3).ravel().tolist() == [0, 4, 8] and len(_evenly(rows, 9)) == 9
