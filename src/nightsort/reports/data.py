"""Owns the one data file of a report: what a run writes down, and all that any rendering may show.

Invariant: everything in the HTML and the Markdown comes from here, and everything here is bounded,
whatever the size of the run. Does not know how it will look.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from nightsort.evaluation.scores import Decision, Scores
from nightsort.learning.history import Epoch
from nightsort.tally import Tally

State = Literal["completed", "failed", "skipped"]


class Setaside(BaseModel):
    """One quarantined file."""

    path: str
    reason: str
    detail: str


class Thumbnail(BaseModel):
    """One picture to look at; `image` is a re-encoded JPEG as a data URI, empty if it could not be read."""

    path: str
    label: str
    confidence: float
    runner_up: str
    margin: float
    image: str


class ClassCount(BaseModel):
    """Pictures of one class; by split in an ingest report, else only `total`."""

    label: str
    total: int
    train: int = 0
    validation: int = 0
    test: int = 0


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
    notes: list[str] = []


class IntakePart(BaseModel):
    """What a run that reads pictures adds to a report."""

    source: str
    tally: Tally
    reasons: dict[str, int] = {}  # every reason for every outcome but done -> count
    quarantined: list[Setaside] = []  # at most MAX_ROWS of tally.quarantined


class IngestPart(BaseModel):
    """What an ingest adds to a report."""

    dataset_version: int
    classes: list[ClassCount]  # of the whole dataset at this version


class ClassifyPart(BaseModel):
    """What a classification adds to a report."""

    model_version: int
    predicted: list[ClassCount]
    training_share: dict[str, float]  # class -> share in the training split
    abstained: int
    abstain_below: float
    least_certain: list[Thumbnail]


class Report(BaseModel):
    """Everything one run has to say. Absent parts are None."""

    run_id: str
    flow: str
    state: State
    started: datetime
    finished: datetime
    storage: str
    parameters: dict[str, Any]
    message: str = ""  # the error of a failed run, the reason of a skipped one
    seconds: dict[str, float] = {}  # stage -> wall seconds
    intake: IntakePart | None = None
    ingest: IngestPart | None = None
    classify: ClassifyPart | None = None
    training: TrainingPart | None = None


MAX_ROWS = 200
"""Quarantined files listed in a report; the rest are counted and live in the quarantine table."""

MAX_THUMBNAILS = 24
"""Least certain pictures shown in a report."""
