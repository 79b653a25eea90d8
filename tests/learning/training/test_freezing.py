"""With a frozen body the head alone learns."""

import torch

from nightsort.learning.fit import fit
from nightsort.learning.pretrained import Initial
from nightsort.learning.training.optimizing import Body
from nightsort.learning.zoo import Network, build
from tests.learning.shapes import CLASSES, TRAIN, VALIDATION, params


def test_a_body_frozen_for_all_epochs_stays_as_it_was() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        begun = build(Network(name="small_resnet"), 3).state_dict()
    recipe = params(epochs=1, frozen_epochs=1)
    fitted = fit(TRAIN, VALIDATION, CLASSES, recipe, initial=Initial(begun, "a file", "ab", CLASSES))
    weights = fitted.model.state_dict()
    assert all(torch.equal(begun[name], weights[name]) for name in begun if name.startswith("body."))
    assert not torch.equal(begun["head.weight"], weights["head.weight"])


def test_what_never_learns_stays_so() -> None:
    model = build(Network(name="small_resnet"), 3)
    fixed = next(model.body.parameters()).requires_grad_(False)
    body = Body(model)
    body.freeze(True)
    body.train()
    assert not any(weight.requires_grad for weight in model.body.parameters())
    assert model.head.training and not any(module.training for module in model.body.modules())
    body.freeze(False)
    body.train()
    assert not fixed.requires_grad
    assert sum(not weight.requires_grad for weight in model.body.parameters()) == 1
    assert all(module.training for module in model.modules())
