"""Owns the words of a judgement: figures per class, figures of a model, the gate's decision.

Invariant: plain data, bounded, without a metric library, so a report can be read without loading one.
Does not know how a figure is computed.
"""

from pydantic import BaseModel, Field

MAX_POINTS = 101
"""Points of a curve, at most."""

MAX_CURVES = 12
"""Classes with curves of their own, at most: those with the least average precision."""

MAX_CONFUSED = 100
"""Classes with a row of their own in a confusion matrix, at most: those with the most mistakes."""


class Interval(BaseModel):
    """A figure with the 2.5 % and 97.5 % quantiles of a bootstrap over pictures (Efron 1979)."""

    low: float
    high: float


class Curve(BaseModel):
    """A curve of one class against the rest, or of all pictures, at most MAX_POINTS points."""

    label: str
    x: list[float]
    y: list[float]
    area: float | None = None  # under it; None where it has no meaning


class Bin(BaseModel):
    """One bin of a reliability diagram."""

    low: float  # confidence, exclusive
    high: float  # inclusive
    pictures: int
    confidence: float  # mean; 0 where there is no picture
    accuracy: float


class ClassScore(BaseModel):
    """Per-class figures on the test split; None where the class has no test picture."""

    label: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None
    roc_auc: float | None = None  # against all other classes
    average_precision: float | None = None
    shot: str = ""  # many, medium or few training pictures: over 100, 20 to 100, under 20 (Liu et al. 2019)


class Scores(BaseModel):
    """Figures on the frozen test split, at its natural prior; means are over the classes it holds.

    confusion: rows are true classes, columns predicted ones, in the order of `classes`; of more than MAX_CONFUSED
    classes in the order of `confused`, with a last row and column for all others together.
    calibration_error: expected calibration error, 15 bins (Guo et al. 2017).
    """

    pictures: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    calibration_error: float
    classes: list[ClassScore]
    confusion: list[list[int]]
    confused: list[str] = []  # classes of its rows, where it has not all
    macro_precision: float = 0.0
    macro_recall: float = 0.0
    top_k: int = 0  # k of the next; 0 where there are too few classes for it to mean anything
    top_k_accuracy: float | None = None
    log_loss: float = 0.0  # mean, natural logarithm
    roc_auc: float | None = None  # macro, one against the rest
    average_precision: float | None = None  # macro
    intervals: dict[str, Interval] = {}  # of accuracy, balanced_accuracy, macro_f1
    shots: dict[str, float] = {}  # many, medium, few -> mean recall of its classes
    reliability: list[Bin] = []
    coverage: Curve | None = None  # x: share of pictures answered, most confident first; y: precision among them
    roc: list[Curve] = []  # x: false positive rate, y: true positive rate
    precision_recall: list[Curve] = []  # x: recall, y: precision
    absent: list[str] = []  # classes without a test picture


class Corruption(BaseModel):
    """Accuracy under one kind of change, from weak to strong."""

    name: str
    strengths: list[str]  # in words, such as "1" or "4/255"
    accuracy: list[float]


class Robustness(BaseModel):
    """How a model bears what it did not learn from.

    mean_corruption_accuracy: over the 15 corruptions and 5 severities (Hendrycks and Dietterich 2019).
    """

    pictures: int
    of: int  # pictures that the test split holds
    clean_accuracy: float
    mean_corruption_accuracy: float
    rows: list[Corruption]
    notes: list[str] = []


class Slice(BaseModel):
    """Both models on some of the test pictures."""

    name: str  # frozen: those the champion was judged on; newest: those that arrived since
    pictures: int
    champion_macro_f1: float
    challenger_macro_f1: float
    difference_low: float
    difference_high: float


class Check(BaseModel):
    """One of the gate's conditions, and whether it holds."""

    name: str  # such as "better", "recall of each class", "calibration", "speed", "size"
    passed: bool
    line: str  # the figures, in words


class Decision(BaseModel):
    """What the gate said, and why."""

    promoted: bool
    reason: str
    champion_version: int | None = None
    champion_macro_f1: float | None = None
    challenger_macro_f1: float
    difference_low: float | None = Field(None, description="5 % quantile of the paired bootstrap difference")
    difference_high: float | None = Field(None, description="95 % quantile of the paired bootstrap difference")
    slices: list[Slice] = []
    checks: list[Check] = []  # all of them, those that failed first
