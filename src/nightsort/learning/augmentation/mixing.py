"""Owns mixing: a batch of pictures and labels in, a batch made of pairs of them out.

Invariant: every target sums to one and says what share of a picture is of which class; all randomness
comes from the generator passed in. Does not know models or losses.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from nightsort.config.training import PictureParams
from nightsort.learning.augmentation.generator import drawing_from


def mix(
    images: Tensor, labels: Tensor, classes: int, params: PictureParams, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018) or CutMix (Yun et al. 2019), as asked for; with both, a coin decides for the batch.

    :param images: float32 (B, 3, S, S)
    :param labels: class ids, int64 (B,)
    :param classes: C
    :returns: float32 (B, 3, S, S), and soft targets, float32 (B, C)
    """
    ways = [v2.MixUp(alpha=params.mixup, num_classes=classes)] if params.mixup else []
    ways += [v2.CutMix(alpha=params.cutmix, num_classes=classes)] if params.cutmix else []
    if not ways:
        return images, F.one_hot(labels, classes).float()
    with drawing_from(generator):
        way = ways[int(torch.randint(len(ways), ()))]
        mixed: tuple[Tensor, Tensor] = way(images, labels)
    return mixed
