"""What is said of a published model: the confidence that it answers from, what a backend loses, a card it may lack."""

from types import SimpleNamespace
from typing import Any

import pytest

from flows.actions import bundles
from nightsort.errors import ModelError
from nightsort.learning.card import Card
from nightsort.learning.registry import Registry
from nightsort.storage import Storage


@pytest.mark.parametrize(
    ("thresholds", "told"),
    [
        ({}, "0.4"),
        ({"a": 0.5, "b": 0.75}, "0.50 to 0.75 by class"),
        ({"a": 0.5, "b": 1.5}, "0.50 to 0.50 by class; never answers with 1 of 2 classes"),
        ({"a": 1.5}, "any; never answers with 1 of 1 classes"),
    ],
)
def test_the_confidence_that_it_answers_from(thresholds: dict[str, float], told: str) -> None:
    assert bundles._least(Card.model_construct(abstain_below=0.4, thresholds=thresholds)) == told


@pytest.mark.parametrize(("worst", "told"), [("bolt", "bolt -12.5"), (None, "none")])
def test_the_class_that_a_backend_loses_most_of(worst: str | None, told: str) -> None:
    against = SimpleNamespace(worst_class=worst, worst_loss=0.125)
    item: Any = SimpleNamespace(against=against)
    assert bundles._worst(item) == told
    item.against = None
    assert bundles._worst(item) == "-"


def test_a_model_without_a_card_for_people_says_which_have_one(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "require", lambda _, version: version)
    with pytest.raises(ModelError, match="model 3: was published without a card; models that"):
        bundles.card_of(storage, 3)
