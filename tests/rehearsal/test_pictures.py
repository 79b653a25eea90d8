"""The pictures of a rehearsal are the same every time, differ from each other, and no pool knows another's."""

from itertools import combinations

import cv2
import numpy as np
import pytest

from rehearsal.pictures import POOLS, SIDE, Digits, Picture, dark


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits()


def grey(picture: Picture) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    image = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return image.astype(np.uint8)


def test_the_pools_share_no_original_and_leave_none_out(digits: Digits) -> None:
    pools = [{int(row) for digit in range(10) for row in digits.originals(pool, digit)} for pool in POOLS]
    assert sum(map(len, pools)) == len(set.union(*pools)) == 1797
    assert all(not one & other for one, other in combinations(pools, 2))


def test_the_same_seed_gives_the_same_pictures_and_no_two_are_alike(digits: Digits) -> None:
    many = [digits.draw("early", 3, 100, np.random.default_rng(7)) for _ in range(2)]
    assert many[0] == many[1]
    assert len({picture.data for picture in many[0]}) == len({picture.name for picture in many[0]}) == 100
    assert {picture.truth for picture in many[0]} == {"3"}


def test_an_original_comes_again_only_when_all_have_come(digits: Digits) -> None:
    count = len(digits.originals("late", 5))
    names = [picture.name[:4] for picture in digits.draw("late", 5, count, np.random.default_rng(0))]
    assert len(set(names)) == count
    assert digits.draw("late", 5, 0, np.random.default_rng(0)) == []


def test_a_dead_camera_sees_next_to_nothing_and_never_the_same(digits: Digits) -> None:
    black = dark(5, np.random.default_rng(0))
    written = digits.draw("early", 0, 5, np.random.default_rng(0))
    assert len({picture.data for picture in black}) == 5 and {picture.truth for picture in black} == {None}
    assert max(grey(each).mean() for each in black) < 10 < 100 < min(grey(each).mean() for each in written)
    assert grey(written[0]).shape == grey(black[0]).shape == (SIDE, SIDE)
