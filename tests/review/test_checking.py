"""The check of answers: every fault is named, and nothing that differs from an earlier answer slips in."""

from typing import Any

import pytest

from nightsort.errors import ConfigError
from nightsort.review.checking import check
from nightsort.review.reply import Given, Reply

A, B, C = ("ab" * 32, "cd" * 32, "ef" * 32)
EARLIER: dict[str, dict[str, Any]] = {
    A: {"verdict": "label", "label": "crack"},
    B: {"verdict": "skip", "label": None},
}


def reply(*answers: Given) -> Reply:
    return Reply("csv", list(answers))


def test_every_fault_is_named_with_its_line() -> None:
    bad = [
        Given("line 2", "ab", label="crack"),
        Given("line 3", "99" * 32, label="crack"),
        Given("line 4", A, "label"),
        Given("line 5", B, "maybe"),
        Given("line 6", C, label="Crakc"),
        Given("line 7", C, label="Crakc"),
        Given("line 8", A, "skip", label="crack"),
    ]
    with pytest.raises(ConfigError) as failure:
        check("answers.csv", reply(*bad), {A, B, C}, ["crack", "dent"], {}, False)
    lines = failure.value.lines
    for line, words in {
        2: "must be 64 hexadecimal digits, got 'ab'",
        3: "was never classified here",
        4: "must not be empty",
        5: "must be label, skip, unusable, got 'maybe'",
        6: "did you mean 'crack'? a new one is allowed by --new-classes 'Crakc'",
        8: "must be empty where the verdict is skip",
    }.items():
        assert any(fault.startswith(f"answers.csv: line {line}: ") and words in fault for fault in lines), words
    assert sum("line 8: says 'crack'" in fault or "line 8: says" in fault for fault in lines) == 1
    assert not any(fault.startswith("answers.csv: line 7: says") for fault in lines), "the same twice is no quarrel"


def test_many_faults_are_counted() -> None:
    with pytest.raises(ConfigError, match="and 150 more"):
        check("f", reply(*(Given(f"line {n}", "x", label="crack") for n in range(200))), (), ["crack"], {}, False)


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_earlier_answer_stays_unless_it_may_be_replaced(overwrite: bool) -> None:
    given = reply(Given("1", A, "label", "crack"), Given("2", B, label="dent"), Given("3", C, "unusable"))
    checked = check("f", given, {A, B, C}, ["crack", "dent"], EARLIER, overwrite)
    assert [one.sha256 for one in checked.same] == [A]
    assert [one.sha256 for one in checked.fresh] == ([B, C] if overwrite else [C])
    assert [(one.line, before["verdict"]) for one, before in checked.conflicts] == (
        [] if overwrite else [("2", "skip")]
    )


def test_the_same_answer_twice_is_one() -> None:
    given = reply(Given("1", A, label="crack"), Given("2", C, "skip"), Given("3", A, "label", "crack"))
    assert [one.line for one in check("f", given, {A, C}, ["crack"], {}, False).fresh] == ["1", "2"]
