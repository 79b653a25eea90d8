"""Owns the state of an unfinished training on disk, so that one that was killed goes on where it was.

Invariant: a checkpoint is one file, there whole or not at all, that holds its own checksum; nothing is
unpickled. Does not know what the state means.

    checkpoints/<key>/state.safetensors    tensors, and in its header the rest as JSON
"""

import hashlib
import json
import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from nightsort.config.run import RunParams
from nightsort.config.training import FitParams
from nightsort.learning.feeds.pictures import Feed
from nightsort.learning.pretrained import Initial
from nightsort.storage import Storage

ABANDONED = timedelta(days=30)
"""A training that nobody went on with for so long is not gone on with."""

NO_MATTER = {*RunParams.model_fields, "checkpoint_seconds", "tensorboard"}
"""Knobs that change nothing about the weights."""


@dataclass(frozen=True)
class State:
    """What a training needs to go on.

    :param tensors: by name, no two sharing memory
    :param rest: plain data for JSON
    """

    tensors: dict[str, Tensor]
    rest: dict[str, object]


@dataclass(frozen=True)
class Checkpoints:
    """Where one training keeps its state.

    :param key: of :meth:`key_of`: another recipe, other classes or other data are another training
    """

    storage: Storage
    key: str

    @staticmethod
    def key_of(params: FitParams, classes: list[str], train: Feed, validation: Feed, initial_sha256: str = "") -> str:
        """16 hex digits that differ wherever the same training would not come of it.

        :param initial_sha256: of the weights to start from, if any
        """
        recipe = params.model_dump(mode="json", include=set(FitParams.model_fields) - NO_MATTER)
        digest = hashlib.sha256(json.dumps([recipe, classes, initial_sha256], sort_keys=True).encode())
        for feed in (train, validation):
            digest.update("".join(feed.ids).encode())
            digest.update(feed.labels.tobytes())
        return digest.hexdigest()[:16]

    @classmethod
    def of(
        cls,
        storage: Storage,
        params: FitParams,
        classes: list[str],
        train: Feed,
        validation: Feed,
        initial: Initial | None,
    ) -> "Checkpoints":
        """Those of a training: the same one, started again, finds them."""
        return cls(storage, cls.key_of(params, classes, train, validation, initial.sha256 if initial else ""))

    @property
    def _name(self) -> str:
        return f"checkpoints/{self.key}/state.safetensors"

    def save(self, state: State) -> None:
        """Replace what was there; :class:`WriteError` if it cannot be written."""
        rest = json.dumps(state.rest)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
        metadata = {"rest": rest, "sha256": _checksum(tensors, rest)}
        self.storage.write_bytes(self._name, save_tensors(tensors, metadata))

    def load(self) -> tuple[State | None, list[str]]:
        """The state, or None if there is none or it is damaged; and what is to be noted."""
        try:
            return _parse(self.storage.read_bytes(self._name)), []
        except FileNotFoundError:
            return None, []
        except (SafetensorError, ValueError, KeyError, struct.error) as error:
            place = self.storage.locate(self._name)
            return None, [f"{place}: damaged ({str(error).partition(chr(10))[0]}); the training began anew"]

    def clear(self) -> None:
        """Remove what is there, the training being done, and what others left that nobody went on with."""
        self.storage.remove(f"checkpoints/{self.key}")
        for key in self.storage.names("checkpoints"):
            with suppress(FileNotFoundError):
                if datetime.now(UTC) - self.storage.modified(f"checkpoints/{key}/state.safetensors") > ABANDONED:
                    self.storage.remove(f"checkpoints/{key}")


def _parse(data: bytes) -> State:
    """Tensors and header of a safetensors file; raises unless the checksum holds."""
    tensors = load_tensors(data)
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]
    if _checksum(tensors, header["rest"]) != header["sha256"]:
        raise ValueError("its checksum does not match")
    # The optimizer counts on in its tensors: they must not be a view of what was read.
    return State({name: tensor.clone() for name, tensor in tensors.items()}, json.loads(header["rest"]))


def _checksum(tensors: dict[str, Tensor], rest: str) -> str:
    """Hex SHA-256 of everything that a state holds."""
    digest = hashlib.sha256(rest.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).numpy().tobytes())
    return digest.hexdigest()
