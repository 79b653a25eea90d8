"""What a machine lacks for a backend, and what is said of it."""

from typing import Any, get_args

import numpy as np
import pytest

from nightsort.errors import ModelError
from nightsort.learning.card import load_card
from nightsort.scoring.backends import opening, openvino
from nightsort.scoring.backends.opening import lacks, open_session
from nightsort.scoring.trials.machine import Machine, this_machine
from nightsort.storage import Storage
from nightsort.words import Backend


def bare(**has: object) -> Machine:
    """This machine without its GPUs and with no instruction that is worth a mention."""
    return this_machine().model_copy(update={"flags": [], "gpus": [], **has})


def test_an_old_processor_has_the_plain_backends_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "this_machine", bare)
    monkeypatch.setattr(openvino, "capabilities", lambda: ["FP32"])
    reasons = {backend: lacks(backend) for backend in get_args(Backend)}
    assert {backend for backend, reason in reasons.items() if not reason} == {"torch-fp32", "openvino-fp32"}
    assert reasons["torch-bf16"] == reasons["openvino-bf16"] == "the processor has no instructions for bf16"
    assert reasons["openvino-int8"] == "the processor has no instructions for int8"
    assert reasons["cuda-bf16"] == "the machine has no NVIDIA GPU"


def test_a_new_processor_has_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "this_machine", lambda: bare(flags=["avx512_bf16"]))
    monkeypatch.setattr(openvino, "capabilities", lambda: ["FP32", "BF16", "INT8"])
    assert [lacks(backend) for backend in get_args(Backend) if not backend.startswith("cuda")] == [""] * 5


def test_a_gpu_that_torch_cannot_use_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(opening, "this_machine", lambda: bare(gpus=["NVIDIA T4"]))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert lacks("cuda-fp32") == "the machine has no GPU that torch can use"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA T4")
    assert lacks("cuda-fp32") == "" and lacks("cuda-bf16") == "NVIDIA T4 has no instructions for bf16"


def test_without_openvino_torch_is_left_and_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "this_machine", lambda: bare(flags=["avx512_bf16"], openvino=""))
    reasons = {backend: lacks(backend) for backend in get_args(Backend) if not backend.startswith("cuda")}
    assert [backend for backend, reason in reasons.items() if not reason] == ["torch-fp32", "torch-bf16"]
    told = "OpenVINO is not installed: pip install 'nightsort[openvino]'"
    assert [reason for reason in reasons.values() if reason] == [told] * 3


def test_what_cannot_be_run_is_not_opened(published: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "this_machine", bare)
    with pytest.raises(ModelError, match="model 1: cannot be computed by cuda-bf16 here: the machine has no NVIDIA"):
        open_session(published, load_card(published, 1), "cuda-bf16")


@pytest.mark.parametrize(
    ("backend", "asked", "batch", "threads", "lanes"),
    [("cuda-fp32", None, 64, 1, 1), ("cuda-bf16", 8, 8, 9, 3)],
)
def test_a_gpu_is_given_a_few_lanes_of_one_shape(
    backend: Backend, asked: int | None, batch: int, threads: int, lanes: int, published: Storage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What is asked of the GPU, without one; what it answers is in test_backends.py."""
    from nightsort.scoring.backends import cuda

    made: list[tuple[Any, ...]] = []

    def lane(network: Any, shape: tuple[int, ...], bf16: bool) -> Any:
        made.append((network, shape, bf16))
        return lambda pictures: np.full((len(pictures), 4), len(made), np.float32)

    monkeypatch.setattr(opening, "this_machine", lambda: bare(gpus=["NVIDIA H100"]))
    monkeypatch.setattr(cuda, "lacks", lambda _: "")
    monkeypatch.setattr(cuda, "on_device", lambda network: "network on the GPU")
    monkeypatch.setattr(cuda, "OnGpu", lane)
    session = open_session(published, load_card(published, 1), backend, asked, threads)
    side = load_card(published, 1).image_size
    answers = session.logits(np.zeros((5, side, side, 3), np.uint8))
    assert answers.shape == (5, 4)
    assert made == [("network on the GPU", (batch, side, side, 3), backend == "cuda-bf16")] * lanes
