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


def function_named(name: str) -> "Callable[[Any], Report]":
    """The flow `name` as a plain function: that of the same name in the module of the same name."""
    function: Callable[[Any], Report] = getattr(import_module(f"flows.{name}"), name)
    return function
