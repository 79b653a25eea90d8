"""Owns starting a training, in this process alone or with others that share every batch.

Invariant: this process leads, so callbacks are called here and checkpoints written here; when it is done,
or fails, no process of its own is left. Does not know what a training does.
"""

import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import multiprocessing as mp
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn

from nightsort.errors import ConfigError, NightsortError, TrainingError
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.history import Epoch
from nightsort.learning.training.loop import Loop, Task
from nightsort.learning.training.ranks import Ranks

_PATIENCE = timedelta(days=1)  # others wait while the first validates; one that dies is noticed at once
_ENDING = 10.0
"""Seconds for a process to say why it ended."""


def train_network(
    task: Task,
    checkpoints: Checkpoints | None,
    on_epoch: Callable[[Epoch], None],
    on_step: Callable[[int, int], None],
) -> tuple[list[Epoch], list[str]]:
    """Train in place; what :func:`nightsort.learning.fit.fit` says of its arguments holds.

    :returns: one record an epoch, and notes for the report
    """
    size = task.params.processes
    if size == 1:
        return _lead(task, Ranks(), checkpoints, on_epoch, on_step)
    with _company(task, checkpoints, size):
        return _lead(task, Ranks(0, size), checkpoints, on_epoch, on_step)


def _lead(
    task: Task,
    ranks: Ranks,
    checkpoints: Checkpoints | None,
    on_epoch: Callable[[Epoch], None],
    on_step: Callable[[int, int], None],
) -> tuple[list[Epoch], list[str]]:
    loop = Loop(task, ranks, checkpoints)
    history = loop.run(on_epoch, on_step)
    task.model.cpu()
    return history, loop.progress.notes


@contextmanager
def _company(task: Task, checkpoints: Checkpoints | None, size: int) -> Iterator[None]:
    """The other processes, ready to train; this one is the first among them."""
    if mp.current_process().daemon:
        raise ConfigError(
            f"processes: {size} cannot be started from inside a worker process; set processes=1 here, or train where "
            "no worker stands between"
        )
    if dist.is_initialized():
        raise ConfigError(f"processes: {size} cannot be started while this process takes part in another training")
    others_task = replace(task, model=deepcopy(task.model), validation=task.validation.take(np.arange(0)))
    threads = torch.get_num_threads()
    with TemporaryDirectory(prefix="nightsort-ranks-") as folder:
        arguments = (folder, size, others_task, checkpoints)
        others = spawn(_follow, arguments, nprocs=size - 1, join=False)  # type: ignore[no-untyped-call]
        try:
            _meet(folder, 0, size)
            yield
            others.join()
        except NightsortError:
            raise
        except (RuntimeError, ProcessRaisedException, ProcessExitedException) as error:
            raise TrainingError(f"a process of this training ended: {_cause(others, error)}") from error
        finally:
            torch.set_num_threads(threads)
            if dist.is_initialized():
                dist.destroy_process_group()
            for process in others.processes:
                process.kill()


def _follow(index: int, folder: str, size: int, task: Task, checkpoints: Checkpoints | None) -> None:
    """What each of the other processes does."""
    _meet(folder, index + 1, size)
    # The tensors came in memory that all processes share.
    own = replace(task, model=deepcopy(task.model))
    Loop(own, Ranks(index + 1, size), checkpoints).run(lambda epoch: None, lambda done, total: None)
    dist.destroy_process_group()


def _meet(folder: str, rank: int, size: int) -> None:
    """Join the others, and share the cores with them."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // size))
    if torch.cuda.is_available():
        torch.cuda.set_device(rank)
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    meeting = Path(folder, "meeting").as_uri()
    dist.init_process_group(backend, init_method=meeting, rank=rank, world_size=size, timeout=_PATIENCE)


def _cause(others: Any, error: BaseException) -> str:
    """Why a process ended, in one line; what was noticed here where none says it."""
    try:
        others.join(timeout=_ENDING)
    except Exception as its_own:
        error = its_own
    return next((line for line in reversed(str(error).strip().splitlines()) if line), type(error).__name__)


def _reopen(path: str, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.memmap(path, dtype, mode="r", offset=offset, shape=shape)


def _by_name(images: "np.memmap[Any, Any]") -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """How a memory map goes to another process: as the place in its file, where that can be told."""
    whole = images
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    if images.filename is None or not images.flags.c_contiguous:
        return pickle.loads, (pickle.dumps(np.asarray(images)),)
    start = images.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return _reopen, (str(images.filename), images.dtype, whole.offset + start, images.shape)


ForkingPickler.register(np.memmap, _by_name)
