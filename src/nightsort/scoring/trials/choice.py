"""Owns backends.json: on which machine which backend answers for a model, and why.

Invariant: it is no part of the bundle's marker: a bundle without it is whole, and is measured before it is
used. It holds for the weights that it names and no others.
Does not load torch or OpenVINO, and does not measure.
"""

from datetime import datetime
from typing import get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from nightsort.errors import ModelError
from nightsort.learning.card import Card
from nightsort.scoring.trials.machine import NO_OPENVINO, Machine, this_machine
from nightsort.scoring.trials.verdicts import Measured, Tolerance
from nightsort.storage import Storage
from nightsort.words import Backend


class Trial(BaseModel):
    """What one machine made of the backends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    machine: Machine
    measured_at: datetime
    pictures: int  # of the validation split that the answers were compared on
    of: int  # pictures that the split holds
    table: list[Measured]

    @field_validator("table")
    @classmethod
    def _one_is_used(cls, table: list[Measured]) -> list[Measured]:
        if sum(item.verdict == "used" for item in table) != 1:
            raise ValueError("must have exactly one backend that is used")
        return table

    @property
    def used(self) -> Measured:
        """The one that was chosen."""
        return next(item for item in self.table if item.verdict == "used")


class Record(BaseModel):
    """The content of backends.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_version: int
    weights_sha256: str  # of the weights that all of this is about
    wanted: list[Backend]
    tolerance: Tolerance
    trials: dict[str, Trial]  # by the fingerprint of the machine

    def here(self) -> Trial | None:
        """What this machine made of them; None if it differs from every one that measured."""
        return self.trials.get(this_machine().fingerprint)


def read(storage: Storage, card: Card) -> Record | None:
    """The record of a model; None if there is none yet.

    :raises ModelError: if it is damaged, or about other weights
    """
    name = _name(card.version)
    remedy = "delete it, and the backends are measured again"
    try:
        record = Record.model_validate_json(storage.read_bytes(name))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ModelError(
            f"model {card.version}: {storage.locate(name)} is damaged ({error.error_count()} faults); {remedy}"
        ) from None
    if record.weights_sha256 != card.weights_sha256:
        raise ModelError(f"model {card.version}: {storage.locate(name)} is about other weights; {remedy}")
    return record


def rate_of(storage: Storage, card: Card) -> tuple[float | None, str]:
    """Pictures a second of what answers for a model on this machine, None where it was not measured; and its name.

    :raises ModelError: as :func:`read`
    """
    record = read(storage, card)
    trial = record.here() if record else None
    return (trial.used.rate, trial.used.backend) if trial else (None, "")


def write(storage: Storage, record: Record) -> None:
    """Replace the record of a model."""
    storage.write_bytes(_name(record.model_version), record.model_dump_json(indent=1).encode())


def _name(version: int) -> str:
    return f"models/{version}/backends.json"


def backend_for(storage: Storage, card: Card, wanted: Backend | None = None) -> tuple[Backend | None, str]:
    """The backend to classify with on this machine, and why.

    None asks for :func:`nightsort.scoring.trials.publication.measure_again`: this machine has not measured this model.

    :param wanted: the user's choice, which is held against no tolerance
    :raises ModelError: if this machine or this bundle does not have the one that is wanted
    """
    record = read(storage, card)
    if wanted is not None:
        return wanted, _asked_for(wanted, storage, card, record)
    if record is None:
        return None, "unmeasured: the model has no backends.json"
    trial = record.here()
    if trial is None:
        return None, f"unmeasured: other machines measured this model, and this one is {this_machine().line}"
    return trial.used.backend, trial.used.why


def _asked_for(wanted: Backend, storage: Storage, card: Card, record: Record | None) -> str:
    """Why a backend is used that somebody named; :class:`ModelError` if it cannot be."""
    trial = record.here() if record else None
    measured = {item.backend: item for item in trial.table} if trial else {}
    missing = {backend: _missing(backend, measured.get(backend), storage, card) for backend in get_args(Backend)}
    if missing[wanted]:
        raise ModelError(
            f"model {card.version}: has no backend {wanted} on this machine ({missing[wanted]}); "
            f"it has {', '.join(backend for backend, reason in missing.items() if not reason)}"
        )
    item = measured.get(wanted)
    doubt = "; it is not measured here" if item is None else f" although it is refused: {item.why}"
    return "asked for" + (doubt if item is None or item.verdict == "refused" else "")


def _missing(backend: Backend, measured: Measured | None, storage: Storage, card: Card) -> str:
    """Why a backend cannot be used here; empty if it can, as far as one sees without loading the model."""
    if measured and measured.verdict == "absent":
        return measured.why
    machine = this_machine()
    family, _, kind = backend.partition("-")
    if family == "cuda" and not machine.gpus:
        return "the machine has no NVIDIA GPU"
    if family == "openvino" and not machine.openvino:
        return NO_OPENVINO
    form = "int8" if kind == "int8" else "fp32"  # bf16 is fp32, computed otherwise
    if family == "openvino" and not storage.exists(f"models/{card.version}/openvino/{form}.xml"):
        return "it was not exported when the model was trained"
    return ""
