"""Owns putting a backup back, and reading one to see that it could be.

Invariant: a storage root that was not put back whole says so, and no run works on it.
Does not know how a backup came about.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nightsort.errors import StorageError
from nightsort.operations.backup.at_once import Advance, at_once
from nightsort.operations.backup.vault import Kept, Manifest, Vault
from nightsort.reports import index
from nightsort.storage import Storage

UNFINISHED = "UNFINISHED"
"""A file that lies in a root for as long as it is being put back."""

_NAMED = 5  # damaged files named, at most
_MEND = "; delete those, and the next backup copies them again from a storage root that still has them"


@dataclass(frozen=True)
class Restored:
    """A backup that was put back, or read."""

    name: str
    manifest: Manifest


def refuse_unfinished(storage: Storage) -> None:
    """Raise :class:`StorageError` if the root was not put back whole."""
    if storage.exists(UNFINISHED):
        raise StorageError(f"{storage.root}: was not put back whole, says {UNFINISHED}; remove it and restore it anew")


def verify(vault: Vault, name: str | None, advance: Advance) -> Restored:
    """Read every file of a backup.

    :param name: of a backup; the newest if none is named
    :raises StorageError: if any file is missing or was changed; the message names them
    """
    done = _manifest(vault, name)
    _each(vault, done, lambda *_: None, advance, _MEND)
    return done


def ready(vault: Vault, name: str | None, into: Storage) -> Restored:
    """The backup that is to be put back; raises :class:`StorageError` if there is none, or the place is not empty."""
    if there := into.names(""):
        raise StorageError(f"{into.root}: is not empty ({there[0]}); a backup is put back into an empty place only")
    return _manifest(vault, name)


def restore(vault: Vault, name: str | None, into: Storage, advance: Advance) -> Restored:
    """Put a backup back into an empty place.

    :raises StorageError: if the place is not empty, or any file of the backup is missing or was changed
    """
    done = ready(vault, name, into)
    into.prepare()
    into.write_bytes(UNFINISHED, f"being put back from {vault.storage.root}, {done.name}\n".encode())
    half = f"; {into.root} is half made, and no run works on it: remove it, and choose another backup"

    def put(file: str, data: bytes) -> None:
        into.write_bytes(file, data, durable=False)

    _each(vault, done, put, advance, half)
    into.make_durable(done.manifest.files)
    into.remove(UNFINISHED)
    index.refresh(into)
    return done


def _manifest(vault: Vault, name: str | None) -> Restored:
    chosen = vault.chosen(name)
    return Restored(chosen, vault.manifest(chosen))


def _each(vault: Vault, done: Restored, use: Callable[[str, bytes], None], advance: Advance, so: str) -> None:
    """Use each file of a backup that is as it was kept; the others are told of together.

    :param so: what follows for whoever reads the message
    """
    files = list(done.manifest.files.items())

    def one(item: tuple[str, Kept]) -> str:
        try:
            data = vault.fetch(item[1])
        except StorageError as error:
            return f"{item[0]} ({error})"
        use(item[0], data)
        return ""

    damaged = list(filter(None, at_once(one, files, advance)))
    if damaged:
        named = "; ".join(damaged[:_NAMED]) + ("; ..." if len(damaged) > _NAMED else "")
        raise StorageError(f"backup {done.name}: {len(damaged)} of {len(files)} files are damaged: {named}{so}")
