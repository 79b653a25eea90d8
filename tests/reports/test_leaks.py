"""The leak table: the worst first, bounded, and the right rows compared."""

import pytest

from nightsort.reports.data import AuditPart, Leak
from nightsort.reports.leaks import by_class, longest, share, splitting, worst
from nightsort.reports.sections import MAX_CLASSES


def leak(way: str, criterion: str, leaking: int, **by: int) -> Leak:
    return Leak(splitting=way, criterion=criterion, test=200, leaking=leaking, by_class=by)


def part(*leaks: Leak) -> AuditPart:
    return AuditPart(dataset_version=1, embedding="model 1", leaks=list(leaks))


def test_classes_that_leak_come_worst_first_with_a_count_for_every_leak() -> None:
    rows = by_class([leak("random", "hash", 9, a=2, b=7, c=0), leak("ours", "hash", 3, d=3)])
    assert [(row.label, row.counts) for row in rows] == [("b", [7, 0]), ("d", [0, 3]), ("a", [2, 0])]


def test_many_classes_are_bounded() -> None:
    rows = by_class([leak("random", "hash", 1000, **{f"c{i:04d}": i for i in range(1000)})])
    assert len(rows) == MAX_CLASSES and rows[0].label == "c0999"


def test_our_worst_criterion_is_compared_with_a_random_split_by_the_same() -> None:
    ours, random = worst(
        part(
            leak("random", "hash", 90), leak("ours", "hash", 1), leak("random", "cosine", 60), leak("ours", "cosine", 5)
        )
    )
    assert ours and random and (ours.leaking, random.leaking) == (5, 60)


def test_without_a_leak_of_ours_the_random_split_shows_the_most_that_was_avoided() -> None:
    ours, random = worst(
        part(
            leak("random", "hash", 9), leak("ours", "hash", 0), leak("random", "cosine", 60), leak("ours", "cosine", 0)
        )
    )
    assert ours and random and (ours.leaking, random.leaking) == (0, 60)


@pytest.mark.parametrize(("leaks", "found"), [((), (False, False)), ((leak("ours", "hash", 1),), (True, False))])
def test_what_was_not_measured_is_not_compared(leaks: tuple[Leak, ...], found: tuple[bool, bool]) -> None:
    assert tuple(item is not None for item in worst(part(*leaks))) == found


def test_an_empty_test_split_leaks_nothing() -> None:
    empty = Leak(splitting="ours", criterion="hash", test=0, leaking=0)
    assert share(empty) == 0 and longest([empty]) > 0 and splitting(empty) == "dataset split"
