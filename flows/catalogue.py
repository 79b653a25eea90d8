"""Owns which flows there are, what each does, and where it is found.

Invariant: the names are those of `nightsort.config.catalogue.PARAMS`; a flow is imported when it is asked for, so
that an ingest does not load torch. Does not know Prefect; see :mod:`flows.served`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightsort.reports.data import Report

DESCRIPTIONS = {
    "ingest": "Take in labelled pictures (SOURCE/<class>/...) and make a new dataset version of them.",
    "train": "Train a model on the dataset; the gate decides whether it becomes the champion.",
    "classify": "Classify every new picture of a folder or an archive, exactly once.",
    "retrain": "Ingest new labels, if --source names some, then train.",
    "compare": "Train one recipe with several strategies of balancing, and show their figures side by side.",
    "tune": "Search for the parameters of training that serve the dataset best, then train with them.",
    "ensemble": "Combine published models into one; the gate decides whether it becomes the champion.",
    "augment": "Fill rare classes up with varied copies of their training pictures, as a new dataset version.",
    "promote": "Judge a published model against the champion anew, and make it champion if it wins, or by force.",
    "audit": "Look for leaks between the splits, outliers and wrong labels; changes nothing.",
}
"""What each flow does, in a sentence."""


EXAMPLES = {
    "ingest": (
        "nightsort ingest pictures/labelled",
        "nightsort ingest s3://bucket/pictures --manifest labels.csv --rules 'sharpness < 20: flag'",
        "nightsort ingest pictures.zip --crop foreground --store-side 512",
    ),
    "train": (
        "nightsort train",
        "nightsort train --model resnet18 --weights imagenet --image-size 224 --frozen-epochs 5",
        "nightsort train --balance oversampling --flip horizontal --target-precision 0.98",
    ),
    "classify": (
        "nightsort classify pictures/incoming",
        "nightsort classify archive.tar.gz --max-quarantined 0.1",
        "nightsort classify s3://bucket/archive --rescore",
    ),
    "retrain": (
        "nightsort retrain --source pictures/labelled",
        "nightsort retrain --if-needed --min-new-labels 50 --rescore pictures/archive",
    ),
    "compare": (
        "nightsort compare",
        "nightsort compare --strategies none,oversampling,balanced_softmax --seeds 3",
    ),
    "tune": (
        "nightsort tune --trials 30",
        "nightsort tune --study small --search learning_rate,balance --publish false",
    ),
    "ensemble": (
        "nightsort ensemble --models 1,2,3",
        "nightsort ensemble --models 4 --models 5 --combine soup",
    ),
    "augment": (
        "nightsort augment --below 100",
        "nightsort augment --below 50 --operations rotate --operations flip",
    ),
    "promote": (
        "nightsort promote --model 3",
        "nightsort promote --rollback --why 'took shadows for cracks'",
        "nightsort promote --model 3 --force --why 'the test split was mislabelled'",
    ),
    "audit": (
        "nightsort audit",
        "nightsort audit --similarity 0.9 --label-noise",
    ),
}
"""What somebody would type, for the end of each flow's help."""


def function_named(name: str) -> "Callable[[Any], Report]":
    """The flow `name` as a plain function: that of the same name in the module of the same name."""
    function: Callable[[Any], Report] = getattr(import_module(f"flows.{name}"), name)
    return function
