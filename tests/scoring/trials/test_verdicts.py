"""The choice of a backend: tolerance at its edges, ties within the noise, a reason for everything."""

from typing import Any

import pytest

from nightsort.evaluation.agreement import Agreement
from nightsort.scoring.trials.verdicts import Measured, Tolerance, choose
from nightsort.words import Backend

STRICT = Tolerance(min_agreement=0.995, max_loss=0.01)


def agreement(**changes: Any) -> Agreement:
    """Full agreement, but for the changes."""
    exact = {"agreement": 1.0, "mean_drift": 0.0, "max_drift": 0.0, "recall": {"dent": 1.0}}
    return Agreement(**(exact | {"worst_class": None, "worst_loss": 0.0, "worst_support": 0} | changes))


def measured(backend: Backend, rate: float, spread: float = 0.0, **changes: Any) -> Measured:
    return Measured(backend=backend, verdict="accepted", why="", rate=rate, spread=spread, against=agreement(**changes))


def verdicts(*items: Measured, tolerance: Tolerance = STRICT) -> dict[str, tuple[str, str]]:
    """Verdict and reason by backend."""
    table = choose([measured("torch-fp32", 100), *items], tolerance)
    assert [item.verdict for item in table].count("used") == 1
    assert all(item.why for item in table)
    return {item.backend: (item.verdict, item.why) for item in table}


def test_the_fastest_within_tolerance_is_used() -> None:
    found = verdicts(measured("openvino-fp32", 180), measured("openvino-int8", 500, agreement=0.998, mean_drift=0.01))
    assert found["openvino-int8"] == ("used", "the fastest of 3 within tolerance")
    assert found["openvino-fp32"] == ("accepted", "within tolerance, but slower")


def test_exactly_the_required_agreement_is_enough() -> None:
    assert verdicts(measured("torch-bf16", 200, agreement=199 / 200))["torch-bf16"][0] == "used"
    verdict, reason = verdicts(measured("torch-bf16", 200, agreement=198 / 200))["torch-bf16"]
    assert verdict == "refused"
    assert reason == "gives the label of torch-fp32 to 99.00% of the pictures, and 99.50% are required"


def test_a_class_may_lose_a_point_and_no_more() -> None:
    lost = {"worst_class": "dent", "worst_support": 100}
    assert verdicts(measured("torch-bf16", 200, worst_loss=1 / 100, **lost))["torch-bf16"][0] == "used"
    verdict, reason = verdicts(measured("torch-bf16", 200, worst_loss=2 / 100, **lost))["torch-bf16"]
    assert verdict == "refused"
    assert reason == "class dent loses 2.0 points of recall on its 100 pictures, and 1.0 are allowed"


def test_one_picture_of_a_small_class_is_a_loss_and_its_size_is_said() -> None:
    found = verdicts(
        measured("openvino-int8", 900, agreement=0.999, worst_class="rare", worst_loss=0.25, worst_support=4)
    )
    assert (
        found["openvino-int8"][0] == "refused"
        and "25.0 points of recall on its 4 pictures" in found["openvino-int8"][1]
    )
    assert found["torch-fp32"] == ("used", "nothing else is within tolerance")


def test_a_backend_that_breaks_both_rules_is_told_both() -> None:
    _, reason = verdicts(
        measured("openvino-int8", 900, agreement=0.5, worst_class="dent", worst_loss=0.5, worst_support=8)
    )["openvino-int8"]
    assert "gives the label" in reason and "class dent loses" in reason


def test_of_those_equally_fast_the_more_exact_is_used() -> None:
    found = verdicts(measured("torch-bf16", 300, mean_drift=0.002), measured("openvino-fp32", 290, mean_drift=1e-7))
    assert found["openvino-fp32"] == ("used", "as fast as torch-bf16 within the noise of measuring, and more exact")
    assert found["torch-bf16"] == ("accepted", "faster by no more than the noise of measuring, and less exact")


@pytest.mark.parametrize(("spread", "used"), [(0.0, "torch-bf16"), (0.2, "openvino-fp32")])
def test_runs_that_scatter_make_a_wider_tie(spread: float, used: str) -> None:
    exact = measured("openvino-fp32", 250, mean_drift=1e-7)
    found = verdicts(measured("torch-bf16", 300, spread, mean_drift=0.002), exact)
    assert found[used][0] == "used"


def test_of_those_equally_exact_and_fast_the_fastest_is_used() -> None:
    found = verdicts(measured("openvino-fp32", 103, mean_drift=2e-7))
    assert found["openvino-fp32"][0] == "used" and found["torch-fp32"][0] == "accepted"


def test_what_is_absent_keeps_its_reason() -> None:
    found = verdicts(Measured(backend="cuda-bf16", verdict="absent", why="no GPU"))
    assert found == {"torch-fp32": ("used", "nothing else is within tolerance"), "cuda-bf16": ("absent", "no GPU")}


def test_no_tolerance_refuses_the_reference() -> None:
    impossible = Tolerance(min_agreement=1.0, max_loss=0.0)
    found = verdicts(measured("torch-bf16", 900, agreement=0.9999), tolerance=impossible)
    assert found["torch-fp32"][0] == "used" and found["torch-bf16"][0] == "refused"
