"""Owns what a model looked at: its surest mistakes, and where in a picture the evidence lay.

Invariant: the model is as it was, and one without feature maps has no explanation, and says why.
Does not know how a picture is shown.
"""

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nightsort.learning.classical.features import Features
from nightsort.learning.classifier import Classifier
from nightsort.learning.ensemble.members import Members
from nightsort.learning.predict import batch, evaluating

_FINE, _COARSE = 4, 2  # places a side that a map should have, and must have, to say where
_SMOOTH = 112  # pixels a side from which a map over a picture looks smooth


def worst(probabilities: NDArray[np.float32], labels: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Rows of the pictures that were named wrong, the surest first, int64 (at most `limit`,)."""
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    order = np.argsort(-probabilities[wrong].max(1), kind="stable")
    rows: NDArray[np.int64] = wrong[order[:limit]]
    return rows


def why_not(model: Classifier) -> str:
    """Why the model has no class activation maps, in words; empty if it has."""
    if _convolutional(model) is not None:
        return ""
    if isinstance(model.body, Members):
        return "no member of the ensemble is a convolutional network"
    if isinstance(model.body, Features):
        return "a classical model has features in place of feature maps"
    return "the network is not convolutional throughout"


def activation(model: Classifier, image: NDArray[np.uint8], class_id: int) -> NDArray[np.float32] | None:
    """Grad-CAM (Selvaraju et al. 2017) on the last feature map: how much each place speaks for a class.

    Of an ensemble, that of its first convolutional member. Of pictures so small that the last map has less than
    4 x 4 places, the last that has so many.

    :param image: RGB, uint8 (S, S, 3)
    :returns: float32 (S, S) in 0..1; all 0 where nothing speaks for the class; None without feature maps,
        see :func:`why_not`
    """
    from captum.attr import LayerAttribution, LayerGradCam  # slow to import, and few processes explain anything

    network = _convolutional(model)
    if network is None:
        return None
    pixels = batch(image[None]).to(network.mean.device).float()
    with evaluating(network), torch.enable_grad():
        layer = _last_map(network, pixels)
        if layer is None:
            return None
        map_ = LayerGradCam(network, layer).attribute(pixels, target=class_id, relu_attributions=True)
    map_ = LayerAttribution.interpolate(map_, image.shape[:2], "bilinear")[0, 0].detach().cpu()
    highest = map_.max().clamp(min=torch.finfo(torch.float32).tiny)
    return np.asarray(map_ / highest, np.float32)


def overlay(image: NDArray[np.uint8], activation: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture under its activation map, red where it speaks most for the class, uint8 (S, S, 3).

    :param image: RGB, uint8 (S, S, 3)
    :param activation: float32 (S, S) in 0..1
    """
    heat = cv2.applyColorMap((255 * activation).astype(np.uint8), cv2.COLORMAP_TURBO)
    return np.asarray(cv2.addWeighted(image, 0.5, cv2.cvtColor(heat, cv2.COLOR_BGR2RGB), 0.5, 0), np.uint8)


def enlarged(array: NDArray[Any]) -> NDArray[Any]:
    """A picture, or a map of it, with at least 112 pixels a side, so that the map over it is smooth.

    :param array: (S, S) or (S, S, 3)
    """
    side = max(_SMOOTH, len(array))
    return np.asarray(cv2.resize(array, (side, side), interpolation=cv2.INTER_LINEAR))


def _convolutional(model: Classifier) -> Classifier | None:
    """The network to look into: the model, or its first member that will do."""
    if isinstance(model.body, Members):
        members = [member for member in model.body.members if isinstance(member, Classifier)]
        return next((found for member in members if (found := _convolutional(member))), None)
    # A transformer begins with a convolution, and mixes places from there on.
    attention = any("Attention" in type(module).__name__ for module in model.body.modules())
    convolutions = any(isinstance(module, nn.Conv2d) for module in model.body.modules())
    return None if isinstance(model.body, Features) or attention or not convolutions else model


def _last_map(network: Classifier, pixels: Tensor) -> nn.Module | None:
    """The module of the body that ends last with a map (1, channels, H, W) fine enough to say where."""
    sides: list[tuple[nn.Module, int]] = []

    def note(module: nn.Module, _: object, output: object) -> None:
        enlarging = isinstance(module, nn.AdaptiveAvgPool2d)  # of pictures smaller than the network is made for
        if isinstance(output, Tensor) and output.ndim == 4 and not enlarging:
            sides.append((module, min(output.shape[2:])))

    hooks = [module.register_forward_hook(note) for module in network.body.modules()]
    try:
        with torch.no_grad():
            network(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    for least in (_FINE, _COARSE):
        if fine := [module for module, side in sides if side >= least]:
            return fine[-1]
    return None
