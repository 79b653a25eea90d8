"""Features by their definitions: histograms of gradients, visual words, colours."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nightsort.learning.classical.colour import BINS as COLOURS
from nightsort.learning.classical.colour import Colour
from nightsort.learning.classical.features import Features
from nightsort.learning.classical.hog import BINS, CELLS, CLIP, Hog
from nightsort.learning.classical.sift import DESCRIPTOR, Words, descriptors


def grating(angle: float, side: int = 48, contrast: float = 100.0) -> Tensor:
    """Waves whose gradient points along an angle in radians, (1, 3, S, S) in 0..255."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    wave = torch.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / 12)
    return (127 + contrast * wave).expand(1, 3, -1, -1)


def noise(seed: int, side: int, count: int = 2) -> Tensor:
    """Random pictures, (count, 3, S, S) in 0..255."""
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 255, (count, 3, side, side)).astype(np.float32))


def hog_by_definition(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Dalal and Triggs 2005, pixel by pixel, of one picture (3, S, S): blocks (36, 7, 7)."""
    side = image.shape[1]
    cell = side // CELLS
    cells = np.zeros((BINS, CELLS, CELLS))
    padded = np.pad(image.astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    for y in range(side):
        for x in range(side):
            gradients = [(p[y + 1, x + 2] - p[y + 1, x], p[y + 2, x + 1] - p[y, x + 1]) for p in padded]
            dx, dy = max(gradients, key=lambda g: g[0] ** 2 + g[1] ** 2)
            degrees = np.degrees(np.arctan2(dy, dx)) % 180
            place = degrees / (180 / BINS) - 0.5
            low = int(np.floor(place))
            for k, share in ((low, 1 - (place - low)), (low + 1, place - low)):
                cells[k % BINS, y // cell, x // cell] += share * np.hypot(dx, dy) / cell**2
    blocks = np.zeros((4 * BINS, CELLS - 1, CELLS - 1))
    for i in range(CELLS - 1):
        for j in range(CELLS - 1):
            four = np.concatenate([cells[:, i + a, j + b] for a in (0, 1) for b in (0, 1)])
            clipped = np.minimum(four / np.sqrt((four**2).sum() + 1), CLIP)
            blocks[:, i, j] = clipped / np.sqrt((clipped**2).sum() + 0.05**2)
    return blocks


def test_hog_is_what_its_definition_says() -> None:
    images = noise(0, 16)
    expected = np.stack([hog_by_definition(image).ravel() for image in images.numpy()])
    assert Hog()(images).numpy() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("k", range(BINS))
def test_a_grating_votes_for_its_own_direction(k: int) -> None:
    blocks = Hog()(grating((k + 0.5) * np.pi / BINS)).view(4, BINS, 7, 7)
    assert (blocks.mean((0, 2, 3)).argmax()) == k


def test_hog_does_not_see_contrast_but_a_flat_picture_is_flat() -> None:
    strong, weak = Hog()(grating(0.3)), Hog()(grating(0.3, contrast=50))
    assert strong.numpy() == pytest.approx(weak.numpy(), abs=0.02) and strong.max() > 0.3
    assert Hog()(torch.full((1, 3, 20, 20), 77.0)).abs().max() < 5e-3


def test_sift_tells_light_to_dark_from_dark_to_light() -> None:
    ramp = torch.linspace(0, 255, 48).expand(1, 3, 48, 48)
    coarse = [descriptors(image)[1].view(16, 8, -1).mean((0, 2)) for image in (ramp, ramp.flip(3))]
    # Direction 0 lies on the edge between the bins 7 and 0, direction pi between 3 and 4.
    assert set(coarse[0].topk(2).indices.tolist()) == {7, 0}
    assert set(coarse[1].topk(2).indices.tolist()) == {3, 4}


@pytest.mark.parametrize("side", [16, 33, 96])
def test_a_descriptor_has_length_one_at_most(side: int) -> None:
    for grid in descriptors(noise(1, side)):
        assert grid.shape[:2] == (2, DESCRIPTOR)
        assert 0.9 < grid.norm(dim=1).max() <= 1


def test_words_are_shared_out_by_likeness() -> None:
    images = grating(0.0)
    grid = descriptors(images)[1]
    alike = grid.mean((0, 2, 3))
    shares = Words(torch.stack((alike / alike.norm(), -torch.ones(DESCRIPTOR))))(images)[0] ** 2
    whole, quarters = shares[:2], shares[2:].view(2, 4)
    assert whole.tolist() == pytest.approx([1, 0], abs=1e-2)
    assert quarters.tolist() == [pytest.approx([1] * 4, abs=1e-2), pytest.approx([0] * 4, abs=1e-2)]


def test_colour_is_moments_and_histograms_by_region() -> None:
    image = torch.zeros(1, 3, 16, 16)
    image[:, 0, :8, :8] = 255  # a red quarter
    regions = Colour()(image).view(5, 3, 3 + COLOURS)
    assert regions[:, 0, 0].tolist() == pytest.approx([127.5 + 127.5 / 4, 255, 127.5, 127.5, 127.5])
    values = np.where(np.arange(256) < 64, 255.0, 127.5)
    assert regions[0, 0, 1] == pytest.approx(values.std(), rel=1e-3)
    assert regions[0, 0, 2] == pytest.approx(((values - values.mean()) ** 3).mean() / values.std() ** 3, rel=1e-3)
    assert regions[0, 0, 3:].tolist() == pytest.approx([0, 0, 0, 0.375, 0.375, 0, 0, 0.25], abs=1e-5)


def test_features_stand_side_by_side_and_are_standardised() -> None:
    images = noise(2, 16, 5)
    parts: list[nn.Module] = [Colour(), Hog()]
    body = Features(parts, torch.zeros(0), torch.ones(0))
    raw = body.raw(images)
    assert torch.equal(raw, torch.cat((parts[0](images), parts[1](images)), 1))
    body.standardise_by(raw.mean(0), raw.std(0, correction=0))
    assert body(images).mean(0).abs().max() < 1e-3
    moving = raw.std(0) > 0.01
    assert moving.sum() > 100 and body(images)[:, moving].std(0, correction=0).numpy() == pytest.approx(1, abs=1e-3)
