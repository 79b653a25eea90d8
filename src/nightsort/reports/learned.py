"""Owns what the flows that train write into a report: a training, a comparison, a search.

Invariant: all of it is bounded, whatever was trained. Does not know how it will look.
"""

from typing import Literal

from pydantic import BaseModel

from nightsort.evaluation.scores import Decision, Robustness, Scores
from nightsort.learning.history import Epoch
from nightsort.reports.shown import ClassCount, Thumbnail

MAX_BACKENDS = 20
"""Backends listed in a report."""

MAX_MISTAKES = 24
"""Mistakes shown in a report."""

MAX_NOTES = 60
"""Notes shown of a comparison or a search."""

MAX_ROW_NOTES = 6
"""Notes on one strategy of a comparison."""

MAX_TRIALS = 50
"""Trials listed in a report."""

MAX_VALUES = 1000
"""Trials in the history of a search; of more, the last."""


class BackendRow(BaseModel):
    """One backend on the machine that trained; an absent one has no figures."""

    backend: str
    verdict: Literal["used", "accepted", "refused", "absent"]
    why: str
    rate: float | None = None  # pictures a second, all cores busy
    agreement: float | None = None  # share of validation pictures with the label of torch-fp32
    mean_drift: float | None = None  # of the calibrated probability
    worst_class: str | None = None  # that loses most recall
    worst_loss: float | None = None


class BackendTable(BaseModel):
    """What can compute the model's answers, measured when it was published."""

    machine: str  # in words
    pictures: int  # of the validation split that answers were compared on
    of: int  # pictures that the split holds
    min_agreement: float
    max_loss: float
    rows: list[BackendRow]


class Mistake(BaseModel):
    """One picture that a model took for something else, and what it looked at."""

    picture: Thumbnail  # label: what was said; runner_up: what is true; confidence: in what was said
    activation: str = ""  # class activation map over the picture, a JPEG as a data URI; empty where there is none


class TrainingPart(BaseModel):
    """What a training run adds to a report."""

    model_version: int
    model: str
    parameters: int
    dataset_version: int
    balance: str
    before: list[ClassCount]  # training split as it is
    after: list[ClassCount]  # as the balancing strategy makes one epoch look (effective counts)
    history: list[Epoch]
    best_epoch: int
    temperature: float
    scores: Scores
    decision: Decision
    backends: BackendTable | None = None
    robustness: Robustness | None = None
    mistakes: list[Mistake] = []  # at most MAX_MISTAKES, the surest first
    thresholds: dict[str, float] = {}  # class -> confidence below which it abstains, with a target precision
    notes: list[str] = []


class CompareRow(BaseModel):
    """One strategy of a comparison: means over its seeds; None where every training failed."""

    strategy: str
    seeds: int  # trainings that the means are of
    macro_f1: float | None = None
    balanced_accuracy: float | None = None
    accuracy: float | None = None
    shots: dict[str, float] = {}  # many, medium, few -> mean recall of its classes
    calibration_error: float | None = None
    validation_macro_f1: float | None = None
    deviations: dict[str, float] = {}  # a figure above -> its standard deviation over seeds, where there are several
    epochs: float | None = None  # until the best
    seconds: float | None = None
    notes: list[str] = []  # at most MAX_ROW_NOTES


class ComparePart(BaseModel):
    """What a comparison of strategies adds to a report; figures are on the test split."""

    dataset_version: int
    model: str
    training: list[ClassCount]  # pictures of the training split
    test: int  # pictures of the test split
    rows: list[CompareRow]  # the highest macro-F1 first
    resumed: int = 0  # trainings that an earlier run had done
    notes: list[str] = []


class TrialRow(BaseModel):
    """One trial of a search."""

    number: int
    state: Literal["complete", "pruned", "failed"]
    value: float | None  # macro-F1 on validation; of a pruned trial the best that it reached
    epochs: int
    seconds: float
    knobs: dict[str, str]  # in words
    why: str = ""  # it failed


class TunePart(BaseModel):
    """What a search adds to a report."""

    study: str
    dataset_version: int
    trials: int
    complete: int
    pruned: int
    failed: int
    resumed: int  # trials that earlier runs had done
    best: TrialRow | None
    rows: list[TrialRow]  # at most MAX_TRIALS, the best first
    importance: dict[str, float] = {}  # knob -> share of what explains the best values (PED-ANOVA)
    values: list[float | None] = []  # of the trials in their order, at most MAX_VALUES; None where it did not complete
    command: str = ""  # that trains with the best
    published: str = ""  # what came of the training with the best
    notes: list[str] = []
