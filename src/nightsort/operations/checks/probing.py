"""Owns the proof that a store offers what Nightsort relies on.

Invariant: it leaves nothing behind but a root that is there. Does not know what is done about what it finds.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from nightsort.errors import NightsortError
from nightsort.storage import Storage

_DATA = b"first"


@dataclass(frozen=True)
class Capability:
    """What was found of one thing that a store must do."""

    name: str
    ok: bool
    told: str  # what was seen, and, where it is not as it must be, what to do


def probe(storage: Storage) -> list[Capability]:
    """What a storage root offers, in the order in which it was tried; after the first that fails nothing is tried."""
    folder = f".probe-{secrets.token_hex(4)}"
    found: list[Capability] = []
    try:
        for name, works, told in _attempts(storage, folder):
            try:
                ok, cause = works(), ""
            except (NightsortError, OSError) as error:
                ok, cause = False, " ".join(str(error).split())
            found.append(Capability(name, ok, "works" if ok else "; ".join(filter(None, (cause, told)))))
            if not ok:
                break
    finally:
        with suppress(NightsortError):
            storage.remove(folder)
    return found


def _attempts(storage: Storage, folder: str) -> Iterator[tuple[str, Callable[[], bool], str]]:
    """Name, the attempt, what to do where it fails."""
    name = f"{folder}/file"

    def write() -> bool:
        storage.write_bytes(name, _DATA)
        return True

    def remove() -> bool:
        storage.remove(name)
        return not storage.exists(name)

    def create() -> bool:
        other = f"{folder}/created"
        storage.create_bytes(other, _DATA)
        return storage.is_exclusive(other) and storage.read_bytes(other) == _DATA

    yield "write", write, f"nothing can be written to {storage.root}: mend its rights, or choose another with --storage"
    yield "read", lambda: storage.read_bytes(name) == _DATA, "what was written is not what is read: allow reading"
    yield (
        "list after write",
        lambda: "file" in storage.names(folder),
        "what was just written is not listed: allow listing, and choose a store whose listings are up to date",
    )
    yield (
        "put if absent",
        create,
        "two commits at once would overwrite each other: choose a store that honours If-None-Match: *, such as "
        "AWS S3, MinIO, Ceph RGW or Cloudflare R2; see docs/storage.md",
    )
    yield "delete", remove, "nothing can be deleted: allow it, else old leases and checkpoints stay for ever"
