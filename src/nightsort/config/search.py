"""Owns the knobs of the flows that train many times, or combine what was trained: compare, tune, ensemble.

Invariant: every training among them takes the same knobs as `train`. Does not know where a value came from.
"""

from pydantic import Field, field_validator

from nightsort.config.training import FitParams, JudgedParams, TrainParams
from nightsort.words import Balance, Combine, Tunable

_STRATEGIES: list[Balance] = ["none", "class_weights", "oversampling", "balanced_softmax", "logit_adjustment"]
_SEARCHED: list[Tunable] = ["learning_rate", "weight_decay", "balance", "mixup", "augment"]


class CompareParams(FitParams):
    """Parameters of the flow `compare`: one recipe, several strategies of balancing, side by side."""

    dataset_version: int | None = Field(
        None, ge=0, description="Dataset version to learn from; empty means the newest."
    )
    strategies: list[Balance] = Field(
        default_factory=lambda: list(_STRATEGIES),
        min_length=1,
        description="Strategies of balancing to compare; balance itself is not used.",
    )
    seeds: int = Field(1, ge=1, le=20, description="Trainings of each strategy, with seeds that follow one another.")

    @field_validator("strategies", mode="before")
    @classmethod
    def _commas(cls, value: object) -> object:
        return _split(value)


class TuneParams(TrainParams):
    """Parameters of the flow `tune`: a search for the knobs that serve a dataset best, then a training with them."""

    study: str = Field("default", pattern=r"^[A-Za-z0-9_-]{1,60}$", description="Name of the search; the same goes on.")
    trials: int = Field(
        20, ge=1, le=10_000, description="Trainings in all, those of earlier runs of this study included."
    )
    search: list[Tunable] = Field(
        default_factory=lambda: list(_SEARCHED),
        min_length=1,
        description="Knobs that are searched; all others stay as given.",
    )
    publish: bool = Field(True, description="Train with the best at the end, and let the gate decide.")

    @field_validator("search", mode="before")
    @classmethod
    def _commas(cls, value: object) -> object:
        return _split(value)


class EnsembleParams(JudgedParams):
    """Parameters of the flow `ensemble`: published models in, one that combines them out."""

    models: list[int] = Field(min_length=2, description="Versions of the models to combine, of one image size.")
    combine: Combine = Field(
        "weighted",
        description="vote: one voice each; mean: of probabilities; weighted: by validation; soup: one network whose "
        "weights are the mean of those that help (greedy).",
    )

    @field_validator("models", mode="before")
    @classmethod
    def _commas(cls, value: object) -> object:
        return _split(value)


def _split(value: object) -> object:
    """A list given as "a,b,c", alone or among others, as its items."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        return value
    return [part.strip() if isinstance(part, str) else part for item in items for part in _parts(item)]


def _parts(item: object) -> list[object]:
    return list(item.split(",")) if isinstance(item, str) else [item]
