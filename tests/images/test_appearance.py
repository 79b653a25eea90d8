"""One look gives what each measure and hash gives for itself."""

import cv2
import numpy as np
import pytest

from nightsort.dataset.twins import HASHES
from nightsort.images.appearance import appearance
from nightsort.images.decode import Decoded
from nightsort.images.dhash import dhash
from nightsort.images.phash import phash
from nightsort.images.quality import measure
from nightsort.schema import MEASURES


@pytest.mark.parametrize("shape", [(32, 32), (28, 28), (375, 500), (1100, 900), (3, 700)])
def test_a_look_is_the_measures_and_the_hashes_of_the_picture(shape: tuple[int, int]) -> None:
    coarse = np.random.default_rng(shape[0]).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    decoded = Decoded(picture, 4 * shape[1], 4 * shape[0])
    seen = appearance(decoded)
    assert list(seen) == [*MEASURES.names, *HASHES]
    assert {name: seen[name] for name in MEASURES.names} == measure(decoded)
    assert (seen["width"], seen["height"]) == (4 * shape[1], 4 * shape[0]), "those of the original"
    assert (seen["phash"], (seen["dhash"], seen["dhash_vertical"])) == (phash(picture), dhash(picture))
