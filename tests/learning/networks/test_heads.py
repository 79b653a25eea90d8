"""The cosine head: length says nothing, direction everything."""

import torch

from nightsort.learning.networks.heads import SCALE, CosineHead


def test_logits_are_scaled_cosines() -> None:
    head = CosineHead(2, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 5.0], [-2.0, 0.0]]))
    logits = head(torch.tensor([[3.0, 0.0], [0.0, 0.1]]))
    torch.testing.assert_close(logits, SCALE * torch.tensor([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]))


def test_the_bias_is_added_and_not_learned() -> None:
    head = CosineHead(4, 2)
    before = head(torch.ones(1, 4))
    head.bias.copy_(torch.tensor([1.0, -2.0]))
    torch.testing.assert_close(head(torch.ones(1, 4)) - before, torch.tensor([[1.0, -2.0]]))
    assert [name for name, _ in head.named_parameters()] == ["weight"] and "bias" in head.state_dict()


def test_an_embedding_of_nothing_but_zeros_favours_no_class() -> None:
    assert CosineHead(4, 2)(torch.zeros(1, 4)).tolist() == [[0.0, 0.0]]
