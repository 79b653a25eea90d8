"""Owns the loan of PyTorch's global generator to what draws from no other.

Invariant: inside, draws follow from the generator that was given; outside, nothing has changed.
Does not know what is drawn.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """The global generator of the processor, seeded by one draw from this generator.

    torchvision's transforms take their choices on the processor, whatever device the pictures are on.
    """
    seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
