"""Each member gets a name of its own, the same in every pass, and other members keep theirs."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightsort.sources import names
from nightsort.sources.entry import Entry
from nightsort.sources.names import is_name_of, tell_apart


def told(given_names: list[str]) -> list[str]:
    """The names after telling apart."""
    return [entry.name for entry in tell_apart(Entry(name, 0, at) for at, name in enumerate(given_names))]


@given(st.lists(st.sampled_from(["", "a", "A", "a#2", "a#3", "#1", "#2", "b", "straße", "STRASSE"]), max_size=12))
@example(["a", "a", "a#2"])
@example(["a#2#2", "a", "a#2", "a"])
def test_every_name_is_unique_also_in_other_capitals_and_stable(given_names: list[str]) -> None:
    own = told(given_names)
    assert len({name.casefold() for name in own}) == len(given_names)
    assert all(own) and own == told(given_names)
    assert all(map(is_name_of, own, given_names))


def test_only_what_occurs_again_is_renamed() -> None:
    assert told(["a", "b", "a", "A", ""]) == ["a", "b", "a#3", "A#4", "#5"]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_batches_change_nothing(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given_names = ["a", "a#3", "a", "b", "a", "a#3", "c", "B", "b#4"]
    whole = told(given_names)
    monkeypatch.setattr(names, "_BATCH", batch)
    assert told(given_names) == whole == ["a", "a#3", "a#3#3", "b", "a#5", "a#3#6", "c", "B#8", "b#4"]


def test_what_came_before_damage_is_not_lost() -> None:
    def cut() -> Iterator[Entry]:
        yield from (Entry("a", 0, at) for at in range(3))
        raise EOFError("cut")

    found = []
    with pytest.raises(EOFError):
        for entry in tell_apart(cut()):
            found.append(entry.name)  # noqa: PERF401 (a comprehension would lose them)
    assert found == ["a", "a#2", "a#3"]
