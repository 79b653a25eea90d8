"""The mistakes of a report: the surest first, under their own names, beside a map where the model has one."""

import base64
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from nightsort.learning.classical.assembly import join
from nightsort.learning.classical.features import Features
from nightsort.learning.classical.hog import Hog
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Pictures
from nightsort.reports.learned import MAX_MISTAKES
from nightsort.reports.mistakes import mistakes

CLASSES = ["a", "b"]
SIDE = 16


class Names:
    """A dataset in memory that knows where pictures came from, but for one."""

    def __init__(self, ids: list[str]) -> None:
        self._rows = [{"sha256": name, "path": f"/srv/{name}.zip", "member": f"{name}.png"} for name in ids]

    def examples(self, columns: list[str], where: Any, version: int) -> pa.Table:
        assert version == 3
        return pa.Table.from_pylist(self._rows).filter(where).select(columns)


@pytest.fixture
def held_out() -> Pictures:
    images = np.random.default_rng(0).integers(0, 256, (40, SIDE, SIDE, 3), dtype=np.uint8)
    return Pictures(images, np.zeros(40, np.int64), [f"{i:064x}" for i in range(40)])


@pytest.fixture
def probabilities() -> np.ndarray:
    """All but the first two are wrong, the later the surer."""
    wrong = np.linspace(0.2, 0.98, 40, dtype=np.float32)
    wrong[1] = 0.3
    return np.stack((1 - wrong, wrong), 1)


def network() -> Classifier:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Classifier(body, nn.Linear(4, 2))


def size(uri: str) -> tuple[int, ...]:
    encoded = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR).shape


def test_the_surest_come_first_under_their_names(held_out: Pictures, probabilities: np.ndarray) -> None:
    found, notes = mistakes(Names(held_out.ids[:39]), 3, held_out, CLASSES, probabilities, network())
    assert len(found) == MAX_MISTAKES and notes == []
    sure = [item.picture.confidence for item in found]
    assert sure == sorted(sure, reverse=True) and sure[0] == pytest.approx(0.98)
    assert all((item.picture.label, item.picture.runner_up) == ("b", "a") for item in found)
    assert found[0].picture.margin == pytest.approx(0.96)
    assert found[0].picture.path == held_out.ids[39]  # the dataset does not know it any more
    assert held_out.ids[38] + ".zip" in found[1].picture.path
    assert all(size(item.picture.image) == size(item.activation) == (112, 112, 3) for item in found)


def test_a_model_without_maps_says_so(held_out: Pictures, probabilities: np.ndarray) -> None:
    model = join(Features([Hog()], torch.zeros(1), torch.ones(1)), nn.Linear(1, 2))
    found, notes = mistakes(Names(held_out.ids), 3, held_out, CLASSES, probabilities, model, limit=2)
    assert len(found) == 2 and all(item.picture.image and not item.activation for item in found)
    assert notes == ["no class activation maps: a classical model has features in place of feature maps"]


def test_no_mistake_is_no_reason_for_a_note(held_out: Pictures) -> None:
    right = np.tile(np.array([0.9, 0.1], np.float32), (40, 1))
    model = join(Features([Hog()], torch.zeros(1), torch.ones(1)), nn.Linear(1, 2))
    assert mistakes(Names(held_out.ids), 3, held_out, CLASSES, right, model) == ([], [])
