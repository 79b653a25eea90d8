"""Backups by the command line, of a root that is at work: what comes back goes on with nothing lost or done twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.classify import classify
from nightsort.operations.backup.making import back_up
from nightsort.operations.backup.restoring import UNFINISHED, restore
from nightsort.operations.backup.vault import Vault
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tests.object_store import ObjectStore


def silent(done: int, total: int) -> None:
    """Show nothing."""


def classified(storage: Storage) -> list[str]:
    """The SHA-256 of every picture that has a prediction."""
    found = Ledger(storage)
    return sorted(sha256 for batch in found.batches(["sha256"], None) for sha256 in batch["sha256"].to_pylist())


def test_a_backup_of_a_running_classification_goes_on_where_it_was(
    root: Path, tmp_path: Path, pictures: Any, inline: None, classify_params: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = pictures.mixed(tmp_path / "drop")
    vault, live, names = Vault(Storage(str(tmp_path / "backups"))), Storage(str(root)), list[str]()
    commit = Ledger.commit

    def and_back_up(self: Ledger, *args: Any, **options: Any) -> Any:
        done = commit(self, *args, **options)
        names.append(back_up(live, vault.storage, silent).name)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", and_back_up)
        whole = classify(classify_params(drop.folder, chunk_size=4))
    assert len(names) > 2 and whole.intake and whole.intake.tally.done == drop.tally["done"]
    copy = Storage(str(tmp_path / "copy"))
    restore(vault, names[1], copy, silent)
    before = classified(copy)
    assert 0 < len(before) < drop.tally["done"]
    rest = classify(classify_params(drop.folder, storage=copy.root, chunk_size=4))
    assert rest.intake and rest.intake.tally.balanced
    assert rest.intake.tally.done == drop.tally["done"] - len(before)
    assert classified(copy) == classified(live)  # and each once: they are lists
    nothing = classify(classify_params(drop.folder, storage=copy.root))
    assert nothing.intake and nothing.intake.tally.done == 0


def test_there_and_back_by_the_command_line(
    nightsort: Callable[..., Any], root: Path, tmp_path: Path, fingerprint: Callable[[Path], dict[str, str]]
) -> None:
    made = nightsort("backup", tmp_path / "backups", "--verify", "--storage", root, "--json")
    assert made.code == 0 and made.data["verified"] and made.data["copied"] > 5
    again = nightsort("backup", tmp_path / "backups", "--keep", 1, "--storage", root, "--json")
    assert (again.data["copied"], again.data["dropped"]) == (0, 1)
    put = nightsort("restore", tmp_path / "backups", "--storage", tmp_path / "copy")
    assert put.code == 0 and f"{tmp_path / 'copy'} is as {root} was at" in put.out[0]
    was, now = fingerprint(root), fingerprint(tmp_path / "copy")
    assert {name for name in was if was[name] != now.get(name)} <= {
        name for name in was if name.startswith(("leases/", "checkpoints/")) or name.endswith("_last_checkpoint")
    } | {"reports/index.html"}
    counts = [nightsort("status", "--storage", place, "--json").data for place in (root, tmp_path / "copy")]
    assert counts[0] | {"storage": ""} == counts[1] | {"storage": ""}


def test_a_damaged_backup_is_a_mistake_that_is_named(
    nightsort: Callable[..., Any], root: Path, tmp_path: Path, pictures: Any
) -> None:
    nightsort("backup", tmp_path / "backups", "--storage", root)
    victim = max((tmp_path / "backups" / "files").rglob("*"), key=lambda file: file.is_file() and file.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    looked = nightsort("restore", tmp_path / "backups", "--verify")
    assert looked.code == 2 and str(victim) in looked.err[0]
    put = nightsort("restore", tmp_path / "backups", "--storage", tmp_path / "copy")
    assert put.code == 2 and str(victim) in put.err[0] and "half made" in put.err[0]
    assert (tmp_path / "copy" / UNFINISHED).exists()
    pictures.labelled(tmp_path / "labelled", {"red": 2, "blue": 2})
    for flow in ("ingest", "classify"):
        run = nightsort(flow, tmp_path / "labelled", "--storage", tmp_path / "copy")
        assert run.code == 2 and "was not put back whole" in run.err[0]


def test_a_backup_into_a_bucket_and_back(root: Path, tmp_path: Path, object_store: ObjectStore) -> None:
    bucket = Storage(f"s3://{object_store.bucket}/backups")
    made = back_up(Storage(str(root)), bucket, silent)
    assert back_up(Storage(str(root)), bucket, silent).copied == 0
    there = Storage(f"s3://{object_store.bucket}/root")
    restore(Vault(bucket), made.name, there, silent)
    again = back_up(there, Storage(str(tmp_path / "local")), silent)
    was, now = (
        Vault(place).manifest(name).files
        for place, name in ((bucket, made.name), (Storage(str(tmp_path / "local")), again.name))
    )
    assert {name: kept.sha256 for name, kept in was.items()} == {name: kept.sha256 for name, kept in now.items()}
