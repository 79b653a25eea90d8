"""Which models there are, and who is champion."""

import pytest

from nightsort.errors import ModelError
from nightsort.learning.registry import Registry
from nightsort.storage import Storage


def complete(storage: Storage, version: int) -> None:
    """A model as the registry sees it: a folder with its marker."""
    storage.write_bytes(f"models/{version}/bundle.json", b"{}")


def test_without_a_champion_the_message_says_what_to_do(storage: Storage) -> None:
    registry = Registry(storage)
    with pytest.raises(ModelError, match="yet; run 'nightsort train' first"):
        registry.require_champion()
    complete(storage, 1)
    with pytest.raises(ModelError, match=r"the gate has refused all its models so far \(1\)"):
        registry.require_champion()


def test_a_model_without_its_marker_is_no_model_but_keeps_its_number(storage: Storage) -> None:
    complete(storage, 1)
    storage.write_bytes("models/2/weights.safetensors", b"half")
    assert Registry(storage).versions() == [1]
    assert Registry(storage).next_version() == 3


def test_the_champion_moves_only_if_it_is_still_the_one_that_was_judged(storage: Storage) -> None:
    registry = Registry(storage)
    registry.promote(1, expected=None)
    registry.promote(2, expected=1)
    with pytest.raises(ModelError, match="judged against champion 1, but the champion is 2"):
        registry.promote(3, expected=1)
    assert registry.require_champion() == 2


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"version": "x"}', b'{"version": 1e400}'])
def test_a_damaged_alias_is_an_error_and_never_no_champion(data: bytes, storage: Storage) -> None:
    storage.write_bytes("models/champion.json", data)
    with pytest.raises(ModelError, match=r"champion\.json: is damaged"):
        Registry(storage).champion()
