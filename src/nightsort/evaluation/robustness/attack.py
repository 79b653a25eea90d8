"""Owns the attacks that a model is measured under: which, how strong, and whether they can be made at all.

Invariant: the model is as it was before. Does not know how many pictures are attacked, nor how often it succeeds.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from nightsort.errors import ModelError
from nightsort.learning.adversarial import fgsm, pgd
from nightsort.learning.classifier import Classifier

NAMES = ("FGSM", "PGD")

EPSILONS = (1, 2, 4, 8)
"""Largest change of any value, in grey levels of 255."""

_STEPS = 10
_OVERSHOOT = 2.5  # of the way to the limit that all steps together could go (Madry et al. 2018)


def attack(
    model: Classifier, images: Tensor, labels: Tensor, name: str, epsilon: int, generator: torch.Generator
) -> Tensor:
    """Pictures changed so that the model takes them for something else.

    :param images: uint8 (B, 3, S, S)
    :param labels: int64 (B,)
    :param name: one of NAMES
    :param epsilon: grey levels of 255
    :param generator: of PGD's random start
    :returns: float32 (B, 3, S, S) in 0..255
    :raises ModelError: the model's answers have no gradient by its pictures
    """
    if name == "FGSM":
        return fgsm(model, images.float(), labels, F.cross_entropy, epsilon)
    step = _OVERSHOOT * epsilon / _STEPS
    return pgd(model, images.float(), labels, F.cross_entropy, epsilon, _STEPS, step, generator)


def obstacle(model: Classifier, images: Tensor, labels: Tensor) -> str:
    """Why these attacks can not be made on this model; empty if they can.

    Both follow the sign of the gradient of the loss. Trees have no gradient, a vote's is zero, and that of binned
    features may be no number, which has no sign either; what they would measure then is not the model.

    :param images: RGB, uint8 (B, 3, S, S)
    :param labels: class ids, int64 (B,)
    """
    try:
        changed = fgsm(model, images.float(), labels, F.cross_entropy, 1)
    except ModelError:
        return "its answers have no gradient by its pictures"
    return "the gradient of its answers by its pictures is zero or no number" if changed.equal(images.float()) else ""
