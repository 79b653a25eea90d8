"""Owns computing logits with torch on the CPU; in fp32 it is what the other backends are held against.

Invariant: every calling thread computes on one core.
Does not know where the network came from.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from nightsort.learning.classifier import Classifier
from nightsort.learning.predict import batch


class OnCpu:
    """A network in evaluation mode; it takes batches of any size.

    Sets the torch threads of the process to one, because its callers share the cores.

    :param bf16: compute convolutions and products in bfloat16, the rest in float32 (torch's autocast)
    """

    def __init__(self, network: Classifier, bf16: bool) -> None:
        torch.set_num_threads(1)
        self._network = network.eval().to(memory_format=torch.channels_last)
        self._bf16 = bf16

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See :data:`nightsort.scoring.backends.session.Network`."""
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            logits: NDArray[np.float32] = self._network(batch(pictures)).float().numpy()
        return logits
