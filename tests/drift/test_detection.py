"""Drift: no alarm where there is none, at any size; an alarm where there is some, by the right family; nothing odd
in the numbers ends a run."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightsort.drift.detection import LEAST_PICTURES, Seen, detect
from nightsort.drift.findings import Drift
from nightsort.drift.reference import Reference
from nightsort.schema import MEASURES

ALPHA = 0.05
SHARES = {"bolt": 0.6, "nut": 0.3, "crack": 0.1}

Draw = dict[str, Any]


def draw(rng: np.random.Generator, count: int, shift: float = 0, shares: dict[str, float] = SHARES) -> Draw:
    """So many pictures: their measures, confidences, labels and embeddings; a shift moves sharpness and embeddings."""
    measures = {name: rng.normal(100, 10, count) for name in MEASURES.names}
    measures["sharpness"] -= 10 * shift
    measures["width"] = np.full(count, 640.0)
    embeddings = rng.normal(size=(count, 8))
    embeddings[:, 0] += shift
    labels = rng.choice(list(shares), count, p=list(shares.values()))
    return {
        "measures": measures,
        "confidences": rng.beta(8, 1, count),
        "predicted": {label: int((labels == label).sum()) for label in shares},
        "embeddings": embeddings.astype(np.float32),
    }


def seen(drawn: Draw) -> Seen:
    """A run of these pictures."""
    columns = {
        name: pa.array(values, MEASURES.field(name).type, safe=False) for name, values in drawn["measures"].items()
    }
    sample = pa.table(columns | {"confidence": pa.array(drawn["confidences"], pa.float32())})
    return Seen(sample, drawn["predicted"], drawn["embeddings"][:100])


@pytest.fixture
def reference() -> Reference:
    return made(np.random.default_rng(1000))


def made(rng: np.random.Generator) -> Reference:
    """A reference of 150 pictures."""
    drawn = draw(rng, 150)
    drawn["measures"] = {name: values.astype(np.float32) for name, values in drawn["measures"].items()}
    return Reference(**drawn)


def families(drift: Drift) -> set[str]:
    return {finding.family for finding in drift.alarms}


def test_without_drift_alarms_are_as_rare_as_was_asked_for() -> None:
    alarms = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        alarms += bool(detect(made(rng), seen(draw(rng, 20 + 4 * seed)), 1, alpha=0.2).alarms)
    assert alarms <= 11  # 5 are allowed for; more than 11 would be chance once in 600 times


def test_a_huge_night_raises_no_alarm_over_a_trifle() -> None:
    rng = np.random.default_rng(3)
    large = Reference(**{**vars(made(rng)), "confidences": rng.beta(8, 1, 2000).astype(np.float32)})
    large = replace(large, measures={n: v.astype(np.float32) for n, v in draw(rng, 2000)["measures"].items()})
    large = replace(large, predicted={"bolt": 1200, "nut": 600, "crack": 200})
    drawn = draw(rng, 2000, shift=0.25)
    drawn["predicted"] = {"bolt": 33_000, "nut": 20_000, "crack": 7_000}
    drift = detect(large, seen(drawn), 1, ALPHA)
    certain = {finding.name for finding in drift.findings if finding.adjusted <= ALPHA}
    assert {"sharpness", "predicted mix"} <= certain
    assert drift.alarms == []


@pytest.mark.parametrize(
    ("change", "family"),
    [
        ({"shift": 1.5}, {"quality", "embedding"}),
        ({"shares": {"bolt": 0.2, "nut": 0.7, "crack": 0.1}}, {"mix"}),
        ({"shares": {"bolt": 0.4, "nut": 0.2, "crack": 0.1, "a class of its own": 0.3}}, {"mix"}),
    ],
)
def test_drift_is_found_by_the_family_that_sees_it(
    reference: Reference, change: dict[str, Any], family: set[str]
) -> None:
    drift = detect(reference, seen(draw(np.random.default_rng(5), 150, **change)), 4, ALPHA)
    assert families(drift) == family
    assert drift.findings[0].drifted and drift.model_version == 4


def test_the_note_says_what_moved(reference: Reference) -> None:
    moved = draw(np.random.default_rng(5), 150, 3, {"bolt": 0.2, "nut": 0.7, "crack": 0.1})
    notes = {finding.name: finding.note for finding in detect(reference, seen(moved), 1, ALPHA).findings}
    assert notes["predicted mix"].startswith(("nut: ", "bolt: "))
    before, now = notes["sharpness"].split(" in the reference, ")
    assert 95 < float(before.removeprefix("median ")) < 105 and 65 < float(now.split()[0]) < 75


def test_less_confidence_is_drift_of_its_own(reference: Reference) -> None:
    drawn = draw(np.random.default_rng(5), 150)
    drawn["confidences"] = drawn["confidences"] ** 4
    assert families(detect(reference, seen(drawn), 1, ALPHA)) == {"confidence"}


@pytest.mark.parametrize("count", [0, 1, LEAST_PICTURES - 1])
def test_a_handful_is_not_tested(reference: Reference, count: int) -> None:
    drift = detect(reference, seen(draw(np.random.default_rng(5), count, shift=50)), 1, ALPHA)
    assert drift.findings == [] and len(drift.notes) == 1
    assert f"the run has {count} and the reference 150 pictures; it takes 10" in drift.notes[0]


def test_what_is_no_number_is_left_out(reference: Reference) -> None:
    drawn = draw(np.random.default_rng(5), 60)
    drawn["measures"]["sharpness"][:] = np.nan
    drawn["measures"]["contrast"][:20] = np.inf
    drawn["embeddings"][3, 2] = np.nan
    drift = detect(reference, seen(drawn), 1, ALPHA)
    pictures = {finding.name: finding.pictures for finding in drift.findings}
    assert (pictures["contrast"], pictures["embeddings"], pictures["entropy"]) == (40, 59, 60)
    assert drift.notes == ["sharpness: not tested, it is a number in 0 pictures of the run"]
    assert all(np.isfinite([finding.effect, finding.adjusted]).all() for finding in drift.findings)
    assert "width" not in pictures  # it is the same in all pictures, so there is nothing to test


def test_a_night_of_one_picture_over_and_over_is_an_alarm_and_no_error(reference: Reference) -> None:
    drawn = draw(np.random.default_rng(5), 60)
    for values in (*drawn["measures"].values(), drawn["confidences"], drawn["embeddings"]):
        values[:] = values[0]
    drawn["predicted"] = {"bolt": 60}
    assert families(detect(reference, seen(drawn), 1, ALPHA)) == {"quality", "mix", "confidence", "embedding"}


def test_without_a_closer_look_the_rest_is_tested(reference: Reference) -> None:
    run = replace(seen(draw(np.random.default_rng(5), 60)), embeddings=None)
    drift = detect(reference, run, 1, ALPHA)
    assert {finding.family for finding in drift.findings} == {"quality", "mix", "confidence"}
    assert drift.notes == ["embeddings: not tested, no picture was looked at more closely"]


def test_the_same_night_gives_the_same_judgement(reference: Reference) -> None:
    judged: list[Drift] = [detect(reference, seen(draw(np.random.default_rng(9), 40)), 1, ALPHA) for _ in range(2)]
    assert judged[0] == judged[1]


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_an_alarm_is_possible_whatever_alpha(reference: Reference, alpha: float) -> None:
    drift = detect(reference, seen(draw(np.random.default_rng(5), 100, 0, {"crack": 1.0})), 1, alpha)
    assert families(drift) == {"mix"}
