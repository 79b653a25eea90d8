"""The session: padding, order, and what happens when memory runs out."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nightsort.errors import RunError
from nightsort.scoring.backends.session import FixedShape, Network

LACKS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("Check 'ptr' failed at src/plugins/intel_cpu/src/cpu_memory.cpp:257:\nFailed to allocate 9 bytes"),
    RuntimeError("std::bad_alloc"),
]


class Machine:
    """Memory for so many pictures at once; remembers the shapes that were loaded and computed."""

    def __init__(self, room: int, error: Exception, at_load: bool = False) -> None:
        self.room, self.error, self.at_load = room, error, at_load
        self.loaded: list[int] = []
        self.computed: list[int] = []

    def load(self, batch_size: int) -> Network:
        """A network that answers the first two values of each picture, for one shape."""
        self.loaded.append(batch_size)
        if self.at_load and batch_size > self.room:
            raise self.error

        def network(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
            assert len(pictures) == batch_size and pictures.flags.c_contiguous
            if len(pictures) > self.room:
                raise self.error
            self.computed.append(len(pictures))
            return pictures[:, 0, 0, :2].astype(np.float32)

        return network


def numbered(count: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Pictures that say who they are, and the answers to them."""
    pictures = np.zeros((count, 4, 4, 3), np.uint8)
    pictures[:, 0, 0, 0] = np.arange(count)
    pictures[:, 0, 0, 1] = 1
    return pictures, pictures[:, 0, 0, :2].astype(np.float32)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
def test_any_number_of_pictures_is_computed_in_one_shape_and_no_padding_comes_out(count: int) -> None:
    machine = Machine(4, MemoryError())
    pictures, expected = numbered(count)
    np.testing.assert_array_equal(FixedShape(machine.load, 4).logits(pictures), expected)
    assert set(machine.computed) == {4} and len(machine.computed) == -(-count // 4)


def test_a_view_of_other_pictures_is_laid_out_anew() -> None:
    pictures, expected = numbered(8)
    session = FixedShape(Machine(4, MemoryError()).load, 4)
    np.testing.assert_array_equal(session.logits(pictures[::-2]), expected[::-2])


@pytest.mark.parametrize("at_load", [False, True])
@pytest.mark.parametrize("error", LACKS, ids=lambda error: str(error)[:20] or type(error).__name__)
def test_out_of_memory_halves_the_batch_and_it_stays_halved(error: Exception, at_load: bool) -> None:
    machine = Machine(3, error, at_load)
    session = FixedShape(machine.load, 12)
    pictures, expected = numbered(30)
    for _ in range(2):
        np.testing.assert_array_equal(session.logits(pictures), expected)
    assert machine.loaded == [12, 6, 3] and set(machine.computed) == {3}
    assert session.batch_size == 3


@pytest.mark.parametrize("at_load", [False, True])
def test_no_room_for_one_picture_is_one_clear_line(at_load: bool) -> None:
    machine = Machine(0, RuntimeError("out of memory\nsecond line"), at_load)
    with pytest.raises(RunError, match=r"a batch of one picture \(out of memory second line\); use fewer") as raised:
        FixedShape(machine.load, 4).logits(numbered(2)[0])
    assert machine.loaded == [4, 2, 1] and len(raised.value.lines) == 1


@pytest.mark.parametrize("at_load", [False, True])
def test_another_error_is_not_taken_for_a_lack_of_memory(at_load: bool) -> None:
    machine = Machine(0, RuntimeError("shapes do not match"), at_load)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        FixedShape(machine.load, 4).logits(numbered(2)[0])
    assert machine.loaded == [4]


def test_threads_that_run_out_of_memory_together_halve_once() -> None:
    machine = Machine(2, MemoryError())
    session = FixedShape(machine.load, 8)
    pictures, expected = numbered(200)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(session.logits, np.split(pictures, 8)))
    np.testing.assert_array_equal(np.concatenate(answers), expected)
    assert machine.loaded == [8, 4, 2]


def test_the_memory_of_a_network_is_given_back_before_the_next_is_loaded() -> None:
    alive: list[weakref.ref[Network]] = []

    class Full:
        def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
            if len(pictures) > 1:
                raise MemoryError
            return np.zeros((1, 2), np.float32)

    def load(batch_size: int) -> Network:
        gc.collect()
        assert [network for network in alive if network() is not None] == []
        network = Full()
        alive.append(weakref.ref(network))
        return network

    assert FixedShape(load, 4).logits(numbered(3)[0]).shape == (3, 2)
    assert len(alive) == 3
