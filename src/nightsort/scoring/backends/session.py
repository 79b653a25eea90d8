"""Owns the session: logits of any number of pictures, by a network that takes batches of one fixed shape.

Invariant: row i of the answer is of picture i; padding never comes out; a batch that the memory does
not hold is tried again halved, down to one picture, and stays halved.
Does not know what computes the logits.
"""

from collections.abc import Callable
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nightsort.errors import RunError

Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""uint8 (B, S, S, 3), RGB, C-contiguous, B fixed -> logits, float32 (B, C), an array of the caller's own.

Several threads may call one at once.
"""

_BATCH_BYTES = 1_200_000

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "bad_alloc", "failed to allocate")
"""What torch and OpenVINO say in a plain RuntimeError, in lower case."""


def batch_on_cpu(side: int) -> int:
    """Pictures of a batch that a processor computes the fastest: about a megabyte of them.

    At 224 pixels 8 are as fast as 32, in less memory; of small pictures a call itself costs more than its picture.
    """
    return min(64, max(8, _BATCH_BYTES // (3 * side**2)))


class Session(Protocol):
    """A loaded model. Several threads may use it at once."""

    @property
    def batch_size(self) -> int:
        """Pictures that it computes at once; it may shrink."""

    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Uncalibrated scores, float32 (n, C).

        :param pictures: RGB, uint8 (n, S, S, 3), n at least 1; `batch_size` of them cost the least for each
        """


class FixedShape:
    """The session of every backend.

    :param load: batch size B -> a network for batches of exactly B
    :raises RunError: if the memory does not hold a batch of one picture; so does `logits`
    """

    def __init__(self, load: Callable[[int], Network], batch_size: int) -> None:
        self._load = load
        self._lock = Lock()
        self._fitted = _fit(load, batch_size)

    @property
    def batch_size(self) -> int:
        """See :class:`Session`."""
        return self._fitted.batch_size

    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See :class:`Session`."""
        parts: list[NDArray[np.float32]] = []
        done = 0
        while done < len(pictures):
            fitted = self._fitted
            part = fitted.logits(pictures[done : done + fitted.batch_size])
            if part is None:
                self._halve(fitted)
            else:
                parts.append(part)
                done += len(part)
        return np.concatenate(parts)

    def _halve(self, failed: "_Fitted") -> None:
        with self._lock:
            if self._fitted is failed:  # else another thread was here first
                failed.network = None  # its memory is needed for the next
                self._fitted = _fit(self._load, failed.batch_size // 2)


class _Fitted:
    """A network and the only number of pictures that it takes."""

    def __init__(self, network: Network, batch_size: int) -> None:
        self.network: Network | None = network
        self.batch_size = batch_size

    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Logits of at most `batch_size` pictures; None if the memory does not suffice for as many."""
        network = self.network
        if network is None:
            return None
        padded = pictures
        if len(pictures) < self.batch_size:
            padded = np.zeros((self.batch_size, *pictures.shape[1:]), np.uint8)
            padded[: len(pictures)] = pictures
        try:
            return network(np.ascontiguousarray(padded))[: len(pictures)]
        except Exception as error:
            _may_halve(error, self.batch_size)
            return None


def _fit(load: Callable[[int], Network], batch_size: int) -> _Fitted:
    """Load with the largest batch that the memory holds: `batch_size`, or what is left of it after some halvings."""
    while True:
        try:
            return _Fitted(load(batch_size), batch_size)
        except Exception as error:
            _may_halve(error, batch_size)
        batch_size //= 2


def _may_halve(error: Exception, batch_size: int) -> None:
    """Raise again what is no lack of memory; :class:`RunError` where there is nothing left to halve."""
    text = str(error)
    lacking = isinstance(error, MemoryError) or any(words in text.lower() for words in _OUT_OF_MEMORY)
    if not lacking:
        raise error
    if batch_size == 1:
        cause = " ".join(text.split()) or type(error).__name__
        raise RunError(
            f"classify: the memory does not hold a batch of one picture ({cause}); use fewer workers, "
            "another backend or a model with a smaller image_size"
        ) from error
