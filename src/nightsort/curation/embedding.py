"""Owns embeddings: one vector a stored picture, by which pictures are compared.

Invariant: rows have unit length and stand in the order they were asked for; resident memory does not
grow with their number, since they lie in a file.
Does not know what they are compared for.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort.dataset.versions import Dataset
from nightsort.images.decode import Pixels
from nightsort.images.preprocess import Preprocessing, load_stored
from nightsort.learning.registry import Registry
from nightsort.storage import Storage

_SIDE = 32  # pixels of the square that is described
_GREY_SIDE = 16
_COLOUR_SIDE = 8
_CELLS = 8  # a side
_BINS = 9  # over half a turn
_FAINT = 1.0  # grey levels; what varies less is not made to look like a pattern
_ANYTHING = 0.01  # gives a picture without any feature a direction too

DESCRIPTOR_OUTPUTS = _GREY_SIDE**2 + 2 * _COLOUR_SIDE**2 + _CELLS**2 * _BINS + 1


@dataclass(frozen=True)
class Embedder:
    """A way of turning pictures into vectors.

    :param name: for the report, and of the file
    :param preprocessing: what is done to a stored picture first
    :param outputs: length D of a vector
    :param function: uint8 (B, S, S, 3) -> float32 (B, D), of any length but nought
    """

    name: str
    preprocessing: Preprocessing
    outputs: int
    function: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def choose_embedder(storage: Storage) -> Embedder:
    """The champion's features, what its head sees; without a champion the descriptor."""
    version = Registry(storage).champion()
    if version is None:
        return descriptor(storage)
    from nightsort.learning import bundle, predict  # they load torch

    champion = bundle.load(storage, version)
    network = champion.network

    def features(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(predict.embeddings(network, pictures).numpy(), np.float32)

    preprocessing = champion.card.preprocess()
    outputs = features(np.zeros((1, preprocessing.image_size, preprocessing.image_size, 3), np.uint8)).shape[1]
    return Embedder(f"model {version}", preprocessing, outputs, features)


def descriptor(storage: Storage) -> Embedder:
    """What needs no training, and so knows no labels."""
    policy = Dataset(storage).policy()
    preprocessing = Preprocessing(policy.store_side, _SIDE, policy.cleaning)
    return Embedder("grey levels, colours and gradients", preprocessing, DESCRIPTOR_OUTPUTS, describe)


def embed(
    dataset: Dataset,
    sha256s: pa.Array,
    embedder: Embedder,
    folder: Path,
    on_progress: Callable[[int], None] = lambda count: None,
) -> NDArray[np.float32]:
    """Embed stored pictures.

    :param sha256s: N identities, each once
    :param folder: where the file of embeddings is written, named as the embedder
    :param on_progress: called with the number of pictures embedded since the last call
    :returns: float32 (N, D), memory-mapped, rows of unit length in the order of `sha256s`
    """
    shape = (len(sha256s), embedder.outputs)
    if not len(sha256s):
        return np.empty(shape, np.float32)
    rows = np.lib.format.open_memmap(folder / f"{embedder.name}.npy", mode="w+", dtype=np.float32, shape=shape)
    with ThreadPoolExecutor() as threads:  # OpenCV lets go of the interpreter lock while it decodes
        for batch, place in dataset.placed(sha256s):
            pixels = threads.map(lambda data: load_stored(data, embedder.preprocessing), batch["image"].to_pylist())
            rows[place.to_numpy()] = _unit(embedder.function(np.stack(list(pixels))))
            on_progress(len(place))
    return rows


def describe(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe pictures by their coarse grey levels, their colours and where their edges point.

    Grey levels of zero mean, so that a product of two is their correlation; colour differences; histograms of
    oriented gradients (Dalal and Triggs 2005) under a square root (RootSIFT, Arandjelović and Zisserman 2012).

    :param pictures: uint8 (B, 32, 32, 3)
    :returns: float32 (B, DESCRIPTOR_OUTPUTS)
    """
    rows = [
        np.concatenate([_grey(picture), _colour(picture), _gradients(picture), [_ANYTHING]]) for picture in pictures
    ]
    return np.array(rows, np.float32)


def _grey(picture: Pixels) -> NDArray[np.float32]:
    small = cv2.resize(
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (_GREY_SIDE, _GREY_SIDE), interpolation=cv2.INTER_AREA
    )
    levels = small.astype(np.float32).ravel()
    levels -= levels.mean()
    return levels / max(float(np.linalg.norm(levels)), _FAINT * _GREY_SIDE)


def _colour(picture: Pixels) -> NDArray[np.float32]:
    """How much redder and bluer than grey each part is; of length 1 at most."""
    small = cv2.resize(picture, (_COLOUR_SIDE, _COLOUR_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = small.mean(2)
    differences = np.stack([small[..., 0] - grey, small[..., 2] - grey])
    return np.asarray(differences.ravel() / (255 * _COLOUR_SIDE), np.float32)


def _gradients(picture: Pixels) -> NDArray[np.float32]:
    """Histograms of the direction of edges in each cell, votes shared between the two nearest bins."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    strength, angle = cv2.cartToPolar(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    position = np.asarray(angle) % np.pi / np.pi * _BINS
    lower = position.astype(np.int64)
    share = position - lower
    votes = np.zeros((_SIDE, _SIDE, _BINS), np.float32)
    y, x = np.indices(grey.shape)
    votes[y, x, lower % _BINS] += strength * (1 - share)
    votes[y, x, (lower + 1) % _BINS] += strength * share
    cell = _SIDE // _CELLS
    histograms = votes.reshape(_CELLS, cell, _CELLS, cell, _BINS).sum((1, 3)).ravel()
    return np.asarray(np.sqrt(histograms / max(float(histograms.sum()), _FAINT * _SIDE**2)), np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows at unit length; one of nothing but zeros stays as it is."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), np.float32)
