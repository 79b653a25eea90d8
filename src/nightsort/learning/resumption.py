"""Owns a training among several, in a process of its own, that goes on where it was stopped.

Invariant: the very same training, asked for again, finds the checkpoints of the one before.
Does not know which trainings there are, nor what becomes of the model.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nightsort.config.training import FitParams
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.feeds.shared import Shared
from nightsort.learning.fit import Fitted, fit
from nightsort.learning.history import Epoch
from nightsort.learning.pretrained import Initial, initial_weights


@dataclass(frozen=True)
class Training:
    """One training among several, about to run in this process.

    :param checkpoints: to clear once what is made of the model is kept
    """

    shared: Shared
    params: FitParams
    initial: Initial | None
    checkpoints: Checkpoints

    def run(self, on_epoch: Callable[[Epoch], None] = lambda epoch: None) -> Fitted:
        """Train, from where an earlier attempt at the very same training was stopped.

        :raises NightsortError: as :func:`nightsort.learning.fit.fit`
        """
        return fit(
            self.shared.train,
            self.shared.split("validation"),
            self.shared.classes,
            self.params,
            initial=self.initial,
            checkpoints=self.checkpoints,
            on_epoch=on_epoch,
        )


def prepare(shared: Shared, params: FitParams) -> Training:
    """A training with what it starts from; :class:`ModelError` if there are no such weights."""
    params, initial = initial_weights(shared.storage, params)
    validation = shared.split("validation")
    checkpoints = Checkpoints.of(shared.storage, params, shared.classes, shared.train, validation, initial)
    return Training(shared, params, initial, checkpoints)
