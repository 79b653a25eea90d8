"""Making a backup: one instant of a root that is being written to, only what is new, nothing half."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.errors import StorageError
from nightsort.leases.lease import hold
from nightsort.operations.backup.listing import files
from nightsort.operations.backup.making import back_up
from nightsort.operations.backup.restoring import restore, verify
from nightsort.operations.backup.vault import Vault
from nightsort.storage import Storage

Silent = Callable[[int, int], None]


def test_a_backup_holds_what_is_published_and_nobodys_lease(root: Storage, target: Storage, silent: Silent) -> None:
    made = back_up(root, target, silent)
    held = set(Vault(target).manifest(made.name).files)
    assert held == {
        name
        for name in files(root)
        if not name.startswith(("leases/", "checkpoints/", "models/3/")) and name != "reports/index.html"
    }
    assert made.copied == made.files == len(held) and made.copied_bytes == made.bytes > 0


def test_only_what_is_new_is_copied(root: Storage, target: Storage, silent: Silent, growing: Any) -> None:
    first = back_up(root, target, silent)
    again = back_up(root, target, silent)
    assert (again.files, again.copied) == (first.files, 0)
    growing(root).grow(4)
    root.write_bytes("dataset/dataset.json", b"{}")
    third = back_up(root, target, silent)
    assert third.files == first.files + 8  # two data files, two entries of logs, a model of two, its move, the policy
    assert third.copied == 7  # the policy is as empty as the report


def test_what_did_not_change_is_not_read(
    root: Storage, target: Storage, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(root, target, silent)
    read: list[str] = []
    whole = Storage.read_bytes

    def noted(self: Storage, name: str) -> bytes:
        read.extend([name] if self.root == root.root else [])
        return whole(self, name)

    monkeypatch.setattr(Storage, "read_bytes", noted)
    root.write_bytes("reports/run/report.json", b"[]")  # as long as it was
    back_up(root, target, silent)
    assert set(read) == {"review/manifest.parquet", "reports/run/report.json"}


def test_what_the_target_lost_is_copied_again(root: Storage, target: Storage, silent: Silent) -> None:
    first = back_up(root, target, silent)
    lost = Vault(target).manifest(first.name).files["models/1/weights.safetensors"].sha256
    target.remove(f"files/{lost[:2]}/{lost}")
    assert back_up(root, target, silent).copied == 1
    verify(Vault(target), None, silent)


def test_a_backup_of_a_root_that_is_written_to_is_one_instant_of_it(
    storage: Storage, target: Storage, silent: Silent, growing: Any, tmp_path: Path
) -> None:
    made, ended, number = growing(storage), threading.Event(), 0
    made.grow(number := 1)

    def write() -> None:
        nonlocal number
        while not ended.is_set():
            made.grow(number := number + 1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        names = [back_up(storage, target, silent).name for _ in range(4)]
    finally:
        ended.set()
        writer.join()
    seen = set()
    for order, name in enumerate(names):
        copy = Storage(str(tmp_path / f"copy-{order}"))
        restore(Vault(target), name, copy, silent)
        images, examples = (
            getattr(growing(copy), table).read(["sha256"])["sha256"] for table in ("images", "examples")
        )
        champions = [int(name.removesuffix(".json")) for name in copy.names("models/champion")]
        models = [int(name) for name in copy.names("models") if name != "champion"]
        counts = [len(images), len(examples), max(models), max(champions)]
        # Each is written after the one before it, and the next of the first after them all.
        assert counts == sorted(counts, reverse=True) and counts[0] - counts[-1] <= 1
        assert set(examples.to_pylist()) <= set(images.to_pylist())
        assert all(copy.exists(f"models/{model}/bundle.json") for model in models)
        seen.add(counts[0])
    assert number > 2 and len(seen) > 1  # it did write meanwhile


def test_a_backup_that_is_killed_is_none_and_the_one_before_it_stays(
    root: Storage, target: Storage, silent: Silent, growing: Any
) -> None:
    before = back_up(root, target, silent)
    for number in range(4, 8):
        growing(root).grow(number)
    code = (
        "import os\n"
        "from nightsort.operations.backup.making import back_up\n"
        "from nightsort.storage import Storage\n"
        "def die(done, total):\n"
        f"    if done == {before.files + 10}:\n"
        "        os.kill(os.getpid(), 9)\n"
        f"back_up(Storage({root.root!r}), Storage({target.root!r}), die)\n"
    )
    path = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    vault = Vault(target)
    assert vault.backups() == [before.name]
    assert verify(vault, None, silent).name == before.name
    after = back_up(root, target, silent)
    assert after.files == before.files + 4 * 7 and after.copied < 4 * 7 - 8  # what it had copied is there
    verify(Vault(target), after.name, silent)


def test_a_table_that_lost_a_file_is_not_backed_up(root: Storage, target: Storage, silent: Silent) -> None:
    lost = next(name for name in files(root) if name.startswith("dataset/images/run"))
    root.remove(lost)
    with pytest.raises(StorageError, match=lost.rpartition("/")[2]):
        back_up(root, target, silent)
    assert Vault(target).backups() == []


def test_older_backups_are_removed_with_what_only_they_hold(
    root: Storage, target: Storage, silent: Silent, growing: Any
) -> None:
    root.write_bytes("dataset/dataset.json", b"the old policy")
    old = back_up(root, target, silent)
    gone = Vault(target).manifest(old.name).files["dataset/dataset.json"].sha256
    root.write_bytes("dataset/dataset.json", b"the new policy")
    growing(root).grow(4)
    made = back_up(root, target, silent, newest=1)
    assert made.dropped == 1 and Vault(target).backups() == [made.name]
    assert not target.exists(f"files/{gone[:2]}/{gone}")
    verify(Vault(target), None, silent)


def test_a_damaged_manifest_costs_time_and_no_file(root: Storage, target: Storage, silent: Silent) -> None:
    first = back_up(root, target, silent)
    target.write_bytes(f"backups/{first.name}.json", b"{")
    second = back_up(root, target, silent)
    assert second.files == first.files and second.copied == 0
    assert len(second.notes) == 1 and "is damaged" in second.notes[0]


@pytest.mark.parametrize("place", ["", "/backups"])
def test_a_backup_lies_outside_of_the_root(root: Storage, silent: Silent, place: str) -> None:
    with pytest.raises(StorageError, match="outside"):
        back_up(root, Storage(root.root + place), silent)


def test_there_must_be_something_to_back_up(storage: Storage, target: Storage, silent: Silent) -> None:
    with pytest.raises(StorageError, match="nothing to back up"):
        back_up(storage, target, silent)


def test_one_backup_at_a_time(root: Storage, target: Storage, silent: Silent) -> None:
    with hold(target, "backup"), pytest.raises(Exception, match="backup on") as refused:
        back_up(root, target, silent)
    assert type(refused.value).__name__ == "BusyError"


def test_a_link_in_the_root_is_not_followed(root: Storage, target: Storage, silent: Silent, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of somebody else")
    Path(root.root, "reports", "run", "link").symlink_to(tmp_path / "secret")
    Path(root.root, "reports", "folder").symlink_to(tmp_path, target_is_directory=True)
    made = back_up(root, target, silent)
    assert not [name for name in Vault(target).manifest(made.name).files if "link" in name or "folder" in name]
