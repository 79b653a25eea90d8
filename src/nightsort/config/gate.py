"""Owns the knobs of the gate: what a challenger must show, and what it must not lose.

Invariant: with its defaults a model that is worse in any of these respects is refused. Does not know where a value
came from.
"""

from pydantic import Field

from nightsort.config.run import RunParams


class GateParams(RunParams):
    """What every flow takes that may move the champion."""

    margin: float = Field(
        0.0, ge=0, le=1, description="The gate wants a macro-F1 better by more than this, shown by a paired bootstrap."
    )
    max_class_loss: float = Field(
        0.05, ge=0, le=1, description="The gate refuses a model that loses more than this much recall in any class."
    )
    max_calibration_loss: float = Field(
        0.05, ge=0, le=1, description="The gate refuses a model whose calibration error is larger by more than this."
    )
    max_slowdown: float = Field(
        10.0, gt=0, description="The gate refuses a model that takes more than this many times the champion's time."
    )
    max_megabytes: float = Field(
        2000.0, gt=0, description="The gate refuses a model whose weights take more than this."
    )
    max_suspect_labels: float = Field(
        0.05,
        ge=0,
        le=1,
        description="The gate refuses a model trained on arrivals of which more than this share contradict the "
        "champion where it is sure; 1 trusts every label.",
    )
    forget: bool = Field(
        False, description="Let the gate promote a model that lacks a class of the champion, gone from the data."
    )


class PromoteParams(GateParams):
    """Parameters of the flow `promote`: a published model before the gate once more, or past it by force."""

    model: int | None = Field(None, ge=1, description="Version to make champion; empty means the newest.")
    rollback: bool = Field(False, description="Back to the champion before this one, without a judgement.")
    force: bool = Field(False, description="Past the gate; says who and why in the registry.")
    who: str = Field("", max_length=200, description="Who decides; empty means the user of this process.")
    why: str = Field("", max_length=2000, description="Why; needed with force and with rollback.")
