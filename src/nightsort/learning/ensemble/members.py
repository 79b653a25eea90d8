"""Owns an ensemble as one model: its members side by side, and the head that combines their answers.

Invariant: each member normalises pictures itself, and its temperature travels with the weights.
Does not know how weights were found.
"""

import torch
from torch import Tensor, nn

from nightsort.learning.classifier import Classifier
from nightsort.learning.ensemble.rules import Combination, Voting


class Members(nn.Module):
    """The body of an ensemble: calibrated log-probabilities of every member, one member after the other."""

    temperatures: Tensor

    def __init__(self, members: list[Classifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("temperatures", torch.ones(len(members)))

    def forward(self, images: Tensor) -> Tensor:
        """Float (B, 3, S, S) in 0..255 -> (B, M * C)."""
        answers = [
            torch.log_softmax(member(images).float() / self.temperatures[i], 1) for i, member in enumerate(self.members)
        ]
        return torch.cat(answers, 1)


def assemble(combine: str, members: list[Classifier]) -> Classifier:
    """An ensemble whose members all have temperature 1 and equal weights; both are in its state dict.

    :param combine: vote, mean or weighted
    """
    head = Voting if combine == "vote" else Combination
    ensemble = Classifier(Members(members), head(len(members)))
    ensemble.normalise_by(torch.zeros(3), torch.ones(3))  # members do it
    return ensemble
