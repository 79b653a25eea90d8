"""Owns the rules that make one answer of several.

Invariant: the answer is the logarithm of probabilities that sum to 1, and never infinite.
Does not know what the members are.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TIE = 1e-3  # share of the voices that goes to the mean of probabilities, which decides a tie


class Combination(nn.Module):
    """Weighted mean of the members' probabilities; equal weights make it the mean.

    :param members: their number M
    """

    weights: Tensor

    def __init__(self, members: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.full((members,), 1 / members))

    def forward(self, answers: Tensor) -> Tensor:
        """Log-probabilities (B, M * C) -> logits (B, C)."""
        # Not logsumexp of answers plus log weights: a weight may be 0.
        members = torch.unflatten(answers, 1, (len(self.weights), -1))
        return _log((members.exp() * self.weights.view(1, -1, 1)).sum(1))


class Voting(Combination):
    """One voice for each member, for the class it gives most probability; a tie goes to the higher mean probability."""

    def forward(self, answers: Tensor) -> Tensor:
        """Log-probabilities (B, M * C) -> logits (B, C)."""
        members = torch.unflatten(answers, 1, (len(self.weights), -1))
        voices = F.one_hot(members.argmax(2), members.shape[2]).to(members.dtype).mean(1)
        return _log((1 - _TIE) * voices + _TIE * members.exp().mean(1))


def _log(probabilities: Tensor) -> Tensor:
    return probabilities.clamp(min=1e-12).log()
