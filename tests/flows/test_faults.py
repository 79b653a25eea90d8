"""A disk that fails, is full, or loses its machine at a step of a classification; `make soak` tries every step."""

from typing import Any

import pytest

from tests.conftest import missing
from tests.soak.faults import KINDS, Bench, Case, build, compiler, every, harm, name_of, table
from tests.soak.pictures import make_drop

STEPS, STRIDE = 500, 167
"""A run takes fewer steps than this; one in so many is tried, with each kind of fault another one."""


@pytest.fixture(scope="module")
def bench(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("faults")
    if compiler() is None:
        missing("a C compiler")
    return Bench(build(folder), trained.root, make_drop(folder / "drop", 12), folder / "work")


@pytest.fixture(scope="module")
def verdicts(bench: Bench) -> list[Case]:
    """A few steps of the whole run, and some after its end."""
    shift = STRIDE // len(KINDS)
    cases = [
        case for number, kind in enumerate(KINDS) for case in every(range(1 + shift * number, STEPS, STRIDE), [kind])
    ]
    return bench.run(cases)


def test_no_fault_of_the_disk_loses_doubles_or_tears_anything(verdicts: list[Case]) -> None:
    print("\n".join(table(verdicts)))
    assert [harm(case) for case in verdicts if harm(case)] == []


def test_the_faults_were_had(verdicts: list[Case]) -> None:
    """Else the test before would say nothing; and after the last step there is none."""
    had = [case["where"].partition(" ")[0] for case in verdicts if case["where"]]
    assert len(had) > 5 and {"write", "fsync"} <= set(had)  # of the rarer ones, those that the stride happens to meet
    assert {case["end"] for case in verdicts if name_of(case) == "kill -9"} == {-9, 0}
    assert all(case["end"] == 0 for case in verdicts if case["code"] and not case["where"])
    assert any(not case["where"] for case in verdicts if case["code"]), "the run has more steps than were tried"


def test_a_full_disk_ends_the_run_in_one_line(verdicts: list[Case]) -> None:
    full = [case for case in verdicts if case["where"] and name_of(case) == "ENOSPC from then on" and case["end"]]
    assert full and all("No space left on device" in case["said"][0] for case in full)


def test_a_passing_fault_is_tried_again(verdicts: list[Case]) -> None:
    assert any(case["end"] == 0 for case in verdicts if case["where"] and name_of(case) == "EIO")
