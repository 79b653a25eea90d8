"""Rules of quality: what is read, what is refused and how it says so, when one is broken."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightsort.config.intake import IngestParams
from nightsort.rules import Action, Measure, Rule
from nightsort.schema import MEASURES

MEASURED = dict.fromkeys(MEASURES.names, 10.0)


def test_the_measures_are_those_of_the_schema() -> None:
    assert list(get_args(Measure)) == MEASURES.names


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("sharpness < 20: flag", Rule("sharpness", "<", 20, "flag")),
        ("brightness>250.5:quarantine", Rule("brightness", ">", 250.5, "quarantine")),
        ("  aspect  <=  .5 :  flag ", Rule("aspect", "<=", 0.5, "flag")),
        ("entropy >= -1: flag", Rule("entropy", ">=", -1, "flag")),
    ],
)
def test_rules_are_read(text: str, rule: Rule) -> None:
    assert Rule.parse(text) == rule == Rule.parse(str(rule))


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", "must read 'measure comparison number: action'"),
        ("sharpness < 20", "sharpness < 20: flag"),
        ("sharpness = 20: flag", "comparisons < <= > >="),
        ("sharpness < twenty: flag", "must read"),
        ("sharpness < nan: flag", "must read"),
        ("sharpness < 1e999: flag", "must read"),
        ("sharpnes < 20: flag", "width, height, aspect, sharpness, brightness, contrast, entropy"),
        ("sharpness < 20: delete", "must be one of flag, quarantine"),
    ],
)
def test_a_rule_that_cannot_be_read_says_what_is_allowed(text: str, allowed: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        Rule.parse(text)
    assert allowed in str(caught.value) and repr(text) in str(caught.value)


def test_the_parameters_of_a_run_refuse_a_wrong_rule_by_its_place() -> None:
    assert IngestParams(source="x", rules=["sharpness < 20: flag"]).rules == ["sharpness < 20: flag"]
    with pytest.raises(ValidationError, match=r"rules\.1"):
        IngestParams(source="x", rules=["sharpness < 20: flag", "sharpness < 20: burn"])


@pytest.mark.parametrize(("comparison", "broken"), [("<", [9]), ("<=", [9, 10]), (">", [11]), (">=", [10, 11])])
def test_a_rule_is_broken_when_its_comparison_holds(comparison: str, broken: list[int]) -> None:
    rule = Rule.parse(f"contrast {comparison} 10: flag")
    assert [value for value in (9, 10, 11) if rule.broken({**MEASURED, "contrast": value})] == broken


@given(
    st.sampled_from(get_args(Measure)),
    st.sampled_from(["<", "<=", ">", ">="]),
    st.floats(-1e9, 1e9).map(lambda limit: round(limit, 4)),
    st.sampled_from(get_args(Action)),
)
def test_a_written_rule_is_read_as_it_was(measure: Measure, comparison: str, limit: float, action: Action) -> None:
    rule = Rule(measure, comparison, limit, action)
    assert Rule.parse(str(rule)) == rule
