"""Owns the only door to a filesystem for what Nightsort keeps: the storage root, an fsspec URI.

Invariant: a file written here is there whole or not at all, on a local disk even after a power cut.
Does not know what the files mean; Delta tables go through `deltalake` to the place that `locate` names.

    <root>/dataset/          dataset.json (the policy); examples/, images/, copies/ (Delta tables)
    <root>/predictions/      Delta table: the ledger
    <root>/copies/           Delta table: where else its pictures were seen
    <root>/quarantine/       Delta table
    <root>/models/<n>/       weights.safetensors, then bundle.json; then openvino/ and backends.json,
                             reference.safetensors, decisions/<run>.json, card.json and card.md
    <root>/models/champion/  <generation>.json: each move of the champion; the newest says who it is
    <root>/reports/<run>/    report.html, digest.json, then report.json; audit.csv of an audit
    <root>/reports/          index.html, made of the digests; differences/: pages that were asked for
    <root>/review/           answers/, signals/ (Delta tables); pictures/<sha256>.<ext>, manifest.parquet
    <root>/leases/<name>/    <token>.json: who writes
    <root>/checkpoints/<k>/  the state of an unfinished training
    <root>/comparisons/<k>/  <strategy>-<seed>.json: a finished training of a comparison
    <root>/studies/          <study>.log: the journal of a search
"""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from nightsort.errors import StorageError, WriteError


class Storage:
    """A storage root.

    :param root: folder or fsspec URI; a relative folder is taken from the working directory
    """

    def __init__(self, root: str) -> None:
        path = root.removeprefix("file://")
        try:
            self.root = path if "://" in path else str(Path(path).expanduser().resolve())
            # Other processes write here too, so what a listing said a moment ago is not kept.
            self._fs: fsspec.AbstractFileSystem = url_to_fs(self.root, use_listings_cache=False)[0]
        except (ValueError, ImportError, RuntimeError, OSError) as error:
            raise StorageError(f"storage {root!r}: {error}") from None
        if "::" in self.root:
            raise StorageError(f"storage {root!r}: must be one folder or URI, not a chain of them")

    @property
    def is_local(self) -> bool:
        """Whether the root is a folder of this machine."""
        return isinstance(self._fs, LocalFileSystem)

    def locate(self, name: str) -> str:
        """Full path or URI of `name`, a path below the root with forward slashes."""
        return f"{self.root}{name}" if self.root.endswith("/") else f"{self.root}/{name}"

    def prepare(self) -> None:
        """Create the root; :class:`StorageError` if it cannot be written to."""
        probe = f".probe-{os.getpid()}"
        try:
            self.write_bytes(probe, b"")
            self._fs.rm_file(self.locate(probe))
        except WriteError as error:
            raise StorageError(f"{error}; choose another with --storage or mend its rights") from None

    def exists(self, name: str) -> bool:
        """Whether a file or folder is there."""
        return bool(self._fs.exists(self.locate(name)))

    def names(self, folder: str) -> list[str]:
        """Sorted names directly in `folder`; empty if it is not there."""
        try:
            entries = self._fs.ls(self.locate(folder), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries)

    def read_bytes(self, name: str) -> bytes:
        """All bytes of a file; FileNotFoundError if it is not there, :class:`StorageError` if it cannot be read."""
        place = self.locate(name)
        with _reading(place):
            data: bytes = self._fs.cat_file(place)
        return data

    def sha256(self, name: str) -> str:
        """Hexadecimal SHA-256 of a file of any size; raises what :meth:`read_bytes` does."""
        place = self.locate(name)
        with _reading(place), self._fs.open(place, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def size(self, name: str) -> int:
        """Bytes of a file; raises what :meth:`read_bytes` does."""
        place = self.locate(name)
        with _reading(place):
            return int(self._fs.size(place))

    def modified(self, name: str) -> datetime:
        """When a file was last written, UTC; raises what :meth:`read_bytes` does."""
        place = self.locate(name)
        with _reading(place):
            when: datetime = self._fs.modified(place)
        return when

    def write_bytes(self, name: str, data: bytes | memoryview, durable: bool = True) -> None:
        """Write a file whole or not at all, replacing what was there; :class:`WriteError` if it cannot be.

        :param durable: false leaves it to :meth:`make_durable` that the file outlives a power cut
        """
        with writing(self.locate(name)):
            if self.is_local:
                _write(Path(self.locate(name)), data, durable)
            else:
                self._fs.pipe_file(self.locate(name), bytes(data))  # an object appears only when it is complete

    def create_bytes(self, name: str, data: bytes) -> None:
        """Write a file whole, durably, and only if there is none: of all who try at once, one succeeds.

        :raises FileExistsError: if it is there
        :raises WriteError: if it cannot be written
        """
        place = self.locate(name)
        with writing(place, exclusive=True):
            if self.is_local:
                _write(Path(place), data, durable=True, exclusive=True)
            else:
                self._fs.pipe_file(place, data, mode="create")

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it; nothing happens if it is not there."""
        with writing(self.locate(name)), suppress(FileNotFoundError):
            self._fs.rm(self.locate(name), recursive=True)

    def make_durable(self, names: Iterable[str]) -> None:
        """Have these files, and their folders, outlive a power cut, before anything says that they are there."""
        if self.is_local:
            files = [PurePosixPath(name) for name in names]
            folders = {folder for file in files for folder in file.parents}  # a new one lasts once that above it does
            for name in [*files, *folders]:
                place = Path(self.locate(str(name)))
                with writing(str(place)):
                    _sync(place)


@contextmanager
def _reading(place: str) -> Iterator[None]:
    """Turn what a filesystem raises into FileNotFoundError or :class:`StorageError`."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place) from None
    except OSError as error:
        raise StorageError(f"{place}: cannot be read ({error.strerror or error}); mend its rights") from None


@contextmanager
def writing(place: str, exclusive: bool = False) -> Iterator[None]:
    """Turn what a filesystem, or a library on top of one, raises into :class:`WriteError`.

    :param exclusive: let FileExistsError through
    """
    try:
        yield
    except OSError as error:
        if exclusive and isinstance(error, FileExistsError):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place) from None
        # delta-rs writes its causes on coloured lines of their own
        cause = error.strerror or " ".join(re.sub(r"\x1b\[\d+m|↳", "", str(error)).split())
        raise WriteError(f"{place}: could not be written ({cause})") from error


def _write(target: Path, data: bytes | memoryview, durable: bool, exclusive: bool = False) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        if exclusive:
            os.link(temporary, target)  # unlike a rename, never over what is there
        else:
            Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    if durable:
        _sync(target.parent)  # the rename is durable once its folder is


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
