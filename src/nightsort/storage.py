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
    <root>/studies/          <study>.log, in an object store <study>/<n>.json: the journal of a search
    <root>/tensorboard/<k>/  the log of a training, where it is asked for
    <root>/prefect/          the database of the server that `nightsort up` starts
    <root>/scratch/          what workers on other machines read in a run; removed at its end, or by the next one
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from nightsort import disk
from nightsort.errors import StorageError, WriteError
from nightsort.stores import S3FS_ATTEMPTS, code, fsspec_options, lacking, reaching

_CHOOSE = "choose another with --storage or mend its rights"
_TAKEN = ("PreconditionFailed", "412")  # what s3fs takes for FileExistsError of those stores only that say why


class Storage:
    """A storage root.

    :param root: folder or fsspec URI; a relative folder is taken from the working directory
    """

    def __init__(self, root: str) -> None:
        path = f"s3://{root.removeprefix('s3a://')}" if root.startswith("s3a://") else root
        try:
            self.root = disk.absolute(path)
            store = "s3" if path.startswith("s3://") else None
            self._fs: fsspec.AbstractFileSystem = url_to_fs(self.root, **fsspec_options(store))[0]
        except ImportError as error:
            raise StorageError(f"storage {root!r}: {lacking(self.root.partition('://')[0], error)}") from None
        except (ValueError, RuntimeError, OSError) as error:
            raise StorageError(f"storage {root!r}: {error}") from None
        if "::" in self.root:
            raise StorageError(f"storage {root!r}: must be one folder or URI, not a chain of them")
        if store:
            self._fs.retries = S3FS_ATTEMPTS

    @property
    def is_local(self) -> bool:
        """Whether the root is a folder of this machine."""
        return isinstance(self._fs, LocalFileSystem)

    def locate(self, name: str) -> str:
        """Full path or URI of `name`, a path below the root with forward slashes."""
        return f"{self.root}{name}" if self.root.endswith("/") else f"{self.root}/{name}"

    def prepare(self) -> None:
        """Create the root; :class:`StorageError` if it cannot be written to, or would lose commits."""
        probe = f".probe-{secrets.token_hex(4)}"
        try:
            self.create_bytes(probe, b"first")
            try:
                if self.is_exclusive(probe):
                    return
            finally:
                self.remove(probe)
        except WriteError as error:
            raise StorageError(f"{error}; {_CHOOSE}") from None
        raise StorageError(
            f"storage {self.root}: writes over a file that it is asked to create only if there is none (put-if-absent, "
            "If-None-Match: *), so that of two commits at once one would be lost; choose a store that honours it, see "
            "docs/storage.md"
        )

    def is_exclusive(self, name: str) -> bool:
        """Whether a file that is there is safe from :meth:`create_bytes`; where it is not, it is written over."""
        try:
            self.create_bytes(name, b"second")
        except FileExistsError:
            return True
        return False

    def exists(self, name: str) -> bool:
        """Whether a file or folder is there; :class:`StorageError` if it cannot be found out."""
        place = self.locate(name)
        with _reading(place):
            return bool(self._fs.exists(place))

    def names(self, folder: str) -> list[str]:
        """Sorted names directly in `folder`, empty if it is not there; :class:`StorageError` if it cannot be listed."""
        place = self.locate(folder)
        try:
            with _reading(place):
                entries = self._fs.ls(place, detail=False)
        except FileNotFoundError:
            return []
        itself = str(self._fs._strip_protocol(place)).rstrip("/")  # an object store may have an empty object for it
        below = (entry.rstrip("/") for entry in entries)
        return sorted({entry.rsplit("/", 1)[-1] for entry in below if entry != itself})

    def find(self) -> dict[str, dict[str, Any]]:
        """Every file below the root, by name, as fsspec describes it; :class:`StorageError` if it cannot be listed."""
        with _reading(self.root):
            found = self._fs.find(self.root, detail=True)
        base = str(self._fs._strip_protocol(self.root)).rstrip("/")
        return {path.removeprefix(f"{base}/"): entry for path, entry in found.items()}

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
                disk.write(Path(self.locate(name)), data, durable)
            else:
                self._fs.pipe_file(self.locate(name), bytes(data))  # an object appears only when it is complete

    def create_bytes(self, name: str, data: bytes) -> None:
        """Write a file whole, durably, and only if there is none: of all who try at once, one succeeds.

        :param data: such as nobody else writes: who finds its own bytes there has written them, and lost the answer
        :raises FileExistsError: if it is there
        :raises WriteError: if it cannot be written
        """
        place = self.locate(name)
        with writing(place, exclusive=True):
            if self.is_local:
                disk.write(Path(place), data, durable=True, exclusive=True)
            else:
                self._create(place, data)

    def _create(self, place: str, data: bytes) -> None:
        retrying = Retrying(
            # Another is being created at this moment; the next attempt is told which of the two it is.
            retry=retry_if_exception(lambda error: code(error) == "ConditionalRequestConflict"),
            stop=stop_after_attempt(5),
            wait=wait_random(0.05, 0.5),
            reraise=True,
        )
        try:
            retrying(self._fs.pipe_file, place, data, mode="create")
        except OSError as error:
            if not isinstance(error, FileExistsError) and code(error) not in _TAKEN:
                raise
            with suppress(FileNotFoundError):  # it was removed again
                if self._fs.cat_file(place) == data:
                    return
            raise FileExistsError from error

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
                    disk.sync(place)


@contextmanager
def _reading(place: str) -> Iterator[None]:
    """Turn what a filesystem raises into FileNotFoundError or :class:`StorageError`."""
    try:
        with reaching(place):
            yield
    except (FileNotFoundError, NotADirectoryError) as error:
        if code(error) == "NoSuchBucket":
            raise StorageError(f"{place}: there is no such bucket; make it, or choose another with --storage") from None
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place) from None
    except OSError as error:
        raise StorageError(f"{place}: cannot be read ({error.strerror or error}); mend its rights") from None


@contextmanager
def writing(place: str, exclusive: bool = False) -> Iterator[None]:
    """Turn what a filesystem, or a library on top of one, raises into :class:`WriteError`.

    :param exclusive: let FileExistsError through
    """
    try:
        with reaching(place):
            yield
    except OSError as error:
        if exclusive and isinstance(error, FileExistsError):
            raise
        cause = "there is no such bucket" if code(error) == "NoSuchBucket" else error.strerror
        raise WriteError(f"{place}: could not be written ({cause})") from error
