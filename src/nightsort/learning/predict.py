"""Owns the forward pass over many pictures: embeddings, logits, calibrated probabilities.

Invariant: rows come out in the order they went in, on the processor, and the network's weights do not change.
Does not know labels.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nightsort.learning.classifier import Classifier

BATCH = 256
"""Pictures at a time, where nobody says another number."""


def batch(images: NDArray[np.uint8]) -> Tensor:
    """Stored pictures as the network takes them: uint8 (B, S, S, 3) -> uint8 (B, 3, S, S), channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)


def embeddings(model: Classifier, images: NDArray[np.uint8]) -> Tensor:
    """What the head sees of each picture, float32 (N, D).

    :param images: as :func:`logits` takes them
    """
    return _forward(model, model.embed, images, BATCH)


def logits(model: Classifier, images: NDArray[np.uint8], batch_size: int = BATCH) -> Tensor:
    """Uncalibrated scores, float32 (N, C).

    :param images: RGB, uint8 (N, S, S, 3), N at least 1; may be a memory map
    :param batch_size: at a time; fewer where memory does not suffice
    """
    return _forward(model, model, images, batch_size)


def probabilities(
    model: Classifier, images: NDArray[np.uint8], temperature: float, batch_size: int = BATCH
) -> NDArray[np.float32]:
    """Calibrated probabilities, float32 (N, C), rows summing to 1.

    :param images: as :func:`logits` takes them
    :param temperature: the logits are divided by it (Guo et al. 2017)
    """
    scaled: NDArray[np.float32] = torch.softmax(logits(model, images, batch_size) / temperature, 1).numpy()
    return scaled


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether the GPU, or the processor's allocator, surely had not as much memory as was asked for."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _forward(
    model: Classifier, function: Callable[[Tensor], Tensor], images: NDArray[np.uint8], batch_size: int
) -> Tensor:
    """Apply a part of the network batch by batch, in evaluation mode, on the device it is on."""
    model.eval()
    try:
        with torch.inference_mode():
            parts = [
                function(batch(images[i : i + batch_size]).to(model.mean.device)).cpu()
                for i in range(0, len(images), batch_size)
            ]
        return torch.cat(parts).clone()
    except (RuntimeError, MemoryError) as error:
        if batch_size == 1 or not is_lack_of_memory(error):
            raise
    return _forward(model, function, images, batch_size // 2)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode meanwhile, so that running statistics stay; then each part's mode is put back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
