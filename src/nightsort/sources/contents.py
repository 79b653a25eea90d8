"""Owns the file of known content: the SHA-256 of all that needs no work, for workers to look into.

Invariant: 32 bytes a digest, sorted, compared whole: a content is found if and only if it was written. The pages
belong to the machine, once for all its workers, and are given up when memory is short.
Does not know what made a content known.
"""

import uuid
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.storage import writing

_DIGEST = np.dtype("S32")


def write_contents(sha256s: Iterable[pa.Array], folder: Path) -> str:
    """Write a file of known content.

    :param sha256s: hex digests, streamed in any order and as often as they come; nulls are left out
    :param folder: is there
    :returns: the file, for :func:`is_in`
    :raises WriteError: if it cannot be written
    """
    file = folder / f"contents-{uuid.uuid4().hex}.bin"
    with writing(str(file)):
        with file.open("wb") as stream:
            for batch in sha256s:
                stream.write(_digests(batch.drop_null()))
        if file.stat().st_size:
            np.memmap(file, _DIGEST, "r+").sort()  # in place: no second copy is ever in memory
    return str(file)


def is_in(file: str, sha256: str) -> bool:
    """Whether a content is known. Where the file cannot be read, nothing is.

    :param file: of :func:`write_contents`
    :param sha256: hex digest
    """
    digests, digest = _open(file), bytes.fromhex(sha256)
    place = int(digests.searchsorted(np.array(digest, _DIGEST)))
    return digests[place : place + 1].tobytes() == digest


def are_in(file: str, digests: list[bytes]) -> list[bool]:
    """Whether each of many contents is known; see :func:`is_in`.

    :param digests: raw, 32 bytes each; an empty one, of what nobody read, is not known
    """
    known, asked = _open(file), np.array(digests, _DIGEST)
    found: list[bool] = (known.searchsorted(asked, "right") > known.searchsorted(asked, "left")).tolist()
    return found


def _digests(sha256s: pa.Array) -> bytes:
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(sha256s)], sha256s), "")
    return bytes.fromhex(joined[0].as_py())


@lru_cache(maxsize=1)  # a process works for one run at a time
def _open(file: str) -> npt.NDArray[np.bytes_]:
    """A worker on another machine may not see the file: it does again what is known, and who commits leaves it out."""
    try:
        # A memmap's own indexing is written in Python, and takes longer than the search.
        return np.asarray(np.memmap(file, _DIGEST, "r"))
    except (OSError, ValueError):  # of an empty file there are no pages
        return np.empty(0, _DIGEST)
