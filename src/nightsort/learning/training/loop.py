"""Owns the training loop: epochs of steps, early stopping, checkpoints, the best weights.

Invariant: after `run` the model holds the weights of the epoch with the highest merit, and a run that was
killed and begun again ends with the same ones.
Does not know how the rows of an epoch were chosen; the plan says.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from nightsort.balance.plan import Plan, progress, second_phase
from nightsort.config.training import FitParams
from nightsort.errors import WriteError
from nightsort.learning.checkpoint import Checkpoints, State
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Feed, Pictures
from nightsort.learning.history import Epoch
from nightsort.learning.losses import loss_for, spread_of
from nightsort.learning.training.batching import Batching, automatic_size
from nightsort.learning.training.hardware import choose, compiled
from nightsort.learning.training.learned import Learned, average_of
from nightsort.learning.training.optimizing import Body, make_optimizer, rate_at, set_rate
from nightsort.learning.training.progress import Progress, Watch, require_finite
from nightsort.learning.training.ranks import Ranks
from nightsort.learning.training.step import Step, seed_of
from nightsort.learning.validation import validate

OVERHEAD = 0.1
"""Share of the time that checkpoints may take."""

LOOK_EVERY = 16
"""Steps of a GPU after which their losses are looked at."""


@dataclass(frozen=True)
class Task:
    """What one training is about: a network, what it learns from, and how; it can be sent to another process.

    :param model: changed in place
    :param train: what the plan's rows are of
    """

    model: Classifier
    train: Feed
    validation: Pictures
    plan: Plan
    params: FitParams


def first_that_counts(params: FitParams) -> int:
    """The first epoch whose weights may be kept: after the warm-up, and in the second phase of a deferred strategy."""
    return max(second_phase(params.balance, params.epochs), 1 + int(params.warmup * params.epochs))


class Loop:
    """One training of one network, in one of its processes."""

    def __init__(self, task: Task, ranks: Ranks, checkpoints: Checkpoints | None) -> None:
        params, plan = task.params, task.plan
        self.task, self.ranks, self.checkpoints, self.params = task, ranks, checkpoints, params
        self.hardware = choose(params.precision, ranks.rank, ranks.size)
        self.model = task.model.to(self.hardware.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = make_optimizer(self.model, params)
        average = average_of(self.model, params.ema) if params.ema else None
        self.learned = Learned(self.model, average, optimizer)
        self.body = Body(self.model)
        self.progress = Progress(parts=params.accumulate)
        self.begins = first_that_counts(params)
        size = params.batch_size or automatic_size(plan.length)
        self.batching = Batching(plan.length, size, ranks.size)
        self.labels, self.ids = task.train.labels, task.train.ids
        self._saved, self._cost = time.monotonic(), 0.0
        if params.batch_size is None:
            self._note(f"batch size {size}, chosen for {plan.length} pictures an epoch")

    def run(self, on_epoch: Callable[[Epoch], None], on_step: Callable[[int, int], None]) -> list[Epoch]:
        """Train until the epochs or the patience are used up, and put the best weights back."""
        self._restore()
        self.step = Step(self.model, self.learned.optimizer, self.params, spread_of(self.task.plan),
                         self.hardware, self.ranks, self.progress.parts, self._note)  # fmt: skip
        with torch.random.fork_rng(devices=self.hardware.generators):
            self._wrap(self.progress.epoch <= self.params.frozen_epochs)
            while not self.progress.is_over(self.params.epochs, self.params.patience, self.params.keep, self.begins):
                if self.body.is_frozen != (self.progress.epoch <= self.params.frozen_epochs):
                    self._wrap(not self.body.is_frozen)
                on_epoch(self._epoch(on_step))
        self.model.load_state_dict(self.learned.best)
        self.model.eval()
        return self.progress.history

    def _wrap(self, frozen: bool) -> None:
        """Choose what learns, and make of it what is called in a step: compiled, or with shared gradients."""
        self.body.freeze(frozen)
        network = compiled(self.model) if self.params.compile else self.model
        self.network = self.ranks.wrap(network, self.hardware.device)

    def _epoch(self, on_step: Callable[[int, int], None]) -> Epoch:
        """What is left of one pass over the plan's rows, then the validation split."""
        began = time.perf_counter() - self.progress.seconds
        self._steps(began, on_step)
        trained = time.perf_counter() - began
        epoch = self.ranks.told(self._figures(began, trained) if self.ranks.leads else None)
        assert epoch is not None  # the process that leads said it
        if self.progress.close(epoch, self.params.keep, self.begins):
            self.learned.keep()
        self._save(0.0)
        return epoch

    def _figures(self, began: float, trained: float) -> Epoch:
        """The record of an epoch whose steps are done."""
        figures = validate(self.learned.shown, self.task.validation)
        require_finite(figures.loss, f"epoch {self.progress.epoch}, validation", self.params.learning_rate)
        return Epoch(
            epoch=self.progress.epoch,
            train_loss=self.progress.loss / self.batching.steps,
            validation_loss=figures.loss,
            validation_accuracy=figures.accuracy,
            validation_macro_f1=figures.macro_f1,
            learning_rate=self.learned.optimizer.param_groups[0]["lr"],
            seconds=time.perf_counter() - began,
            rate=self.task.plan.length / trained,
        )

    def _steps(self, began: float, on_step: Callable[[int, int], None]) -> None:
        """The steps of an epoch that are not done yet."""
        params, done, steps = self.params, self.progress, self.batching.steps
        loss = loss_for(self.task.plan, progress(done.epoch, params.epochs))
        every = LOOK_EVERY if self.hardware.is_gpu else 1
        watch = Watch(done.epoch, steps, self.ranks, params.learning_rate, every, done.loss)
        rows = self.task.plan.rows(done.epoch, params.epochs, params.seed)
        share = self.batching.share_of(rows, self.ranks.rank)
        seed = seed_of(params.seed, done.epoch)
        self.body.train()
        for batch, images in self.task.train.batches(share, self.batching.share, seed, done.step):
            before = (done.epoch - 1) * steps + done.step
            set_rate(self.learned.optimizer, rate_at(before / (params.epochs * steps), params))
            value = self.step(self.network, images, self.labels[batch], loss, (done.epoch, done.step))
            if self.learned.average is not None:
                self.learned.average.update_parameters(self.model)
            done.step += 1
            if watch.add(done.step, [self.ids[row] for row in batch[:3]], value):
                done.loss, done.seconds, done.parts = watch.total, time.perf_counter() - began, self.step.parts
                self._save(params.checkpoint_seconds)
            on_step(before + 1, params.epochs * steps)

    def _restore(self) -> None:
        """Go on where an earlier process was, if one was."""
        if self.checkpoints is None:
            return
        state, notes = self.checkpoints.load()
        for note in notes:
            self._note(note)
        if state is None:
            return
        try:
            progress = Progress.model_validate(state.rest)
            self.learned.restore(state.tensors)
        except ValueError as error:
            self._note(f"checkpoint {self.checkpoints.key}: not used ({str(error).splitlines()[0]})")
            return
        self.progress = progress
        self._note(f"went on with a training that had come to epoch {progress.epoch}, step {progress.step}")

    def _save(self, seconds: float) -> None:
        """Write a checkpoint if the last is so old, and old enough for what it cost."""
        since = time.monotonic() - self._saved
        if self.checkpoints is None or not self.ranks.leads or since < max(seconds, self._cost / OVERHEAD):
            return
        began = time.monotonic()
        try:
            self.checkpoints.save(State(self.learned.capture(), self.progress.model_dump(mode="json")))
        except WriteError as error:
            self._note(f"no checkpoint: {error}")
        self._saved = time.monotonic()
        self._cost = self._saved - began

    def _note(self, note: str) -> None:
        if note not in self.progress.notes:
            self.progress.notes.append(note)
