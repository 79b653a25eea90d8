"""Owns where backups lie: files by what they hold, and a manifest for each backup.

Invariant: a file lies under its own SHA-256, once for all backups that hold it; a manifest carries the SHA-256 of
itself in its name, and is written when all that it names is there. So a backup that was cut off is none, harms none,
and what it had copied is found by the next.
Does not know what the files are for.

    files/<first two digits>/<sha256>
    backups/<time>-<first 16 digits of its sha256>.json
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from nightsort.errors import StorageError
from nightsort.operations.backup.listing import files
from nightsort.storage import Storage

_NAME = re.compile(r"\d{8}T\d{12}Z-([0-9a-f]{16})")


class Kept(BaseModel):
    """A file of a backup."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int  # bytes
    stamp: str  # of the original, see :class:`nightsort.operations.backup.listing.Found`


def _inside(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise ValueError("must lead to a file below the storage root")
    return name


class Manifest(BaseModel):
    """A backup."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    root: str
    made: AwareDatetime
    files: dict[Annotated[str, AfterValidator(_inside)], Kept]

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(kept.size for kept in self.files.values())


class Vault:
    """The backups in a storage."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.held: dict[str, int] = {}  # bytes of each file, by its SHA-256

    def look(self) -> None:
        """Learn which files are there."""
        found = files(self.storage).items()
        self.held = {name.rpartition("/")[2]: file.size for name, file in found if name.startswith("files/")}

    def backups(self) -> list[str]:
        """Names of the complete backups, the oldest first."""
        names = (name.removesuffix(".json") for name in self.storage.names("backups") if name.endswith(".json"))
        return sorted(name for name in names if _NAME.fullmatch(name))

    def chosen(self, name: str | None) -> str:
        """The backup of this name, or the newest; :class:`StorageError` if there is none."""
        names = self.backups()
        if not names:
            raise StorageError(f"{self.storage.root}: holds no backup that was completed; 'nightsort backup' makes one")
        if name is not None and name not in names:
            raise StorageError(f"{self.storage.root}: has no backup {name}; there are {', '.join(names)}")
        return name or names[-1]

    def manifest(self, name: str) -> Manifest:
        """What a backup holds; :class:`StorageError` if its manifest is damaged."""
        place = self.storage.locate(f"backups/{name}.json")
        data, known = self.storage.read_bytes(f"backups/{name}.json"), _NAME.fullmatch(name)
        try:
            if known is None or not hashlib.sha256(data).hexdigest().startswith(known[1]):
                raise ValueError("it is not what its name says")
            return Manifest.model_validate_json(data)
        except ValidationError as error:
            problem = f"{error.error_count()} faults, first {error.errors()[0]['msg']!r}"
        except ValueError as error:
            problem = str(error)
        others = ", ".join(other for other in self.backups() if other != name) or "none"
        raise StorageError(f"{place}: is damaged ({problem}); other backups: {others}")

    def keep(self, data: bytes) -> str:
        """Keep a file, unless it is there; its SHA-256. Durable only with :meth:`complete`."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self.held.get(sha256) != len(data):
            self.storage.write_bytes(place_of(sha256), data, durable=False)
            self.held[sha256] = len(data)
        return sha256

    def fetch(self, kept: Kept) -> bytes:
        """A file as it was kept; :class:`StorageError` if it is missing or was changed."""
        place = self.storage.locate(place_of(kept.sha256))
        try:
            data = self.storage.read_bytes(place_of(kept.sha256))
        except FileNotFoundError:
            raise StorageError(f"{place} is missing") from None
        if hashlib.sha256(data).hexdigest() != kept.sha256:
            raise StorageError(f"{place} was changed")
        return data

    def complete(self, manifest: Manifest, copied: Iterable[str]) -> str:
        """Make the backup one, durably; its name.

        :param copied: SHA-256 of the files that this backup wrote
        """
        self.storage.make_durable(place_of(sha256) for sha256 in copied)
        data = manifest.model_dump_json().encode()
        name = f"{_moment(manifest.made)}-{hashlib.sha256(data).hexdigest()[:16]}"
        self.storage.write_bytes(f"backups/{name}.json", data)
        return name

    def drop_all_but(self, newest: int) -> int:
        """Remove all older backups, then the files that none of the others holds; how many backups.

        :raises StorageError: if the manifest of one that stays is damaged: nobody knows then what it holds
        """
        names = self.backups()
        kept = {file.sha256 for name in names[-newest:] for file in self.manifest(name).files.values()}
        for name in names[:-newest]:
            self.storage.remove(f"backups/{name}.json")
        self.look()
        for sha256 in self.held.keys() - kept:
            self.storage.remove(place_of(sha256))
        return len(names[:-newest])


def place_of(sha256: str) -> str:
    """Where a file lies."""
    return f"files/{sha256[:2]}/{sha256}"


def _moment(when: datetime) -> str:
    return f"{when:%Y%m%dT%H%M%S%fZ}"
