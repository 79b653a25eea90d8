"""Owns the record of a comparison's trainings: one strategy with one seed each, kept when it is done.

Invariant: a record is there whole or not at all. Does not know how a training is run, nor how figures are summed up.

    comparisons/<key>/<strategy>-<seed>.json
"""

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from nightsort.storage import Storage


class Outcome(BaseModel):
    """One training. Figures are on the test split unless they say otherwise."""

    strategy: str
    seed: int
    macro_f1: float
    validation_macro_f1: float
    accuracy: float
    balanced_accuracy: float
    shots: dict[str, float]  # many, medium, few -> mean recall of its classes
    calibration_error: float
    best_epoch: int
    seconds: float
    notes: list[str] = []


@dataclass(frozen=True)
class Failure:
    """A training that came to nothing, and why."""

    strategy: str
    seed: int
    why: str


@dataclass(frozen=True)
class Comparison:
    """The finished trainings of one recipe on one dataset version."""

    storage: Storage
    key: str

    def kept(self, strategy: str, seed: int) -> Outcome | None:
        """A training that is done; None if it is not, or if its file is damaged."""
        try:
            return Outcome.model_validate_json(self.storage.read_bytes(self._name(strategy, seed)))
        except (FileNotFoundError, ValidationError):
            return None

    def keep(self, outcome: Outcome) -> None:
        """Write a training down; :class:`WriteError` if that fails."""
        data = outcome.model_dump_json(indent=1).encode()
        self.storage.write_bytes(self._name(outcome.strategy, outcome.seed), data)

    def _name(self, strategy: str, seed: int) -> str:
        return f"comparisons/{self.key}/{strategy}-{seed}.json"
