"""Owns the log for TensorBoard. Invariant: one point of each figure an epoch. Does not know how it is drawn."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nightsort.config.training import FitParams
from nightsort.errors import ConfigError
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.history import Epoch


@contextmanager
def logging_to(
    params: FitParams, checkpoints: Checkpoints | None, on_epoch: Callable[[Epoch], None]
) -> Iterator[Callable[[Epoch], None]]:
    """What to call after each epoch: `on_epoch`, and TensorBoard's log where it is asked for.

    The log lies in tensorboard/<key of the checkpoints>/ below the storage root.

    :raises ConfigError: TensorBoard is not installed, or there is no local folder for it
    """
    if not params.tensorboard:
        yield on_epoch
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError("tensorboard: needs an extra; pip install 'nightsort[tensorboard]'") from None
    if checkpoints is None or not checkpoints.storage.is_local:
        raise ConfigError("tensorboard: its log needs a storage root that is a folder of this machine")
    with SummaryWriter(checkpoints.storage.locate(f"tensorboard/{checkpoints.key}")) as writer:

        def log(epoch: Epoch) -> None:
            for name, value in epoch.model_dump(exclude={"epoch"}).items():
                writer.add_scalar(name, value, epoch.epoch)
            writer.flush()
            on_epoch(epoch)

        yield log
