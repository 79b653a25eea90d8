"""Conditions that do not hang on the answers: labels that may be trusted, classes that must stay."""

import pytest

from nightsort.config.gate import GateParams
from nightsort.learning.card import Card
from nightsort.reports.suspected import SuspicionPart
from tasks import judging


def card(*classes: str) -> Card:
    """A card that says no more than its classes."""
    return Card.model_construct(version=1, classes=list(classes))


def test_a_class_of_the_champion_must_stay_unless_forgetting_is_allowed() -> None:
    short, champion = card("red"), card("red", "blue", "green")
    refused = judging._known_classes(GateParams(), short, champion)
    assert not refused.passed and refused.line == "lacks blue, green, which the champion knows; forget allows that"
    allowed = judging._known_classes(GateParams(forget=True), short, champion)
    assert allowed.passed and "as forget allows" in allowed.line
    assert judging._known_classes(GateParams(), champion, short).passed


def test_of_many_lost_classes_a_few_are_named() -> None:
    line = judging._known_classes(GateParams(), card("x"), card("x", *"abcdefgh")).line
    assert line == "lacks a, b, c, d, e and others, which the champion knows; forget allows that"


@pytest.mark.parametrize(
    ("changes", "passed", "said"),
    [
        ({"veto": "too many contradict"}, False, "too many contradict"),
        ({"notes": ["nobody looked"]}, True, "nobody looked"),
        ({"arrived": 50, "looked_at": 50}, True, "denies 1"),
    ],
)
def test_a_veto_against_the_labels_is_a_condition(changes: dict[str, object], passed: bool, said: str) -> None:
    part = SuspicionPart(**({"arrived": 0, "contradicting": 1, "expected": 0.0} | changes))
    check = judging._new_labels(part)
    assert (check.name, check.passed) == ("new labels", passed) and said in check.line
