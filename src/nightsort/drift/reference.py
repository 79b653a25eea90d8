"""Owns the training reference of a model: what pictures look like that it did not learn from and should be good at.

Invariant: plain numbers, bounded whatever the size of the dataset; a file that is there is whole. Does not know how
they were computed, nor what is held against them.

Drift is looked for against held-out pictures, not those of training, on which a model is surer than it ever will be
again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from nightsort.errors import ModelError
from nightsort.storage import Storage

MAX_PICTURES = 2000
"""Pictures of a reference, at most."""

MAX_EMBEDDED = 1000
"""Pictures of a reference with an embedding, at most."""

MAX_WIDTH = 512
"""Values of an embedding, at most."""

_MEASURE = "measure:"


@dataclass(frozen=True, eq=False)
class Reference:
    """N held-out pictures and what the model made of them.

    :param measures: column of schema.MEASURES -> float32 (N,), of the originals
    :param confidences: calibrated probabilities of the predicted labels, float32 (N,)
    :param predicted: label -> how many of the N were predicted so; every class of the model
    :param embeddings: of at most MAX_EMBEDDED of them, float32 (n, D), see :func:`narrow`
    """

    measures: Mapping[str, NDArray[np.float32]]
    confidences: NDArray[np.float32]
    predicted: Mapping[str, int]
    embeddings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.confidences)


def narrow(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most MAX_WIDTH values an embedding: wider ones by a fixed projection on random signs (Achlioptas 2003).

    :param embeddings: float32 (n, D)
    :returns: float32 (n, min(D, MAX_WIDTH)); distances are kept within a few percent
    """
    width = embeddings.shape[1]
    if width <= MAX_WIDTH:
        return embeddings
    # RandomState gives the same numbers in every version of NumPy, which default_rng does not promise.
    signs = np.random.RandomState(width).randint(0, 2, (width, MAX_WIDTH)).astype(np.float32) * 2 - 1
    return np.asarray(embeddings @ signs / np.sqrt(MAX_WIDTH), np.float32)


def save(storage: Storage, version: int, reference: Reference) -> None:
    """Write the reference of a model."""
    arrays = {_MEASURE + name: np.ascontiguousarray(values) for name, values in reference.measures.items()}
    arrays["confidences"] = np.ascontiguousarray(reference.confidences)
    arrays["embeddings"] = np.ascontiguousarray(reference.embeddings, np.float32)
    arrays["predicted"] = np.array(list(reference.predicted.values()), np.int64)
    classes = json.dumps(list(reference.predicted))
    storage.write_bytes(_name(version), save_arrays(arrays, {"classes": classes}))


def load(storage: Storage, version: int) -> Reference | None:
    """Read the reference of a model; None if it was published without one.

    :raises ModelError: if it is damaged
    """
    try:
        data = storage.read_bytes(_name(version))
    except FileNotFoundError:
        return None
    try:
        length = int.from_bytes(data[:8], "little")
        classes = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["classes"])
        arrays = load_arrays(data)
        return Reference(
            measures={name.removeprefix(_MEASURE): arrays[name] for name in arrays if name.startswith(_MEASURE)},
            confidences=arrays["confidences"],
            predicted=dict(zip(classes, arrays["predicted"].tolist(), strict=True)),
            embeddings=arrays["embeddings"],
        )
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"model {version}: {storage.locate(_name(version))} is damaged ({error})") from None


def _name(version: int) -> str:
    return f"models/{version}/reference.safetensors"
