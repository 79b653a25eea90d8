"""Every backend against torch-fp32: the same answers, in any company, from any number of threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from nightsort.learning.bundle import load
from nightsort.learning.card import load_card
from nightsort.learning.predict import logits
from nightsort.scoring.backends.opening import lacks, open_session
from nightsort.scoring.backends.session import Session
from nightsort.storage import Storage
from nightsort.words import Backend

# Share of the spread of the logits by which a backend may differ: bf16 keeps 8 bits of a number; int8 keeps 8 of a
# range, which here comes from few pictures of a network that nobody trained. A GPU computes convolutions of float32 in
# TF32, which keeps 11.
TOLERANCE = {"fp32": 1e-4, "bf16": 0.05, "int8": 0.2}
Open = Callable[[int], Session]


@pytest.fixture(params=get_args(Backend))
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every backend that this machine has."""
    name: Backend = request.param
    if reason := lacks(name):
        pytest.skip(f"{name}: {reason}")
    return name


@pytest.fixture
def opened(backend: Backend, exported_root: Path) -> Open:
    """A session of a given batch size."""
    storage = Storage(str(exported_root))
    return lambda batch_size: open_session(storage, load_card(storage, 1), backend, batch_size, 2)


@pytest.fixture(scope="module")
def reference(exported_root: Path, pictures: np.ndarray) -> np.ndarray:
    """What the network says where nothing is between it and the pictures."""
    return logits(load(Storage(str(exported_root)), 1).network, pictures).numpy()


@pytest.fixture(autouse=True)
def torch_threads() -> object:
    """Sessions on the CPU set torch's threads; other tests have theirs back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def tolerance(backend: Backend, reference: np.ndarray) -> float:
    """Largest difference of a logit that is rounding."""
    share = 1e-3 if backend == "cuda-fp32" else TOLERANCE[backend.partition("-")[2]]
    return share * float(np.ptp(reference))


def test_a_backend_computes_the_network(
    opened: Open, backend: Backend, pictures: np.ndarray, reference: np.ndarray
) -> None:
    answers = opened(8).logits(pictures)
    assert answers.dtype == np.float32 and answers.shape == reference.shape
    np.testing.assert_allclose(answers, reference, rtol=0, atol=tolerance(backend, reference))
    assert np.ptp(reference) > 1  # the pictures do differ


def test_a_picture_has_the_same_answer_in_any_company(opened: Open, pictures: np.ndarray) -> None:
    session = opened(8)
    together = session.logits(pictures)
    shuffled = np.random.default_rng(1).permutation(len(pictures))
    alone = np.concatenate([session.logits(pictures[i : i + 1]) for i in range(len(pictures))])
    # One shape, so one order of summing: what is next to a picture must not reach its last bit.
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(session.logits(pictures[shuffled]), together[shuffled])


def test_the_size_of_the_batch_is_no_part_of_the_answer(
    opened: Open, backend: Backend, pictures: np.ndarray, reference: np.ndarray
) -> None:
    one, many = opened(1).logits(pictures), opened(32).logits(pictures)
    np.testing.assert_allclose(one, many, rtol=0, atol=tolerance(backend, reference) / 4)


def test_threads_get_each_its_own_answers(opened: Open, pictures: np.ndarray) -> None:
    session = opened(4)
    alone = session.logits(pictures)
    rows = [np.random.default_rng(seed).permutation(len(pictures)) for seed in range(24)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda row: session.logits(pictures[row]), rows))
    for row, answer in zip(rows, answers, strict=True):
        np.testing.assert_array_equal(answer, alone[row])


def test_an_answer_outlives_the_next_question(opened: Open, pictures: np.ndarray) -> None:
    session = opened(4)
    first = session.logits(pictures[:4])
    kept = first.copy()
    session.logits(pictures[4:8])
    np.testing.assert_array_equal(first, kept)
