"""Owns the question which GPUs this machine has, and how full they are.

Invariant: asking takes no memory of a GPU, and loads no torch; a machine without a driver has none.
Does not know what they are for.
"""

from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One GPU; memory in bytes."""

    index: int
    name: str
    used: int
    total: int
    driver: str


def seen() -> list[Gpu]:
    """The GPUs that NVIDIA's driver knows of."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_gpu(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:  # such as one that has just fallen off the bus
        return []
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _gpu(index: int) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    name = str(pynvml.nvmlDeviceGetName(handle))
    return Gpu(index, name, int(memory.used), int(memory.total), str(pynvml.nvmlSystemGetDriverVersion()))
