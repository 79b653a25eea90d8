"""Owns how trainings share a machine: how many at a time, with how many threads, on which device.

Invariant: together they have no more threads than there are cores, and a GPU of its own each, where there are any.
Does not know what is trained.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from distributed import get_worker

from nightsort.config.run import RunParams
from tasks.compute import Workers

P = TypeVar("P", bound=RunParams)


def placed(params: P) -> P:
    """Parameters with as many workers as trainings should run at a time, unless they say how many.

    One for each GPU; without any, one for two cores.
    """
    at_a_time = torch.cuda.device_count() or (os.cpu_count() or 1) // 2
    return params if params.workers else params.model_copy(update={"workers": max(1, at_a_time)})


def threads_of(workers: Workers) -> int:
    """Threads for one training; starts the workers, since an external scheduler knows how many it has."""
    workers.start()
    return max(1, (os.cpu_count() or 1) // workers.count)


@contextmanager
def lane(threads: int) -> Iterator[None]:
    """In a worker: so many threads for what is trained inside, and one of the GPUs, if there are several."""
    _choose_gpu()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _choose_gpu() -> None:
    """Let this process see one GPU, before it has looked at any; afterwards there is nothing to choose."""
    if torch.cuda.device_count() > 1 and not torch.cuda.is_initialized():
        name = get_worker().name  # 0, 1, 2, ... in a local cluster
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
        devices = visible.split(",")
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[name % len(devices) if isinstance(name, int) else 0]
