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

MAX_TRIALS = 50
"""Trials listed in a report."""


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
    """One strategy of a comparison: means over its seeds, and standard deviations where there are several."""

    strategy: str
    seeds: int
    macro_f1: float
    macro_f1_deviation: float | None = None
    accuracy: float
    balanced_accuracy: float
    shots: dict[str, float] = {}  # many, medium, few -> mean recall of its classes
    calibration_error: float
    epochs: float  # until the best
    seconds: float
    notes: list[str] = []


class ComparePart(BaseModel):
    """What a comparison of strategies adds to a report; figures are on the test split."""

    dataset_version: int
    model: str
    training: list[ClassCount]  # pictures of the training split
    test: int  # pictures of the test split
    rows: list[CompareRow]  # the highest macro-F1 first
    resumed: int = 0  # trainings that an earlier run had done


class TrialRow(BaseModel):
    """One trial of a search."""

    number: int
    state: Literal["complete", "pruned", "failed"]
    value: float | None  # macro-F1 on validation
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
    importance: dict[str, float] = {}  # knob -> share of the variance that it explains (fANOVA)
    progress: list[float] = []  # best value after each finished trial
    command: str = ""  # that trains with the best
