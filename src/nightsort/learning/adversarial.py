"""Owns attacks: the small change of a picture that raises a model's loss most.

Invariant: no pixel moves by more than epsilon, nor out of 0..255; the model is as it was before, its
weights, gradients, modes and running statistics. Does not know what is measured or learned from it.
"""

import torch
from torch import Tensor, nn

from nightsort.errors import ModelError
from nightsort.learning.losses import Loss
from nightsort.learning.predict import evaluating


def fgsm(model: nn.Module, images: Tensor, targets: Tensor, loss: Loss, epsilon: float) -> Tensor:
    """One step of the whole length along the sign of the gradient (Goodfellow et al. 2015).

    :param images: float32 (B, 3, S, S) in 0..255
    :param epsilon: grey levels of 255
    :returns: the same shape and range
    :raises ModelError: the model's answers have no gradient by its pictures
    """
    with evaluating(model):
        return (images + epsilon * _uphill(model, images, targets, loss)).clamp(0, 255)


def pgd(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    loss: Loss,
    epsilon: float,
    steps: int,
    step_size: float,
    generator: torch.Generator,
) -> Tensor:
    """Steps along the sign of the gradient from a random start, each put back within epsilon (Madry et al. 2018).

    :param step_size: grey levels of 255; the others and what is returned are as of :func:`fgsm`
    """
    start = torch.rand(images.shape, generator=generator, device=generator.device).to(images.device)
    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=255)
    changed = (images + (2 * start - 1) * epsilon).clamp(0, 255)
    with evaluating(model):
        for _ in range(steps):
            step = step_size * _uphill(model, changed, targets, loss)
            changed = torch.minimum(torch.maximum(changed + step, low), high)
    return changed


def _uphill(model: nn.Module, images: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Sign of the gradient of the loss by the pictures, which leaves the gradients of the weights alone."""
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        value = loss(model(images), targets)
        gradient = torch.autograd.grad(value, images, allow_unused=True)[0] if value.requires_grad else None
    if gradient is None:
        raise ModelError("attack: the model's answers have no gradient by its pictures; only networks have one")
    return gradient.sign()
