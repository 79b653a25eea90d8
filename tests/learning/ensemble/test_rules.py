"""How several answers become one."""

import pytest
import torch
from torch import Tensor

from nightsort.learning.ensemble.rules import Combination, Voting

ANSWERS = torch.tensor([[[0.6, 0.4, 0.0], [0.0, 0.9, 0.1], [0.7, 0.0, 0.3]]])


def probabilities(head: Combination, answers: Tensor = ANSWERS) -> Tensor:
    """What a head makes of probabilities (B, M, C)."""
    return torch.softmax(head(answers.log().flatten(1)), 1)


def test_the_mean_is_of_probabilities_not_of_logits() -> None:
    torch.testing.assert_close(probabilities(Combination(3)), ANSWERS.mean(1))


def test_a_weight_counts_and_may_be_nought() -> None:
    head = Combination(3)
    head.weights.copy_(torch.tensor([0.0, 0.75, 0.25]))
    torch.testing.assert_close(probabilities(head), torch.tensor([[0.175, 0.675, 0.15]]))


def test_the_most_voices_win_however_sure_the_others_are() -> None:
    shares = probabilities(Voting(3))
    torch.testing.assert_close(shares, torch.tensor([[2 / 3, 1 / 3, 0.0]]), atol=1e-3, rtol=0)


def test_a_tie_goes_to_the_surer() -> None:
    assert probabilities(Voting(2), ANSWERS[:, :2]).argmax(1).tolist() == [1]


@pytest.mark.parametrize("head", [Combination(2), Voting(2)])
def test_members_that_are_certain_give_finite_logits(head: Combination) -> None:
    certain = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]).log().flatten(1)
    assert head(certain).isfinite().all()
