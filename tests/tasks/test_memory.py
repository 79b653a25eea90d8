"""The memory of worker processes: more is refused inside the task, and the worker lives on.

Chunk functions are made inside functions, so that they travel to the workers by value.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from nightsort.config.intake import IngestParams
from nightsort.errors import ConfigError
from tasks import memory
from tasks.compute import Workers
from tasks.memory import worker_memory


def chunks(*names: str) -> list[pa.Table]:
    """A chunk of one row for each name."""
    return [pa.table({"path": [name], "member": [""]}) for name in names]


def hungry() -> Callable[..., list[Any]]:
    """Asks for most of a gigabyte in three ways; tells what became of each, and in which process."""

    def run(chunk: Any, picture: Any) -> list[Any]:
        import os

        import cv2
        import numpy as np
        import pyarrow as pa

        def attempt(allocate: Callable[[], Any]) -> str:
            try:
                return "None" if allocate() is None else "got it"
            except (MemoryError, cv2.error):
                return "refused"

        ways: list[Callable[[], Any]] = [
            lambda: np.ones(700_000_000, np.uint8),
            lambda: pa.allocate_buffer(700_000_000),
            lambda: cv2.imdecode(picture, cv2.IMREAD_COLOR),
        ]
        return [*map(attempt, ways), os.getpid()]

    return run


def test_a_worker_is_refused_more_than_its_memory_and_lives_on() -> None:
    _, picture = cv2.imencode(".png", np.zeros((16_000, 16_000), np.uint8))  # 768 MB in colour
    with Workers(IngestParams(source="a", workers=1, worker_memory=600)) as limited:
        done = list(limited.map(hungry(), chunks("a", "b"), picture))
    results = [item.result for item in done if item.result]
    assert [result[:-1] for result in results] == [["refused"] * 3] * 2
    assert len({result[-1] for result in results}) == 1


def test_a_worker_with_enough_memory_is_refused_nothing() -> None:
    _, picture = cv2.imencode(".png", np.zeros((160, 160), np.uint8))
    with Workers(IngestParams(source="a", workers=1, worker_memory=1500)) as roomy:
        done = list(roomy.map(hungry(), chunks("a"), picture))
    assert [item.result[:-1] for item in done if item.result] == [["got it"] * 3]


def test_a_worker_that_was_started_again_is_limited_too() -> None:
    def run(chunk: Any) -> list[int]:
        import os
        import resource
        import signal

        if chunk["path"][0].as_py() == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        return [resource.getrlimit(resource.RLIMIT_DATA)[0]]

    with Workers(IngestParams(source="a", workers=1, worker_memory=700)) as limited:
        done = list(limited.map(run, chunks("a", "poison", "c")))
    limits = [item.result[0] for item in done if item.result]
    assert len(limits) == 2 and all(700_000_000 <= limit < 1_000_000_000 for limit in limits)


def test_memory_is_shared_out_between_the_workers_and_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 12_000_000_000)
    assert [worker_memory(0, workers) for workers in (1, 3, 1000)] == [6_000_000_000, 3_000_000_000, 512_000_000]
    assert worker_memory(800, 3) == 800_000_000


def test_too_little_memory_is_the_users_mistake() -> None:
    with pytest.raises(ConfigError, match=r"^worker_memory 100: must be 0 or at least 512 MB"):
        Workers(IngestParams(source="a", worker_memory=100))
