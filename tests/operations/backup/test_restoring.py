"""Putting a backup back: all of it, into an empty place, or a root that says that it is half made."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from nightsort.errors import StorageError
from nightsort.operations.backup.making import back_up
from nightsort.operations.backup.restoring import UNFINISHED, refuse_unfinished, restore, verify
from nightsort.operations.backup.vault import Kept, Manifest, Vault, place_of
from nightsort.storage import Storage

Silent = Callable[[int, int], None]


@pytest.fixture
def vault(root: Storage, target: Storage, silent: Silent) -> Vault:
    back_up(root, target, silent)
    return Vault(target)


@pytest.fixture
def empty(tmp_path: Any) -> Storage:
    return Storage(str(tmp_path / "restored"))


def spoil(vault: Vault, how: str) -> str:
    """Damage the file of a model's weights; its place in the vault."""
    kept = vault.manifest(vault.chosen(None)).files["models/2/weights.safetensors"]
    place = place_of(kept.sha256)
    if how == "missing":
        vault.storage.remove(place)
    else:
        data = bytearray(vault.storage.read_bytes(place))
        data[3] ^= 1
        vault.storage.write_bytes(place, bytes(data))
    return place


def test_the_root_comes_back_as_it_was(
    vault: Vault, root: Storage, empty: Storage, silent: Silent, growing: Any
) -> None:
    done = restore(vault, None, empty, silent)
    for name in done.manifest.files:
        assert empty.read_bytes(name) == root.read_bytes(name)
    assert not empty.exists(UNFINISHED) and empty.exists("reports/index.html")
    refuse_unfinished(empty)
    growing(empty).grow(3)  # and goes on growing
    assert growing(empty).examples.count() == 3


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_a_damaged_file_is_named_and_the_root_says_that_it_is_half_made(
    vault: Vault, empty: Storage, silent: Silent, how: str
) -> None:
    place = spoil(vault, how)
    with pytest.raises(StorageError, match="half made") as refused:
        restore(vault, None, empty, silent)
    assert "models/2/weights.safetensors" in str(refused.value) and place in str(refused.value)
    assert how in str(refused.value) and "1 of " in str(refused.value)
    with pytest.raises(StorageError, match="was not put back whole"):
        refuse_unfinished(empty)
    with pytest.raises(StorageError, match="is not empty"):
        restore(vault, None, empty, silent)


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_reading_a_backup_finds_the_damage_and_the_next_backup_mends_it(
    vault: Vault, root: Storage, silent: Silent, how: str
) -> None:
    verify(vault, None, silent)
    place = spoil(vault, how)
    with pytest.raises(StorageError, match="delete those") as refused:
        verify(vault, None, silent)
    assert place in str(refused.value)
    vault.storage.remove(place)
    back_up(root, vault.storage, silent)
    verify(vault, None, silent)


def test_a_changed_manifest_is_refused_and_the_others_are_named(
    vault: Vault, root: Storage, empty: Storage, silent: Silent
) -> None:
    first = vault.chosen(None)
    root.write_bytes("dataset/dataset.json", b"{}")
    second = back_up(root, vault.storage, silent).name
    data = vault.storage.read_bytes(f"backups/{second}.json")
    vault.storage.write_bytes(f"backups/{second}.json", data.replace(b"models/1/", b"models/9/"))
    with pytest.raises(StorageError, match=rf"{second}.json: is damaged .*; other backups: {first}"):
        restore(vault, second, empty, silent)
    assert empty.names("") == []
    restore(vault, first, empty, silent)


def test_only_an_empty_place_is_restored_into(vault: Vault, root: Storage, silent: Silent) -> None:
    with pytest.raises(StorageError, match=r"is not empty \(checkpoints\)"):
        restore(vault, None, root, silent)


def test_a_backup_is_chosen_by_name(vault: Vault, empty: Storage, silent: Silent) -> None:
    with pytest.raises(StorageError, match=f"has no backup other; there are {vault.chosen(None)}"):
        restore(vault, "other", empty, silent)
    with pytest.raises(StorageError, match="holds no backup"):
        restore(Vault(empty), None, empty, silent)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "models/../../outside", ""])
def test_a_manifest_leads_nowhere_outside(vault: Vault, empty: Storage, silent: Silent, name: str) -> None:
    sha256 = vault.keep(b"not yours")
    kept = Kept(sha256=sha256, size=9, stamp="")
    hostile = Manifest.model_construct(root="", made=datetime(2026, 1, 1, tzinfo=UTC), files={name: kept})
    chosen = vault.complete(hostile, [sha256])
    with pytest.raises(StorageError, match="must lead to a file below"):
        restore(vault, chosen, empty, silent)
    assert empty.names("") == []
