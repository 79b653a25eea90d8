"""Owns the error tree: everything Nightsort raises on purpose.

NightsortError
+-- UserError              the user can mend it; one line, exit code 2
|   +-- ConfigError        a setting or pipelines.yaml; lists every fault
|   +-- SourceError        the pictures to read
|   +-- StorageError       the storage root
|   +-- DatasetError       the labelled pictures cannot be learned from
|   +-- ModelError         a model, a bundle, or the lack of one
|       +-- StaleError     the champion moved after the decision that was to move it
+-- RunError               the run failed; one line, exit code 1
|   +-- UnbalancedError    discovered is not the sum of the outcomes
|   +-- CeilingError       too much was quarantined to go on
|   +-- ShardError         one named shard failed after its retries
|   +-- TrainingError      training diverged
|   +-- WriteError         the storage failed while it was written to
|   +-- LeaseLostError     another run took over; what this one had not committed yet is left to it
+-- BusyError              another run holds the lease; this one is skipped
+-- PictureError           one bad picture; becomes a quarantine row, never ends a run

Invariant: every class is built from positional arguments alone and survives pickle, because
Dask ships errors between processes. Knows nothing about who shows them.
"""


class NightsortError(Exception):
    """Base of all errors that Nightsort raises on purpose.

    :param message: the place, the value, and what is allowed or what to do
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @property
    def lines(self) -> list[str]:
        """One line per fault, ready to print."""
        return str(self).splitlines()


class UserError(NightsortError):
    """Something the user can mend: a path, a setting, a missing model."""


class ConfigError(UserError):
    """A setting is wrong. The message holds one line per fault."""


class SourceError(UserError):
    """The source of pictures is missing, empty or not readable."""


class StorageError(UserError):
    """The storage root cannot be used."""


class DatasetError(UserError):
    """The labelled pictures do not allow what was asked."""


class ModelError(UserError):
    """A model is missing, unknown, damaged or does not fit."""


class StaleError(ModelError):
    """The champion is not the one any more that a decision was made against."""


class RunError(NightsortError):
    """The run failed although it was asked for rightly."""


class UnbalancedError(RunError):
    """The run lost or doubled a picture: discovered is not the sum of the outcomes."""


class CeilingError(RunError):
    """More pictures were quarantined than the run allows."""


class ShardError(RunError):
    """A shard of the work failed after its retries; the message names it."""


class TrainingError(RunError):
    """Training diverged; the message names the epoch and the batch."""


class WriteError(RunError):
    """The storage could not take what was written: a full disk, a lost connection."""


class LeaseLostError(RunError):
    """The lease of this run expired, and another run took it over."""


class BusyError(NightsortError):
    """Another run holds the lease."""


class PictureError(NightsortError):
    """A picture that cannot be used.

    :param reason: one of :data:`nightsort.schema.REASONS`
    :param detail: what exactly was wrong, for a person
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["PictureError"], tuple[str, str]]:
        return type(self), (self.reason, self.detail)
