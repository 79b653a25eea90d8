"""Owns making a backup of a storage root while runs may be writing to it.

Invariant: what a backup holds is one state of the root, of which no table names a file that it lacks; the manifest is
written last. Does not know how far it is shown.
"""

from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable

from nightsort import clock
from nightsort.errors import StorageError
from nightsort.leases import lease
from nightsort.operations.backup.at_once import Advance, at_once
from nightsort.operations.backup.cut import Cut, cut
from nightsort.operations.backup.listing import Found, files
from nightsort.operations.backup.vault import Kept, Manifest, Vault
from nightsort.storage import Storage
from nightsort.stores import delta_options
from nightsort.tables import reading

_FIRST = "review/manifest.parquet"  # it is written anew, and names pictures: those are then there to be listed


@dataclass(frozen=True)
class Made:
    """A backup that was made."""

    name: str
    files: int
    bytes: int
    copied: int  # files, those that lay there already left out
    copied_bytes: int
    dropped: int  # older backups
    notes: list[str]


def back_up(storage: Storage, into: Storage, advance: Advance, newest: int | None = None) -> Made:
    """Copy what is new since the last backup, and write the manifest of a new one.

    :param newest: keep so many backups and remove older ones; None keeps all
    :raises StorageError: if there is nothing to copy, or if one of the two roots lies in the other
    :raises BusyError: if another backup into the same place is at work
    """
    _apart(storage, into)
    if not storage.names(""):
        raise StorageError(f"{storage.root}: holds nothing to back up; name the storage root with --storage")
    into.prepare()
    with lease.hold(into, "backup") as held:
        vault, notes = Vault(into), list[str]()
        vault.look()
        copy = _Copy(storage, vault, _before(vault, notes))
        made, now = clock.now(), cut(storage)
        copy.take(_FIRST)
        found = files(storage)
        copy.take_all({name: found[name] for name in sorted(found) if now.holds(name) and name != _FIRST}, advance)
        _check(storage, now, copy.kept)
        held.check()
        manifest = Manifest(root=storage.root, made=made, files=copy.kept)
        name = vault.complete(manifest, copy.written)
        dropped = vault.drop_all_but(newest) if newest else 0
    copied = len(copy.written), sum(copy.written.values())
    return Made(name, len(manifest.files), manifest.bytes, *copied, dropped, notes)


def _apart(storage: Storage, into: Storage) -> None:
    one, other = f"{storage.root.rstrip('/')}/", f"{into.root.rstrip('/')}/"
    if one.startswith(other) or other.startswith(one):
        raise StorageError(f"backup into {into.root}: must lie outside of the storage root {storage.root}")


def _before(vault: Vault, notes: list[str]) -> dict[str, Kept]:
    """The files of the newest backup that are still there: what did not change since need not be read."""
    try:
        last = vault.manifest(vault.backups()[-1]).files if vault.backups() else {}
    except StorageError as error:
        notes.append(f"every file was read anew: {error}")
        return {}
    return {name: kept for name, kept in last.items() if vault.held.get(kept.sha256) == kept.size}


class _Copy:
    """What a backup has copied so far."""

    def __init__(self, storage: Storage, vault: Vault, before: dict[str, Kept]) -> None:
        self.kept: dict[str, Kept] = {}
        self.written: dict[str, int] = {}  # bytes, by SHA-256
        self._storage, self._vault, self._before = storage, vault, before
        self._there = frozenset(vault.held)

    def take(self, name: str, stamp: str = "") -> None:
        """Copy a file; one that has gone since it was listed is left out."""
        with suppress(FileNotFoundError):
            data = self._storage.read_bytes(name)
            sha256 = self._vault.keep(data)
            self.kept[name] = Kept(sha256=sha256, size=len(data), stamp=stamp)
            if sha256 not in self._there:
                self.written[sha256] = len(data)

    def take_all(self, found: dict[str, Found], advance: Advance) -> None:
        """Copy what is not as the last backup has it."""
        changed = {}
        for name, file in found.items():
            known = self._before.get(name)
            if known and file.stamp and (known.size, known.stamp) == (file.size, file.stamp):
                self.kept[name] = known
            else:
                changed[name] = file
        for _ in at_once(lambda name: self.take(name, changed[name].stamp), list(changed), advance, len(self.kept)):
            pass


def _check(storage: Storage, now: Cut, kept: dict[str, Kept]) -> None:
    """Refuse a copy of which a table names a file that it lacks."""
    for table, version in now.tables.items():
        if version < 0:
            continue
        uri = storage.locate(table)
        with reading(uri):
            named = pa.table(DeltaTable(uri, version, delta_options(uri)).get_add_actions())["path"].to_pylist()
        if missing := [name for name in named if f"{table}/{name}" not in kept]:
            raise StorageError(
                f"{uri}: version {version} names {missing[0]} (and {len(missing) - 1} more), which is not there; if "
                "the table can be read, it was tidied up meanwhile: start the backup again"
            )
