"""Many files at once: in order, counted, and no further than a failure."""

import threading

import pytest

from nightsort.operations.backup.at_once import at_once


def test_results_come_in_order_and_are_counted() -> None:
    told: list[tuple[int, int]] = []
    made = at_once(lambda item: 2 * item, range(5), lambda *done: told.append(done), before=10)
    assert list(made) == [0, 2, 4, 6, 8]
    assert told == [(11, 15), (12, 15), (13, 15), (14, 15), (15, 15)]


def test_after_a_failure_what_was_not_begun_is_not() -> None:
    begun: list[int] = []
    failed = threading.Event()

    def one(item: int) -> int:
        begun.append(item)
        if not item:
            raise OSError("no room")
        failed.wait()
        return item

    def advance(done: int, of: int) -> None:
        raise AssertionError("nothing is done")

    made = at_once(one, range(1000), advance)
    threading.Timer(0.1, failed.set).start()
    with pytest.raises(OSError, match="no room"):
        list(made)
    assert 0 in begun and len(begun) < 20
