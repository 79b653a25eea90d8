"""Small pictures as data URIs."""

import base64

import cv2
import numpy as np
import pytest

from nightsort.reports.thumbnails import data_uri


def decode(uri: str) -> np.ndarray:
    """The picture in a data URI, (H, W, 3) RGB."""
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return cv2.cvtColor(
        cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
    )


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(600, 300, (112, 56)), (300, 600, (56, 112)), (8, 8, (8, 8)), (1, 5000, (1, 112))],
)
def test_longer_side_is_bounded_and_nothing_is_enlarged(height: int, width: int, expected: tuple[int, int]) -> None:
    assert decode(data_uri(np.zeros((height, width, 3), np.uint8))).shape == (*expected, 3)


def test_colours_keep_their_places() -> None:
    array = np.zeros((200, 200, 3), np.uint8)
    array[...] = (200, 100, 20)
    assert np.abs(decode(data_uri(array)).astype(int) - (200, 100, 20)).max() <= 4


def test_a_noisy_picture_stays_small() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    assert len(data_uri(noise)) < 20_000
