"""Owns one step of the optimizer: a batch of stored pictures in, changed weights with a loss out.

Invariant: everything random in a part of a batch comes from a seed of its place alone; a batch that does
not fit into memory is divided further, and its gradient stays the mean over its pictures.
Does not know epochs.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from nightsort.config.training import FitParams
from nightsort.errors import TrainingError
from nightsort.learning import predict
from nightsort.learning.adversarial import fgsm
from nightsort.learning.augmentation.mixing import mix
from nightsort.learning.augmentation.policies import augmentation
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Images, Rows
from nightsort.learning.losses import Loss
from nightsort.learning.training.hardware import Hardware
from nightsort.learning.training.ranks import Ranks


class Step:
    """How a batch changes a network.

    :param spread: over classes, float32 (C,): what label smoothing gives its share of a target to
    :param parts: into which a batch is divided; grows when memory does not suffice
    :param note: called with what a report should say
    """

    def __init__(
        self,
        model: Classifier,
        optimizer: Optimizer,
        params: FitParams,
        spread: Tensor,
        hardware: Hardware,
        ranks: Ranks,
        parts: int,
        note: Callable[[str], None],
    ) -> None:
        self.model, self.optimizer, self.params = model, optimizer, params
        self.spread = spread.to(hardware.device)
        self.hardware, self.ranks, self.parts, self.note = hardware, ranks, parts, note
        self.augment = augmentation(params)

    def __call__(self, network: nn.Module, images: Images, labels: Rows, loss: Loss, place: tuple[int, int]) -> Tensor:
        """Change the weights once; the mean loss of the pictures, still on the device.

        :param network: of the same weights as the model, perhaps compiled or shared among processes
        :param images: uint8 (B, S, S, 3)
        :param place: epoch and step
        :raises TrainingError: memory does not hold one picture
        """
        while (value := self._gradient(network, images, labels, loss, place)) is None:
            self._divide(len(labels))
        nn.utils.clip_grad_norm_(self.model.parameters(), self.params.max_gradient_norm)
        self.optimizer.step()
        return value

    def _gradient(
        self, network: nn.Module, images: Images, labels: Rows, loss: Loss, place: tuple[int, int]
    ) -> Tensor | None:
        """The mean loss, its gradient left in the weights; None if memory does not suffice."""
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.hardware.device)
        slices = [part for part in np.array_split(np.arange(len(labels)), self.parts) if len(part)]
        try:
            for number, part in enumerate(slices):
                seed = seed_of(self.params.seed, *place, self.ranks.rank * self.parts + number)
                with self._apart(network, number + 1 < len(slices)):
                    value = self._loss(network, images[part], labels[part], loss, seed) * (len(part) / len(labels))
                    value.backward()  # type: ignore[no-untyped-call]
                total += value.detach()
        except (RuntimeError, MemoryError) as error:
            if not predict.is_lack_of_memory(error):
                raise
            return None
        return total

    def _loss(self, network: nn.Module, images: Images, labels: Rows, loss: Loss, seed: int) -> Tensor:
        """Mean loss of some pictures, varied as the knobs say."""
        device, generator = self.hardware.device, torch.Generator().manual_seed(seed)
        pixels = self.augment(predict.batch(images).to(device), generator)
        inputs, targets = mix(pixels, torch.from_numpy(labels).to(device), len(self.spread), self.params, generator)
        smoothing = self.params.label_smoothing
        targets = targets * (1 - smoothing) + smoothing * self.spread
        torch.manual_seed(seed)  # dropout, stochastic depth
        with self.hardware.autocast():
            if self.params.adversarial:
                inputs = fgsm(self.model, inputs, targets, loss, self.params.adversarial)
            logits = network(inputs.contiguous(memory_format=torch.channels_last))
        return loss(logits.float(), targets)

    def _apart(self, network: nn.Module, more: bool) -> AbstractContextManager[None]:
        """Put off the exchange of gradients to the last part of a batch."""
        return network.no_sync() if more and isinstance(network, DistributedDataParallel) else nullcontext()

    def _divide(self, pictures: int) -> None:
        """Divide batches into twice as many parts from now on."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.ranks.size > 1:
            raise TrainingError(
                f"out of memory with {pictures} pictures a process in parts of {math.ceil(pictures / self.parts)}; "
                f"raise accumulate={self.params.accumulate}"
            )
        if self.parts >= pictures:
            raise TrainingError(
                f"out of memory with one picture of {self.params.image_size} px at a time; choose a smaller model than "
                f"{self.params.model}, or a smaller image_size"
            )
        if self.hardware.is_gpu:
            torch.cuda.empty_cache()
        self.parts = min(2 * self.parts, pictures)
        self.note(f"out of memory: each batch of {pictures} pictures was computed in {self.parts} parts")


def seed_of(*place: int) -> int:
    """A seed for a place in a training, unlike those of all others."""
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> np.uint64(1))
