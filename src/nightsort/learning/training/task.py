"""Owns what one training is about. Invariant: it can be sent to another process. Does not know how it is done."""

from dataclasses import dataclass

from nightsort.balance.plan import Plan
from nightsort.config.training import FitParams
from nightsort.learning.classifier import Classifier
from nightsort.learning.pictures import Feed, Pictures


@dataclass(frozen=True)
class Task:
    """A network, what it learns from, and how.

    :param model: changed in place
    :param train: what the plan's rows are of
    """

    model: Classifier
    train: Feed
    validation: Pictures
    plan: Plan
    params: FitParams
