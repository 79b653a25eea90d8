"""Owns which backends this machine can run, and opening one for a model.

Invariant: torch is loaded only for a backend that computes with it, and for asking it about a GPU that is there.
Does not know which backend is the fastest.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from nightsort.errors import ModelError
from nightsort.learning.card import Card
from nightsort.scoring.backends.exported import load_model
from nightsort.scoring.backends.session import FixedShape, Session, batch_on_cpu
from nightsort.scoring.trials.machine import NO_OPENVINO, this_machine
from nightsort.storage import Storage
from nightsort.words import Backend


def lacks(backend: Backend) -> str:
    """Why this machine cannot run a backend, or would gain nothing by it; empty if it can."""
    return _family(backend).lacks(backend)


def open_session(
    storage: Storage, card: Card, backend: Backend, batch_size: int | None = None, threads: int = 1
) -> Session:
    """Load a model, ready to compute.

    :param batch_size: None is what suits the backend
    :param threads: that will use the session at once; on the CPU each has a core
    :raises ModelError: if the machine cannot run the backend, or the files of the model are missing or damaged
    """
    if reason := lacks(backend):
        raise ModelError(f"model {card.version}: cannot be computed by {backend} here: {reason}")
    return _family(backend).opened(storage, card, backend, batch_size, threads)


def _lacks_instructions(backend: Backend) -> str:
    if backend == "torch-bf16" and not any("bf16" in flag for flag in this_machine().flags):
        return "the processor has no instructions for bf16"
    return ""


def _lacks_openvino(backend: Backend) -> str:
    if not this_machine().openvino:
        return NO_OPENVINO
    from nightsort.scoring.backends import openvino

    return openvino.lacks(backend)


def _lacks_gpu(backend: Backend) -> str:
    if not this_machine().gpus:
        return "the machine has no NVIDIA GPU"
    from nightsort.scoring.backends import cuda

    return cuda.lacks(backend)


def _openvino(storage: Storage, card: Card, backend: Backend, batch_size: int | None, threads: int) -> Session:
    from nightsort.scoring.backends import openvino

    fast = "f32" if openvino.lacks("openvino-bf16") else "bf16"
    precision = "f32" if backend == "openvino-fp32" else fast

    def load(batch_size: int) -> openvino.Compiled:
        # Read again for another size, which is rare: kept, it would cost the memory of the weights.
        return openvino.Compiled(load_model(storage, card, backend), batch_size, precision, threads)

    return FixedShape(load, batch_size or batch_on_cpu(card.image_size))


def _cpu(storage: Storage, card: Card, backend: Backend, batch_size: int | None, threads: int) -> Session:
    from nightsort.learning.bundle import load
    from nightsort.scoring.backends import cpu

    network = cpu.OnCpu(load(storage, card.version).network, backend == "torch-bf16")
    return FixedShape(lambda _: network, batch_size or batch_on_cpu(card.image_size))


def _cuda(storage: Storage, card: Card, backend: Backend, batch_size: int | None, threads: int) -> Session:
    from nightsort.learning.bundle import load
    from nightsort.scoring.backends import cuda

    network = cuda.on_device(load(storage, card.version).network)
    side = card.image_size

    def load_lanes(batch_size: int) -> cuda.Lanes:
        lane = partial(cuda.OnGpu, network, (batch_size, side, side, 3), backend == "cuda-bf16")
        return cuda.Lanes(lane, min(threads, cuda.LANES))

    return FixedShape(load_lanes, batch_size or cuda.BATCH)


class _Family(NamedTuple):
    """Backends that one library computes, each in a precision of its own."""

    lacks: Callable[[Backend], str]
    opened: Callable[[Storage, Card, Backend, int | None, int], Session]


_FAMILIES = {
    "torch": _Family(_lacks_instructions, _cpu),
    "openvino": _Family(_lacks_openvino, _openvino),
    "cuda": _Family(_lacks_gpu, _cuda),
}
"""First part of a backend's name -> what is asked of it; see CONTRIBUTING.md, "Add a backend"."""


def _family(backend: Backend) -> _Family:
    return _FAMILIES[backend.partition("-")[0]]
