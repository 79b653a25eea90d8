"""Owns readying a published model for its machines: export it, hold the trial of its backends, record the choice.

Invariant: the record is replaced after a trial only, and keeps what other machines measured. Importing this
loads neither torch nor OpenVINO.
Does not know how a backend is opened, measured or chosen.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nightsort.config.training import JudgedParams
from nightsort.dataset.versions import Dataset
from nightsort.learning.card import Card, load_card
from nightsort.learning.feeds.pictures import Pictures
from nightsort.scoring.backends.exported import export, is_exported
from nightsort.scoring.trials import choice, sample, trial
from nightsort.scoring.trials.choice import Record
from nightsort.scoring.trials.machine import this_machine
from nightsort.scoring.trials.sample import Sample
from nightsort.scoring.trials.verdicts import REFERENCE, Tolerance
from nightsort.storage import Storage
from nightsort.words import Backend

if TYPE_CHECKING:
    from nightsort.learning.classifier import Classifier

_CALIBRATION = 300  # training pictures that int8 takes its ranges from: NNCF's own default

Watch = Callable[[Backend], None]


def publish(
    storage: Storage,
    version: int,
    network: "Classifier",
    train: Pictures,
    validation: Pictures,
    params: JudgedParams,
    on_backend: Watch = lambda backend: None,
) -> Record:
    """Export a model whose bundle is complete, measure its backends here, and record which is used.

    :param on_backend: called before each is measured
    """
    card = load_card(storage, version)
    drawn = sample.of_pictures(train, _CALIBRATION)
    _export(storage, card, network, drawn.images[drawn.rows], params.backends)
    return _try(storage, card, _new(card, params), sample.of_pictures(validation), on_backend)


def measure_again(root: str, version: int) -> tuple[Backend, str]:
    """Measure a model's backends on this machine, on the validation split that it was trained with; and record them.

    :returns: the backend to use, and why: the reference where they cannot be measured
    """
    storage = Storage(root)
    try:
        card = load_card(storage, version)
        with TemporaryDirectory(prefix="nightsort-") as scratch:
            pictures = partial(sample.of_split, Dataset(storage), card, folder=Path(scratch))
            record = choice.read(storage, card) or _new(card, JudgedParams())
            _export_late(storage, card, record.wanted, partial(pictures, "train", limit=_CALIBRATION))
            used = _try(storage, card, record, pictures("validation")).trials[this_machine().fingerprint].used
    except Exception as error:  # the reference answers then, as slowly as ever
        cause = str(error).partition("\n")[0] or type(error).__name__
        return REFERENCE, f"the backends could not be measured on this machine: {cause}"
    return used.backend, used.why


def _export_late(storage: Storage, card: Card, wanted: list[Backend], draw: Callable[[], Sample]) -> None:
    """Make what a model lacks that was published by a machine without OpenVINO, if this one has it."""
    from nightsort.learning.bundle import load

    if not is_exported(storage, card) and _has_openvino(wanted):
        drawn = draw()
        _export(storage, card, load(storage, card.version).network, drawn.images[drawn.rows], wanted)


def _has_openvino(wanted: list[Backend]) -> bool:
    """Whether there is something to export, and what exports it."""
    return bool(this_machine().openvino) and any(backend.startswith("openvino") for backend in wanted)


def _export(
    storage: Storage, card: Card, network: "Classifier", calibration: NDArray[np.uint8], wanted: list[Backend]
) -> None:
    if _has_openvino(wanted):
        export(storage, card, network, calibration, wanted)


def _new(card: Card, params: JudgedParams) -> Record:
    return Record(
        model_version=card.version,
        weights_sha256=card.weights_sha256,
        wanted=params.backends,
        tolerance=Tolerance(min_agreement=params.min_agreement, max_loss=params.max_backend_loss),
        trials={},
    )


def _try(
    storage: Storage, card: Card, record: Record, validation: Sample, on_backend: Watch = lambda backend: None
) -> Record:
    from nightsort.scoring.backends.opening import lacks, open_session

    opened = partial(open_session, storage, card, threads=this_machine().cores)
    held = trial.hold(card, validation, record.wanted, record.tolerance, lacks, opened, on_backend)
    newest = choice.read(storage, card) or record  # another machine may have measured meanwhile
    done = newest.model_copy(update={"trials": newest.trials | {held.machine.fingerprint: held}})
    choice.write(storage, done)
    return done
