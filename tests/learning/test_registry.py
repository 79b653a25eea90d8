"""Which models there are, and who is champion: on a local disk as in an object store, one of two that race wins."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from nightsort.errors import ModelError, StaleError
from nightsort.learning.registry import Move, Registry
from nightsort.storage import Storage
from tests.object_store import ObjectStore


@pytest.fixture(params=["disk", "object store"])
def either(request: pytest.FixtureRequest, storage: Storage) -> Storage:
    """A storage root of either kind."""
    if request.param == "disk":
        return storage
    store: ObjectStore = request.getfixturevalue("object_store")
    return Storage(f"s3://{store.bucket}/root")


def complete(storage: Storage, version: int) -> None:
    """A model as the registry sees it: a folder with its marker."""
    storage.write_bytes(f"models/{version}/bundle.json", b"{}")


def moved(storage: Storage, *versions: int) -> Registry:
    """A registry whose champion was these, one after the other."""
    registry = Registry(storage)
    for version in versions:
        registry.promote(version, registry.alias())
    return registry


def test_without_a_champion_the_message_says_what_to_do(storage: Storage) -> None:
    registry = Registry(storage)
    with pytest.raises(ModelError, match="yet; run 'nightsort train' first"):
        registry.require_champion()
    complete(storage, 1)
    with pytest.raises(ModelError, match=r"none of its models \(1\) was promoted"):
        registry.require_champion()


def test_a_model_without_its_marker_is_no_model_but_keeps_its_number(storage: Storage) -> None:
    complete(storage, 1)
    storage.write_bytes("models/2/weights.safetensors", b"half")
    moved(storage, 1)
    assert Registry(storage).versions() == [1]
    assert Registry(storage).next_version() == 3


def test_the_champion_moves_only_if_it_is_still_the_one_that_was_judged(either: Storage) -> None:
    registry = moved(either, 1)
    seen = registry.alias()
    registry.promote(2, seen)
    with pytest.raises(StaleError, match="model 3 was judged against champion 1, but by now the champion is 2; judge"):
        registry.promote(3, seen)
    with pytest.raises(StaleError, match="judged against champion None, but by now the champion is 2"):
        registry.promote(3, None)
    assert registry.require_champion() == 2 and len(registry.history()) == 2


def test_a_champion_that_went_and_came_back_is_not_the_one_that_was_judged(storage: Storage) -> None:
    registry = moved(storage, 1)
    seen = registry.alias()
    moved(storage, 2)
    registry.promote(1, registry.alias(), "rolled back")
    with pytest.raises(StaleError, match="it was moved away from 1 and back"):
        registry.promote(3, seen)


def test_of_two_that_both_saw_the_same_champion_one_wins(either: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, fast = moved(either, 1), Registry(Storage(either.root))
    create = either.create_bytes

    def overtaken(name: str, data: bytes) -> None:  # both have looked, and the other writes first
        fast.promote(3, fast.alias())
        create(name, data)

    monkeypatch.setattr(either, "create_bytes", overtaken)
    with pytest.raises(StaleError, match="by now the champion is 3"):
        slow.promote(2, slow.alias())
    assert [move.version for move in slow.history()] == [1, 3]


def test_of_many_that_race_one_wins(storage: Storage) -> None:
    seen, start = moved(storage, 1).alias(), Barrier(6)

    def race(version: int) -> Move | None:
        start.wait()
        try:
            return Registry(Storage(storage.root)).promote(version, seen)
        except StaleError:
            return None

    with ThreadPoolExecutor(6) as threads:
        won = [move for move in threads.map(race, range(2, 8)) if move]
    assert won == [Registry(storage).alias()] and len(Registry(storage).history()) == 2


def test_what_is_judged_only_goes_up_and_what_is_forced_goes_anywhere(storage: Storage) -> None:
    registry = moved(storage, 5)
    with pytest.raises(ModelError, match="model 4: is not newer than champion 5"):
        registry.promote(4, registry.alias())
    move = registry.promote(4, registry.alias(), "forced", "ada", "5 sees ghosts", "run-7")
    assert (move.generation, move.before, move.how, move.who, move.run_id) == (2, 5, "forced", "ada", "run-7")
    assert "by ada: 5 sees ghosts" in move.line
    assert registry.history()[-1] == registry.alias() == move


def test_the_way_back_goes_on_and_does_not_swing(storage: Storage) -> None:
    registry = moved(storage, 1, 2, 3)
    back = []
    while (before := registry.predecessor()) is not None:
        back.append(registry.promote(before, registry.alias(), "rolled back").version)
    assert back == [2, 1]
    moved(storage, 4)
    assert registry.predecessor() == 1


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"version": "x"}', b'{"version": 1e400}'])
def test_a_damaged_alias_is_an_error_and_never_no_champion(data: bytes, storage: Storage) -> None:
    moved(storage, 1)
    storage.write_bytes("models/champion/2.json", data)
    with pytest.raises(ModelError, match=r"champion/2\.json: is damaged"):
        Registry(storage).champion()


def test_a_move_under_another_number_is_an_error(storage: Storage) -> None:
    moved(storage, 1)
    storage.write_bytes("models/champion/7.json", storage.read_bytes("models/champion/1.json"))
    with pytest.raises(ModelError, match=r"champion/7\.json: is move 1 of the champion"):
        Registry(storage).champion()
