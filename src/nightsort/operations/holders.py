"""Owns looking at who holds the leases of a storage root, without touching them.

Invariant: nothing is claimed, renewed or removed. Does not know what a lease is for.
"""

from collections.abc import Iterator

from pydantic import ValidationError

from nightsort.claims import Note
from nightsort.storage import Storage

_LEASES = "leases"


def notes(storage: Storage) -> Iterator[tuple[str, Note]]:
    """The newest note of each lease that was ever held, by its name; one that is damaged or just replaced is left out.

    :raises StorageError: if the storage cannot be read
    """
    for name in storage.names(_LEASES):
        written = [file for file in storage.names(f"{_LEASES}/{name}") if file.removesuffix(".json").isdecimal()]
        newest = max(written, key=lambda file: int(file.removesuffix(".json")), default=None)
        if newest:
            try:
                yield name, Note.model_validate_json(storage.read_bytes(f"{_LEASES}/{name}/{newest}"))
            except (FileNotFoundError, ValidationError):
                continue
