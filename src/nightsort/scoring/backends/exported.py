"""Owns the forms in which OpenVINO reads a model: exported when it is published, checked when it is loaded.

Invariant: openvino/export.json is written last and holds the SHA-256 of the weights and of each file, so
a form that was changed, or made of other weights, is never computed with.
Does not load torch or OpenVINO, unless it exports or loads; does not know how well a form agrees with the original.
"""

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from nightsort.errors import ModelError
from nightsort.learning.card import Card, load_card
from nightsort.storage import Storage
from nightsort.words import Backend

if TYPE_CHECKING:
    import openvino as ov

    from nightsort.learning.classifier import Classifier

_FORMS: dict[Backend, str] = {"openvino-fp32": "fp32", "openvino-bf16": "fp32", "openvino-int8": "int8"}
"""Backend -> form; bf16 is fp32, computed otherwise."""


class Exported(BaseModel):
    """The content of export.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights_sha256: str  # of the weights that the forms were made of
    files: dict[str, str]  # file, below the bundle -> SHA-256
    refused: dict[str, str]  # form, fp32 or int8 -> why it could not be made


def export(
    storage: Storage, card: Card, network: "Classifier", calibration: NDArray[np.uint8], backends: list[Backend]
) -> Exported:
    """Write the forms that some backends read, beside a bundle that is complete.

    What cannot be converted is refused with its reason; the bundle is as good without it.

    :param calibration: RGB, uint8 (n, S, S, 3), training pictures, n at least 1: what int8 takes its ranges from
    :raises WriteError: if the storage fails
    """
    from nightsort.scoring.backends.conversion import Forms, convert

    wanted = sorted({_FORMS[backend] for backend in backends if backend in _FORMS})
    forms = convert(network, calibration, wanted) if wanted else Forms({}, {})
    files: dict[str, str] = {}
    for name, data in forms.files.items():
        storage.write_bytes(f"models/{card.version}/openvino/{name}", data)
        files[f"openvino/{name}"] = hashlib.sha256(data).hexdigest()
    weights_sha256 = load_card(storage, card.version).weights_sha256  # the bundle's, whatever card is at hand
    exported = Exported(weights_sha256=weights_sha256, files=files, refused=forms.refused)
    storage.write_bytes(_place(card), exported.model_dump_json(indent=1).encode())
    return exported


def is_exported(storage: Storage, card: Card) -> bool:
    """Whether a model was exported: not where it was published by a machine without OpenVINO."""
    return storage.exists(_place(card))


def load_exported(storage: Storage, card: Card) -> Exported:
    """What was exported of a model; nothing, for a model that was never exported.

    :raises ModelError: if the record is damaged, or about other weights
    """
    try:
        exported = Exported.model_validate_json(storage.read_bytes(_place(card)))
    except FileNotFoundError:
        return Exported(weights_sha256=card.weights_sha256, files={}, refused={})
    except ValidationError as error:
        place = storage.locate(_place(card))
        raise ModelError(f"model {card.version}: {place} is damaged ({error.error_count()} faults)") from None
    if exported.weights_sha256 != card.weights_sha256:
        raise ModelError(f"model {card.version}: {storage.locate(_place(card))} is about other weights")
    return exported


def load_model(storage: Storage, card: Card, backend: Backend) -> "ov.Model":
    """The form that one of OpenVINO's backends computes: uint8 (any, S, S, 3) -> logits float32 (any, C).

    :raises ModelError: if there is none, a file is missing, changed or no model, or does not fit the card
    """
    from nightsort.scoring.backends.runtime import core

    form = _FORMS[backend]
    exported = load_exported(storage, card)
    names = [f"openvino/{form}.{end}" for end in ("xml", "bin")]
    if any(name not in exported.files for name in names):
        reason = exported.refused.get(form, "nobody asked for it when it was trained")
        raise ModelError(f"model {card.version}: was not exported for {backend} ({reason}); choose another backend")
    xml, weights = (_read(storage, card, name, exported.files[name]) for name in names)
    try:
        model = core().read_model(model=xml, weights=weights)
    except RuntimeError as error:
        place = storage.locate(f"models/{card.version}/{names[0]}")
        cause = " ".join(str(error).split())[-200:]
        raise ModelError(f"model {card.version}: {place} is no model that OpenVINO reads ({cause})") from None
    _check_shapes(storage, card, names[0], model)
    return model


def _read(storage: Storage, card: Card, name: str, sha256: str) -> bytes:
    name = f"models/{card.version}/{name}"
    try:
        data = storage.read_bytes(name)
    except FileNotFoundError:
        raise ModelError(f"model {card.version}: {storage.locate(name)} is missing") from None
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise ModelError(
            f"model {card.version}: {storage.locate(name)} was changed: SHA-256 {found[:12]}, expected {sha256[:12]}"
        )
    return data


def _check_shapes(storage: Storage, card: Card, name: str, model: "ov.Model") -> None:
    side = card.image_size
    expected = ([side, side, 3], [len(card.classes)])
    shapes = (model.input(0).partial_shape, model.output(0).partial_shape)
    found = tuple([axis.get_length() if axis.is_static else -1 for axis in list(shape)[1:]] for shape in shapes)
    if found != expected:
        place = storage.locate(f"models/{card.version}/{name}")
        raise ModelError(
            f"model {card.version}: {place} takes pictures {found[0]} and answers {found[1]}, "
            f"and its card says {expected[0]} and {expected[1]}"
        )


def _place(card: Card) -> str:
    return f"models/{card.version}/openvino/export.json"
