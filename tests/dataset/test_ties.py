"""What is kept is in one split, whatever ties it, and little is left out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nightsort.dataset.ties import Bits, Kept, Rows, Ties

TRAIN, VALIDATION, TEST = 1, 2, 4
SETS = st.sampled_from([0, 0, 0, TRAIN, VALIDATION, TEST, TRAIN | TEST])


def chain(length: int) -> tuple[Kept, Rows, Bits]:
    """Pictures each of which is near the next, the first declared for train and the last for test."""
    declared = np.zeros(length, np.uint8)
    declared[[0, -1]] = TRAIN, TEST
    hubs = np.arange(length)
    links = np.column_stack([hubs[:-1], hubs[1:]])
    return Ties(hubs, np.full(length, -1), links, np.zeros(length, np.uint8), declared).cut()


def test_a_long_chain_is_cut_in_its_middle() -> None:
    for length in (1000, 1001):
        kept, component, bits = chain(length)
        [cut] = np.flatnonzero(~kept)
        assert cut in (length // 2 - 1, length // 2)
        assert sorted(bits[component[kept]]) == [TRAIN] * cut + [TEST] * (length - cut - 1)


@given(st.data(), st.integers(2, 12))
def test_what_is_tied_is_in_one_split(data: st.DataObject, count: int) -> None:
    hubs = st.lists(st.integers(-1, count - 1), min_size=count, max_size=count)
    one_split = st.sampled_from([0, 0, TRAIN, VALIDATION, TEST])
    pairs = st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda it: it[0] < it[1]))
    look, group = np.array(data.draw(hubs)), np.array(data.draw(hubs))
    links = np.array([pair for pair in data.draw(pairs) if max(pair) <= look.max()], np.int64).reshape(-1, 2)
    pull, declared = (
        np.array(data.draw(st.lists(some, min_size=count, max_size=count)), np.uint8) for some in (SETS, one_split)
    )
    kept, component, bits = Ties(look, group, links, pull, declared).cut()
    near = {(one, other) for one, other in links.tolist()}
    wanted = pull | declared
    for one in np.flatnonzero(kept):
        assert wanted[one] in (0, bits[component[one]]), "it is where it is wanted"
        for other in np.flatnonzero(kept):
            same_look, same_group = (hub[one] == hub[other] >= 0 for hub in (look, group))
            if same_look or same_group or (look[one], look[other]) in near:
                assert component[one] == component[other]
    assert kept[wanted == 0].all() or np.bitwise_count(np.bitwise_or.reduce(wanted)) > 1, "nothing goes without need"
