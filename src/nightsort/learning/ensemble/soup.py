"""Owns the soup: one network whose weights are the mean of several networks'.

Invariant: its merit is never below that of its best ingredient. Does not know what merit is.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from nightsort.learning.classifier import Classifier


def greedy_soup(
    soup: Classifier, states: list[dict[str, Tensor]], merits: list[float], merit: Callable[[Classifier], float]
) -> list[int]:
    """Average weights greedily (Wortsman et al. 2022).

    From the best to the worst, an ingredient joins if the mean of all that joined has no lower merit with it.

    :param soup: a network of the architecture of all, which becomes the soup
    :param states: the ingredients, at least one
    :param merits: of each ingredient; higher is better
    :param merit: of a network
    :returns: positions of the ingredients that joined, in order of their merit
    """
    first, *others = sorted(range(len(states)), key=lambda i: -merits[i])
    joined, best = [first], merits[first]
    for candidate in others:
        soup.load_state_dict(_mean([states[i] for i in [*joined, candidate]]))
        if (reached := merit(soup)) >= best:
            joined, best = [*joined, candidate], reached
    soup.load_state_dict(_mean([states[i] for i in joined]))
    return joined


def _mean(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of every tensor, the buffers of batch normalisation among them; counts are the first's."""
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if tensor.is_floating_point() else tensor
        for name, tensor in states[0].items()
    }
