"""How trainings share a machine."""

import os

import pytest
import torch

from nightsort.config.search import CompareParams
from tasks.compute import Workers
from tasks.side_by_side import lane, placed, threads_of


class Started(Workers):
    """Workers that start nothing."""

    def start(self) -> None:  # type: ignore[override]
        return None


@pytest.mark.parametrize(("cores", "gpus", "expected"), [(1, 0, 1), (2, 0, 1), (16, 0, 8), (16, 4, 4)])
def test_as_many_at_a_time_as_there_are_gpus_or_pairs_of_cores(
    cores: int, gpus: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert placed(CompareParams()).workers == expected
    assert placed(CompareParams(workers=3)).workers == 3
    workers = Started(placed(CompareParams()))
    assert threads_of(workers) == max(1, cores // expected)


def test_threads_are_as_before_when_a_training_is_over() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), lane(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before


def test_each_of_several_gpus_is_seen_by_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    class Worker:
        name = 3

    monkeypatch.setattr("tasks.side_by_side.get_worker", Worker)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    with lane(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "6"
