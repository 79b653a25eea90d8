"""Owns computing logits with torch on a GPU.

Invariant: the weights are on the device once; a batch has a lane to itself from the copy in to the copy
out, and there are a few lanes, so that copies of one overlap the computing of another.
Does not know where the network came from.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray

from nightsort.learning.classifier import Classifier

BATCH = 64
LANES = 3  # one is filled or emptied, one copies, one computes

_CAPTURING = Lock()
Lane = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Lanes:
    """A network that several threads may call: each call takes a free lane, or waits for one.

    :param make: builds a lane, which one thread at a time calls
    """

    def __init__(self, make: Callable[[], Lane], count: int) -> None:
        self._free: SimpleQueue[Lane] = SimpleQueue()
        for _ in range(count):
            self._free.put(make())

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See :data:`nightsort.scoring.backends.session.Network`."""
        lane = self._free.get()
        try:
            return lane(pictures)
        finally:
            self._free.put(lane)


class OnGpu:
    """A lane: buffers in pinned memory, a stream, and the network captured as a CUDA graph of one shape.

    :param network: in evaluation mode, on the device, channels last
    :param shape: of a batch: (B, S, S, 3)
    :raises torch.OutOfMemoryError: if the device has no room for the batch
    """

    def __init__(self, network: Classifier, shape: tuple[int, int, int, int], bf16: bool) -> None:
        self._network = network
        self._bf16 = bf16
        self._pinned = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        self._pictures = torch.zeros(shape, dtype=torch.uint8, device="cuda")
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._graph = torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream())  # the copies above
        with _CAPTURING, torch.cuda.stream(self._stream):
            for _ in range(3):  # cuDNN and cuBLAS choose and allocate now: a capture allows neither
                self._forward()
            self._stream.synchronize()
            with torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode="thread_local"):
                self._logits = self._forward()
        self._answer = torch.empty(self._logits.shape, dtype=torch.float32, pin_memory=True)

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits of one batch, float32 (B, C)."""
        self._pinned.numpy()[...] = pictures
        with torch.cuda.stream(self._stream):
            self._pictures.copy_(self._pinned, non_blocking=True)
            self._graph.replay()
            self._answer.copy_(self._logits, non_blocking=True)
        self._stream.synchronize()
        logits: NDArray[np.float32] = self._answer.numpy().copy()
        return logits

    def _forward(self) -> torch.Tensor:
        # Without autocast's cache: its copies of the weights would live in one graph's private memory.
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, self._bf16, cache_enabled=False):
            logits: torch.Tensor = self._network(self._pictures.permute(0, 3, 1, 2)).float()
        return logits


def lacks(backend: str) -> str:
    """Why this machine cannot run one of the backends for a GPU; empty if it can."""
    if not torch.cuda.is_available():
        return "the machine has no GPU that torch can use"
    if backend == "cuda-bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return f"{torch.cuda.get_device_name()} has no instructions for bf16"
    return ""


def on_device(network: Classifier) -> Classifier:
    """The network on the GPU, laid out as its convolutions want it."""
    torch.backends.cudnn.benchmark = True  # the shape is fixed, so trying the algorithms once pays
    return network.eval().to("cuda").to(memory_format=torch.channels_last)
