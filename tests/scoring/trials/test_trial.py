"""The trial of backends, with sessions that answer as a test says."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from nightsort.errors import ModelError
from nightsort.learning.architecture import Network
from nightsort.learning.card import Card
from nightsort.learning.feeds.pictures import Pictures
from nightsort.scoring.trials import measuring, sample, trial
from nightsort.scoring.trials.choice import Trial
from nightsort.scoring.trials.verdicts import Tolerance
from nightsort.words import Backend

STRICT = Tolerance(min_agreement=0.995, max_loss=0.01)
CARD = Card(
    architecture=Network(name="small_resnet"),
    version=1, created=datetime(2026, 11, 21, tzinfo=UTC), run_id="run", model="small_resnet",
    classes=["crack", "dent", "never seen"], store_side=64, image_size=4, preprocessing="p0", temperature=2.0,
    abstain_below=0.5, dataset_version=1, dataset_fingerprint="f", training_share={}, balance="none",
    macro_f1=0.9, accuracy=0.9,
)  # fmt: skip
SPEEDS = {"torch-fp32": 100.0, "openvino-fp32": 300.0, "openvino-int8": 900.0}


class Fake:
    """Answers the class in the red of the first pixel, but for pictures whose green says that it errs."""

    batch_size = 8

    def __init__(self, errs: bool) -> None:
        self.errs = errs

    def logits(self, pictures: np.ndarray) -> np.ndarray:
        red, green = pictures[:, 0, 0, 0].astype(int), pictures[:, 0, 0, 1] > 0
        return 9 * np.eye(3, dtype=np.float32)[np.where(green & self.errs, 1 - red, red)]


def pictures(counts: tuple[int, int], erring: int) -> Pictures:
    """So many of two classes; a backend that errs does so on the last few of the second."""
    labels = np.repeat([0, 1], counts)
    images = np.zeros((len(labels), 4, 4, 3), np.uint8)
    images[:, 0, 0, 0] = labels
    images[len(labels) - erring :, 0, 0, 1] = 1
    return Pictures(images, labels, [f"{i:064x}" for i in range(len(labels))])


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trial]:
    """Hold a trial in which int8 errs, and speeds are what SPEEDS says."""
    opened: list[Backend] = []
    monkeypatch.setattr(measuring, "speed", lambda *_: (SPEEDS[opened[-1]], 0.0))

    def run(validation: Pictures, wanted: list[Backend], fails: dict[str, Exception] | None = None) -> Trial:
        def open_session(backend: Backend) -> Fake:
            opened.append(backend)
            if fails and backend in fails:
                raise fails[backend]
            return Fake(backend == "openvino-int8")

        def lacks(backend: Backend) -> str:
            return "no GPU" if backend.startswith("cuda") else ""

        return trial.hold(CARD, sample.of_pictures(validation), wanted, STRICT, lacks, open_session)

    return run


def verdicts(held: Trial) -> dict[str, str]:
    return {item.backend: item.verdict for item in held.table}


def test_a_backend_that_errs_too_often_is_refused(hold: Callable[..., Trial]) -> None:
    held = hold(pictures((700, 300), erring=6), ["openvino-int8", "openvino-fp32"])
    assert verdicts(held) == {"torch-fp32": "accepted", "openvino-int8": "refused", "openvino-fp32": "used"}
    assert held.used.backend == "openvino-fp32" and (held.pictures, held.of) == (1000, 1000)
    refused = held.table[1]
    assert refused.against is not None and refused.against.agreement == 0.994
    assert "99.40%" in refused.why and "class dent loses 2.0 points" in refused.why


def test_exactly_the_tolerance_is_accepted(hold: Callable[..., Trial]) -> None:
    held = hold(pictures((500, 500), erring=5), ["openvino-int8"])
    assert held.used.backend == "openvino-int8"
    assert held.used.against is not None
    assert (held.used.against.agreement, held.used.against.worst_loss) == (0.995, 0.01)


def test_one_mistake_in_a_small_class_is_too_much(hold: Callable[..., Trial]) -> None:
    held = hold(pictures((990, 10), erring=1), ["openvino-int8"])
    assert verdicts(held)["openvino-int8"] == "refused"
    assert held.table[1].why == "class dent loses 10.0 points of recall on its 10 pictures, and 1.0 are allowed"


def test_a_class_without_a_validation_picture_refuses_nobody(hold: Callable[..., Trial]) -> None:
    held = hold(pictures((40, 0), erring=0), ["openvino-int8"])
    assert held.used.backend == "openvino-int8"
    assert held.used.against is not None and held.used.against.recall == {"crack": 1.0}


def test_what_the_machine_lacks_and_what_fails_is_absent_with_a_reason(hold: Callable[..., Trial]) -> None:
    fails = {"openvino-fp32": ModelError("fp32.xml is missing"), "openvino-int8": MemoryError()}
    held = hold(pictures((5, 5), 0), ["cuda-bf16", "openvino-fp32", "openvino-int8"], fails)
    assert {item.backend: item.why for item in held.table if item.verdict == "absent"} == {
        "cuda-bf16": "no GPU",
        "openvino-fp32": "fp32.xml is missing",
        "openvino-int8": "MemoryError",
    }
    assert held.used.backend == "torch-fp32" and held.used.why == "nothing else is within tolerance"


def test_a_reference_that_fails_is_an_error(hold: Callable[..., Trial]) -> None:
    with pytest.raises(ModelError, match="weights are missing"):
        hold(pictures((5, 5), 0), ["openvino-fp32"], {"torch-fp32": ModelError("weights are missing")})


def test_where_nothing_else_is_wanted_nothing_is_measured(hold: Callable[..., Trial]) -> None:
    held = hold(pictures((5, 5), 0), ["torch-fp32"], {"torch-fp32": ModelError("not asked")})
    assert (held.used.backend, held.used.why, held.pictures) == ("torch-fp32", "nothing else was asked for", 0)


def test_a_slow_network_is_compared_on_fewer_pictures(
    hold: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SPEEDS, "torch-fp32", 10.0)  # 300 pictures in the seconds that it may take
    held = hold(pictures((900, 100), erring=3), ["openvino-int8"])
    against: Any = held.table[1].against
    assert (held.pictures, held.of) == (300, 1000)
    assert against.agreement == pytest.approx(0.997) and against.worst_loss == 0.03
