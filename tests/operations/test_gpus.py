"""What NVIDIA's driver is asked, with a driver that is made up."""

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from nightsort.operations import gpus
from nightsort.operations.gpus import Gpu


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two GPUs; what was begun and ended with the driver."""
    calls: list[str] = []
    answers: dict[str, Any] = {
        "nvmlInit": lambda: calls.append("begun"),
        "nvmlShutdown": lambda: calls.append("ended"),
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: f"handle {index}",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=int(handle[-1]), total=80),
        "nvmlDeviceGetName": lambda handle: f"H100 of {handle}",
        "nvmlSystemGetDriverVersion": lambda: "580",
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    return calls


def fails(*_: object) -> None:
    """As the driver does."""
    raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)


def test_each_gpu_is_told_and_the_driver_let_go(driver: list[str]) -> None:
    assert gpus.seen() == [Gpu(0, "H100 of handle 0", 0, 80, "580"), Gpu(1, "H100 of handle 1", 1, 80, "580")]
    assert driver == ["begun", "ended"]


@pytest.mark.parametrize(
    ("broken", "calls"),
    [("nvmlInit", []), ("nvmlDeviceGetMemoryInfo", ["begun", "ended"]), ("nvmlShutdown", ["begun"])],
)
def test_a_driver_that_fails_is_no_error(
    broken: str, calls: list[str], driver: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pynvml, broken, fails)
    assert len(gpus.seen()) == (2 if broken == "nvmlShutdown" else 0) and driver == calls
