"""Owns which backends this machine can run, and opening one for a model.

Invariant: torch is loaded only for a backend that computes with it, and for asking it about a GPU that is there.
Does not know which backend is the fastest.
"""

from functools import partial
from importlib.util import find_spec

from nightsort.errors import ModelError
from nightsort.learning.card import Card
from nightsort.scoring.backends.exported import load_model
from nightsort.scoring.backends.session import FixedShape, Session, batch_on_cpu
from nightsort.scoring.trials.machine import this_machine
from nightsort.storage import Storage
from nightsort.words import Backend


def lacks(backend: Backend) -> str:
    """Why this machine cannot run a backend, or would gain nothing by it; empty if it can."""
    family = backend.partition("-")[0]
    library = "openvino" if family == "openvino" else "torch"
    if find_spec(library) is None:
        return f"{library} is not installed"
    if family == "cuda":
        return _lacks_gpu(backend)
    if family == "openvino":
        from nightsort.scoring.backends import openvino

        return openvino.lacks(backend)
    if backend == "torch-bf16" and not any("bf16" in flag for flag in this_machine().flags):
        return "the processor has no instructions for bf16"
    return ""


def _lacks_gpu(backend: Backend) -> str:
    if not this_machine().gpus:
        return "the machine has no NVIDIA GPU"
    from nightsort.scoring.backends import cuda

    return cuda.lacks(backend)


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
    family = backend.partition("-")[0]
    opened = {"openvino": _openvino, "torch": _cpu, "cuda": _cuda}[family]
    return opened(storage, card, backend, batch_size, threads)


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
