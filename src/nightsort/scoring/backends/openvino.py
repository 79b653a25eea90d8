"""Owns computing logits with OpenVINO on the CPU.

Invariant: every calling thread has a stream and a request of its own, and a core to itself.
Does not load torch, and does not know where the model came from.
"""

import threading

import numpy as np
from numpy.typing import NDArray

from nightsort.scoring.backends.runtime import core, ov


class Compiled:
    """A model compiled for one shape.

    OpenVINO's cache of compiled models saves 0.06 s of a start, so it is not used.

    :param model: uint8 (any, S, S, 3) -> logits (any, C); it is changed
    :param precision: of the layers that are not quantised: f32 or bf16
    :param threads: that will call it, each on a core
    """

    def __init__(self, model: ov.Model, batch_size: int, precision: str, threads: int) -> None:
        shape = model.input(0).partial_shape
        model.reshape([batch_size, *(axis.get_length() for axis in list(shape)[1:])])
        options = {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads}
        self._compiled = core().compile_model(model, "CPU", options)
        self._own = threading.local()

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See :data:`nightsort.scoring.backends.session.Network`."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        self._own.request.infer([pictures], share_inputs=True)
        return np.array(self._own.request.get_output_tensor(0).data, np.float32)  # the request keeps its own


def lacks(backend: str) -> str:
    """Why this machine cannot run one of OpenVINO's backends, or is no faster for it; empty if it can."""
    needed = {"openvino-bf16": "BF16", "openvino-int8": "INT8"}.get(backend, "FP32")
    if needed in capabilities():
        return ""
    return f"the processor has no instructions for {needed.lower()}"


def capabilities() -> list[str]:
    """What the processor computes natively, in OpenVINO's words: FP32, BF16, INT8 and others."""
    return list(core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
