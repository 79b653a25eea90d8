"""Owns the one data file of a report: what a run writes down, and all that any rendering may show.

Invariant: everything in the HTML and the Markdown comes from here, and everything here is bounded,
whatever the size of the run. Does not know how it will look.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from nightsort.drift.findings import Drift
from nightsort.reports.learned import ComparePart, TrainingPart, TunePart
from nightsort.reports.night import NightPart
from nightsort.reports.promoted import PromotionPart
from nightsort.reports.shown import ClassCount, Thumbnail
from nightsort.reports.suspected import SuspicionPart
from nightsort.tally import Tally

State = Literal["completed", "failed", "skipped"]


class Setaside(BaseModel):
    """One quarantined file."""

    path: str
    reason: str
    detail: str


class IntakePart(BaseModel):
    """What a run that reads pictures adds to a report."""

    source: str
    tally: Tally
    reasons: dict[str, int] = {}  # every reason for every outcome but done -> count
    quarantined: list[Setaside] = []  # at most MAX_ROWS of tally.quarantined


class Sheet(BaseModel):
    """A handful of pictures of one class, drawn at random; `images` are JPEGs as data URIs."""

    label: str
    total: int  # pictures of the class that this run added
    images: list[str]  # at most MAX_SHEET


class Histogram(BaseModel):
    """How a measure is spread over the pictures that this run added."""

    measure: str  # a column of schema.MEASURES
    edges: list[float]  # one more than counts; the outer two are the extremes, the rest are round
    counts: list[int]  # of the pictures where it is finite, at most MAX_BARS
    median: float
    logarithmic: bool = False  # inner edges grow by a factor, not by a step


class Twins(BaseModel):
    """Two pictures to compare, and why."""

    left: Thumbnail
    right: Thumbnail
    note: str  # such as "distance 3 of 64, cosine 0.991"


class IngestPart(BaseModel):
    """What an ingest adds to a report."""

    dataset_version: int
    classes: list[ClassCount]  # of the whole dataset at this version
    seconds: float = 0.0  # reading, decoding and writing the new pictures
    stages: dict[str, float] = {}  # read, decode, clean, ... -> seconds summed over the workers
    sheets: list[Sheet] = []  # at most MAX_SHEETS classes, the smallest first
    histograms: list[Histogram] = []
    near_duplicates: int = 0  # pictures of this run with a near-duplicate in the dataset or in this run
    clusters: int = 0  # groups of near-duplicates that they form
    largest_cluster: int = 0  # pictures of this run in the largest that is more than one declared group
    narrowed_to: int | None = None  # bits in which their hashes may differ, if the default tied too much together
    admitted: int = 0  # pictures that this run added to the dataset
    twins: list[Twins] = []  # at most MAX_TWINS near-duplicates, those with different labels first
    most_copied: Thumbnail | None = None  # the picture whose bytes came most often, if MANY_COPIES times or more
    disputed: int = 0  # pictures that this run took out of training, their label being in dispute
    withheld: list[Setaside] = []  # at most MAX_ROWS of the disputed
    flags: dict[str, int] = {}  # flag -> pictures of this run that carry it
    flagged: list[Thumbnail] = []  # at most MAX_THUMBNAILS of them; `note` is the flag that it is shown for


class Leak(BaseModel):
    """Pictures of the test split with a near-twin in train, under one way of splitting."""

    splitting: str  # random, ours
    criterion: str  # perceptual hash, embedding
    test: int  # pictures of the test split
    leaking: int
    by_class: dict[str, int] = {}  # class -> leaking


class AuditPart(BaseModel):
    """What an audit adds to a report."""

    dataset_version: int
    embedding: str  # where the embeddings come from: "model 3", or the name of a descriptor
    leaks: list[Leak]
    torn: list[Twins] = []  # at most MAX_TWINS near-twins that straddle train and test in the dataset
    twins: list[Twins] = []  # at most MAX_TWINS near-twins that straddle train and test under a random split
    outliers: int = 0
    outlying: list[Thumbnail] = []  # at most MAX_THUMBNAILS, the furthest first; `margin` is the deviation
    label_issues: int | None = None  # None if they were not looked for
    mislabelled: list[Thumbnail] = []  # label as given, runner_up as suggested, confidence in the given one


class AugmentPart(BaseModel):
    """What offline augmentation adds to a report."""

    dataset_version: int
    before: list[ClassCount]  # training split
    after: list[ClassCount]
    operations: dict[str, int]  # operation -> how often it was used
    sheets: list[Sheet] = []  # augmented pictures


class ClassifyPart(BaseModel):
    """What a classification adds to a report."""

    model_version: int
    predicted: list[ClassCount]
    training_share: dict[str, float]  # class -> share in the training split
    abstained: int
    abstain_below: float
    by_class: bool = False  # thresholds of the classes hold, and abstain_below for no class that has one
    least_certain: list[Thumbnail]
    backend: str = ""  # what computed the answers
    why_backend: str = ""  # in words
    seconds: float = 0.0  # of wall clock, from the first chunk to the last
    stages: dict[str, float] = {}  # read, decode, model, ..., wait -> seconds summed over the threads


class Report(BaseModel):
    """Everything one run has to say. Absent parts are None."""

    run_id: str
    flow: str
    state: State
    started: datetime
    finished: datetime
    storage: str
    parameters: dict[str, Any]
    message: str = ""  # the error of a failed run, the reason of a skipped one, what a completed one has to remark
    seconds: dict[str, float] = {}  # stage -> wall seconds
    intake: IntakePart | None = None
    ingest: IngestPart | None = None
    audit: AuditPart | None = None
    augment: AugmentPart | None = None
    classify: ClassifyPart | None = None
    night: NightPart | None = None
    drift: Drift | None = None
    suspicion: SuspicionPart | None = None
    promotion: PromotionPart | None = None
    training: TrainingPart | None = None
    compare: ComparePart | None = None
    tune: TunePart | None = None


MAX_ROWS = 200
"""Quarantined files listed in a report; the rest are counted and live in the quarantine table."""

MANY_COPIES = 10
"""Times that the same bytes come in one run, from which on the report names the picture."""

MAX_SHEETS = 40
"""Classes with a contact sheet in a report; the rest are counted."""

MAX_SHEET = 8
"""Pictures on a contact sheet."""

MAX_TWINS = 12
"""Pairs of near-duplicates shown in a report."""

MAX_BARS = 40
"""Bars of a histogram."""
