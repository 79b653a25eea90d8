"""Owns the training loop: epochs of steps, the schedule, early stopping and the best weights.

Invariant: after `run` the model holds the weights of the epoch with the highest :func:`merit`.
Does not know how the rows of an epoch were chosen; the plan says.
"""

import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torchvision.transforms import v2

from nightsort.balance.plan import Plan
from nightsort.config.training import TrainParams
from nightsort.errors import TrainingError
from nightsort.learning import predict
from nightsort.learning.augment import Augmentation
from nightsort.learning.history import Epoch
from nightsort.learning.losses import loss_for
from nightsort.learning.pictures import Pictures
from nightsort.learning.validation import validate
from nightsort.learning.zoo import Classifier

MAX_GRADIENT_NORM = 1.0


class Loop:
    """One training of one network: AdamW (Loshchilov and Hutter 2019) on a one-cycle schedule (Smith 2018).

    :param model: trained in place
    """

    def __init__(
        self, model: Classifier, train: Pictures, validation: Pictures, plan: Plan, params: TrainParams
    ) -> None:
        self.model, self.train, self.validation, self.plan, self.params = model, train, validation, plan, params
        # No batch of one picture: batch normalisation has nothing to normalise by.
        self.steps = min(math.ceil(len(train) / params.batch_size), len(train) // 2)
        self.rng = np.random.default_rng(params.seed)
        self.generator = torch.Generator().manual_seed(params.seed)
        self.augment = Augmentation(flip=params.flip)
        self.loss = loss_for(plan)
        self.optimizer = AdamW(_groups(model, params.weight_decay), lr=params.learning_rate)
        steps = max(5, self.steps * params.epochs)  # with 4, OneCycleLR divides by a warm-up of nothing
        self.schedule = OneCycleLR(self.optimizer, params.learning_rate, total_steps=steps, pct_start=0.25)

    def run(self, on_epoch: Callable[[Epoch], None], on_step: Callable[[int, int], None]) -> list[Epoch]:
        """Train until the epochs or the patience are used up, and put the best weights back."""
        history: list[Epoch] = []
        best, best_weights = 0, deepcopy(self.model.state_dict())
        for number in range(1, self.params.epochs + 1):
            history.append(self._epoch(number, on_step))
            if number == 1 or merit(history[-1]) > merit(history[best]):
                best, best_weights = number - 1, deepcopy(self.model.state_dict())
            on_epoch(history[-1])
            if number - 1 - best >= self.params.patience:
                break
        self.model.load_state_dict(best_weights)
        self.model.eval()
        return history

    def _epoch(self, number: int, on_step: Callable[[int, int], None]) -> Epoch:
        """One pass over the plan's rows, then the validation split."""
        started, seen, total = time.perf_counter(), 0, 0.0
        for step, rows in enumerate(self._batches(), 1):
            total += self._step(rows, f"epoch {number}, batch {step} of {self.steps}") * len(rows)
            seen += len(rows)
            on_step((number - 1) * self.steps + step, self.params.epochs * self.steps)
        figures = validate(self.model, self.validation)
        return Epoch(
            epoch=number,
            train_loss=total / seen,
            validation_loss=figures.loss,
            validation_accuracy=figures.accuracy,
            validation_macro_f1=figures.macro_f1,
            learning_rate=self.schedule.get_last_lr()[0],
            seconds=time.perf_counter() - started,
        )

    def _batches(self) -> Iterator[NDArray[np.int64]]:
        """Rows of one epoch in batches whose sizes differ by one at most."""
        yield from np.array_split(self.plan.epoch(self.rng), self.steps)

    def _step(self, rows: NDArray[np.int64], place: str) -> float:
        """One step of the optimizer; the mean loss of its pictures."""
        self.model.train()
        images, targets = self._mix(self.augment(predict.batch(self.train.images[rows]), self.generator), rows)
        loss = self.loss(self.model(images), targets)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(f"{place}: the loss is {value}; lower learning_rate={self.params.learning_rate:g}")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM)
        self.optimizer.step()
        self.schedule.step()
        return value

    def _mix(self, images: Tensor, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Mixup (Zhang et al. 2018) of pictures and labels: float32 (B, 3, S, S) and (B, C)."""
        labels, classes = torch.from_numpy(self.train.labels[rows]), len(self.plan.before)
        if not self.params.mixup:
            return images, F.one_hot(labels, classes).float()
        mixed: tuple[Tensor, Tensor] = v2.MixUp(alpha=self.params.mixup, num_classes=classes)(images, labels)
        return mixed


def merit(epoch: Epoch) -> tuple[float, float]:
    """What makes one epoch better than another: macro-F1 on validation, and at equal macro-F1 the lower loss.

    A small validation split is soon all right; the loss still tells the later, surer epochs from the first.
    """
    return epoch.validation_macro_f1, -epoch.validation_loss


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay for weights, none for biases and the scales of normalisation layers."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
