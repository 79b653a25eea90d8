"""Who joins a soup, and what it is made of."""

import torch

from nightsort.learning.architecture import Network
from nightsort.learning.classifier import Classifier
from nightsort.learning.ensemble.soup import greedy_soup
from nightsort.learning.zoo import build


def first_weight(model: Classifier) -> float:
    """Stands for all weights."""
    return float(next(model.parameters()).flatten()[0].detach())


def ingredients(*values: float) -> list[dict[str, torch.Tensor]]:
    """States all of whose floats are a value."""
    state = build(Network(name="resnet32"), 2).state_dict()
    return [
        {name: torch.full_like(t, value) if t.is_floating_point() else t for name, t in state.items()}
        for value in values
    ]


def test_those_join_that_do_not_lower_the_merit() -> None:
    soup = build(Network(name="resnet32"), 2)

    def merit(model: Classifier) -> float:
        return -abs(first_weight(model) - 2.0)  # 2 is perfect

    states = ingredients(9.0, 1.0, 3.0)
    joined = greedy_soup(soup, states, [-7.0, -1.0, -1.0], merit)
    assert joined == [1, 2]
    assert all(bool((t == 2.0).all()) for t in soup.state_dict().values() if t.is_floating_point())


def test_the_best_stays_alone_where_nobody_helps() -> None:
    soup = build(Network(name="resnet32"), 2)
    joined = greedy_soup(soup, ingredients(1.0, 5.0), [0.5, 0.9], lambda model: 0.1)
    assert joined == [1] and first_weight(soup) == 5.0
