"""Owns the model bundle: everything needed to classify, in a folder of its own.

Invariant: nothing is unpickled; bundle.json is written last, so its existence means the bundle is
whole; it holds the SHA-256 of the weights, checked at every load.
Does not know which model is the champion.
"""

import hashlib
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from nightsort.errors import ModelError
from nightsort.learning.card import Card, compare_weights, load_card
from nightsort.learning.classifier import Classifier
from nightsort.learning.zoo import build
from nightsort.storage import Storage


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle."""

    card: Card
    network: Classifier


def save(storage: Storage, card: Card, network: Classifier) -> Card:
    """Write weights, then bundle.json.

    :returns: the card as it was written, with the SHA-256 of the weights
    """
    weights = save_tensors({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    signed = card.model_copy(update={"weights_sha256": hashlib.sha256(weights).hexdigest()})
    storage.write_bytes(f"models/{card.version}/weights.safetensors", weights)
    storage.write_bytes(f"models/{card.version}/bundle.json", signed.model_dump_json(indent=1).encode())
    return signed


def load(storage: Storage, version: int) -> Bundle:
    """Read a bundle, ready to classify on the CPU.

    :raises ModelError: if a file is missing, changed, or does not fit the architecture
    """
    card = load_card(storage, version)
    place = storage.locate(f"models/{version}/weights.safetensors")
    try:
        weights = storage.read_bytes(f"models/{version}/weights.safetensors")
    except FileNotFoundError:
        raise ModelError(f"model {version}: {place} is missing") from None
    compare_weights(card, place, hashlib.sha256(weights).hexdigest())
    network = build(card.architecture, len(card.classes))
    try:
        network.load_state_dict(load_tensors(weights))
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(f"model {version}: {place} does not fit {card.model}: {str(error).splitlines()[0]}") from None
    return Bundle(card, network.eval().to(memory_format=torch.channels_last))
