"""The perceptual hash: near for copies, far for other pictures, nothing for what has no features."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.images.decode import Pixels, decode
from nightsort.images.phash import phash

NEAR = 6  # bits, the default of `near_duplicates`


def scene(seed: int, width: int = 200, height: int = 150) -> Pixels:
    """A smooth random picture: blobs of colour as a photograph has them."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def distance(one: Pixels, other: Pixels) -> int:
    return (phash(one) ^ phash(other)).bit_count()


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "compressed": lambda p: decode(
        cv2.imencode(".jpg", p[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 40])[1].tobytes(), 10**6
    ),
    "halved": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "stretched": lambda p: cv2.resize(p, (300, 120)),
    "darkened": lambda p: (p * 0.8).astype(np.uint8),
    "noisy": lambda p: np.clip(p + np.random.default_rng(1).normal(0, 5, p.shape), 0, 255).astype(np.uint8),
    "grey": lambda p: cv2.cvtColor(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_near(name: str) -> None:
    for seed in range(20):
        assert distance(scene(seed), COPIES[name](scene(seed))) <= NEAR


def test_other_pictures_are_far() -> None:
    hashes = [phash(scene(seed)) for seed in range(60)]
    distances = [(one ^ other).bit_count() for place, one in enumerate(hashes) for other in hashes[:place]]
    assert min(distances) > NEAR
    assert 28 < np.mean(distances) < 34  # about half of 63 bits, as for coins


def test_mirrored_and_turned_pictures_are_other_pictures() -> None:
    for seed in range(10):
        assert distance(scene(seed), scene(seed)[:, ::-1].copy()) > NEAR
        assert distance(scene(seed), scene(seed)[::-1].copy()) > NEAR


@pytest.mark.parametrize("level", [0, 77, 255])
@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (90, 400)])
def test_a_picture_without_features_has_no_hash(level: int, shape: tuple[int, int]) -> None:
    assert phash(np.full((*shape, 3), level, np.uint8)) == 0


def test_faint_noise_is_no_feature_and_a_gradient_is_one() -> None:
    noise = np.random.default_rng(0).integers(100, 103, (64, 64, 3), dtype=np.uint8)
    assert phash(noise) == 0
    gradient = np.linspace(0, 255, 64).astype(np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
    assert phash(gradient) != 0


def test_bits_are_the_low_frequencies_above_their_median() -> None:
    """Against OpenCV's own transform."""
    picture = scene(3, 32, 32)
    low = cv2.dct(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32))[:8, :8]
    low[0] *= np.sqrt(2)  # OpenCV's transform is orthonormal; ours leaves out the factor of the first row and column
    low[:, 0] *= np.sqrt(2)
    median = np.median(low.ravel()[1:])
    expected = "".join("1" if value > median else "0" for value in low.ravel())
    assert f"{phash(picture):064b}" == "0" + expected[1:]


@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_any_shape_has_a_hash_that_fits_a_signed_64_bit_column(width: int, height: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    before = picture.copy()
    assert 0 <= phash(picture) < 2**63
    assert phash(picture) == phash(before) and (picture == before).all()
