"""Owns the words of a judgement: figures per class, figures of a model, the gate's decision.

Invariant: plain data, without a metric library, so a report can be read without loading one.
Does not know how a figure is computed.
"""

from pydantic import BaseModel, Field


class ClassScore(BaseModel):
    """Per-class figures on the test split; None where the class has no test picture."""

    label: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None


class Scores(BaseModel):
    """Figures on the frozen test split, at its natural prior; means are over the classes it holds.

    confusion: rows are true classes, columns predicted ones, in the order of `classes`.
    calibration_error: expected calibration error, 15 bins (Guo et al. 2017).
    """

    pictures: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    calibration_error: float
    classes: list[ClassScore]
    confusion: list[list[int]]


class Decision(BaseModel):
    """What the gate said, and why."""

    promoted: bool
    reason: str
    champion_version: int | None = None
    champion_macro_f1: float | None = None
    challenger_macro_f1: float
    difference_low: float | None = Field(None, description="5 % quantile of the paired bootstrap difference")
    difference_high: float | None = Field(None, description="95 % quantile of the paired bootstrap difference")
