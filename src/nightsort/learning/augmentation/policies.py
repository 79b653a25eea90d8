"""Owns augmentation: the random changes of a training batch that leave its classes as they are.

Invariant: all randomness comes from the generator passed in. Does not know labels; mixing pictures with
their labels is another module's business.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torchvision.transforms import v2

from nightsort.config.training import PictureParams
from nightsort.learning.augmentation.generator import drawing_from
from nightsort.learning.augmentation.gentle import Gentle
from nightsort.words import Augment, Flip

Change = Callable[[Tensor, torch.Generator], Tensor]
"""A batch (B, 3, S, S) in 0..255, uint8 or float32, to a batch of the same shape and range."""

_SMALL = 64  # pixels of a side, below which the policy found for CIFAR-10 is used, else that for ImageNet
_SHARING = 8  # pictures of a batch that share what a policy drew for them: see `Policy`
_CROP = 8  # a picture is moved by at most this part of its side
_AREA = (0.02, 0.33)  # of a picture that is erased
_RATIO = (0.3, 3.3)  # height to width of what is erased


def augmentation(params: PictureParams) -> Change:
    """What changes the pictures of a training batch, from uint8 or float32 (B, 3, S, S) to float32 in 0..255."""
    changes = _policy(params.augment, params.flip)
    if params.erasing:
        changes.append(Erasing(params.erasing))
    if params.noise:
        changes.append(Noise(params.noise))
    return Sequence(changes)


def _policy(name: Augment, flip: Flip) -> list[Change]:
    if name == "gentle":
        return [Gentle(flip=flip)]
    if name == "none":
        return [Mirror(flip)]
    return [Mirror(flip), Crop(), Policy(name)]


@dataclass(frozen=True)
class Sequence:
    """One change after the other."""

    changes: list[Change]

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        for change in self.changes:
            images = change(images, generator)
        return images.float().clamp(0, 255)


@dataclass(frozen=True)
class Mirror:
    """Mirrored at random, each direction that is allowed with probability one half."""

    flip: Flip

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """uint8 or float32 (B, 3, S, S) -> the same."""
        for axis, on in ((3, self.flip != "none"), (2, self.flip == "both")):
            if on:
                mirrored = _whole(2, (len(images), 1, 1, 1), generator).to(images.device).bool()
                images = torch.where(mirrored, images.flip(axis), images)
        return images


class Crop:
    """A cut out of the picture with its edges reflected, as in recipes for CIFAR-10 (He et al. 2016)."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Every picture moved by up to an eighth of its side each way, uint8 or float32 (B, 3, S, S) -> the same."""
        side = images.shape[-1]
        margin = side // _CROP
        places = torch.arange(-margin, side + margin, device=images.device)
        places = side - 1 - (side - 1 - places.abs()).abs()  # 2 1 0 1 2 ... and at the other end
        wide = images.index_select(2, places).index_select(3, places)
        starts = _whole(2 * margin + 1, (len(images), 2), generator).tolist()
        cut = [wide[i, :, top : top + side, left : left + side] for i, (top, left) in enumerate(starts)]
        return torch.stack(cut)


@dataclass(frozen=True)
class Policy:
    """A policy of torchvision: TrivialAugment (Mueller and Hutter 2021), RandAugment or AutoAugment (Cubuk et al.)."""

    name: Augment

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """uint8 or float32 (B, 3, S, S) -> uint8 (B, 3, S, S)."""
        # Drawn for every picture alone, a policy takes 0.4 ms a picture of 32 px on one core, more than the training
        # step of a small network; shared by eight, 0.07 ms (at 224 px 1.2 and 0.7). A batch still has many draws, and
        # who shares one is another each epoch.
        policy = _transform(self.name, images.shape[-1])
        with drawing_from(generator):
            return torch.cat([policy(part) for part in torch.split(images.to(torch.uint8), _SHARING)])


def _transform(name: Augment, side: int) -> Callable[[Tensor], Tensor]:
    learned = v2.AutoAugmentPolicy.CIFAR10 if side < _SMALL else v2.AutoAugmentPolicy.IMAGENET
    ways = {"trivial": v2.TrivialAugmentWide, "rand": v2.RandAugment, "auto": partial(v2.AutoAugment, learned)}
    way: Callable[[Tensor], Tensor] = ways[name]()
    return way


@dataclass(frozen=True)
class Erasing:
    """Random erasing (Zhong et al. 2020): a rectangle of random grey levels over a share of the pictures."""

    share: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Each picture loses its own rectangle or none, uint8 or float32 (B, 3, S, S) -> float32."""
        batch, side = len(images), images.shape[-1]
        area = _uniform(*_AREA, batch, generator)
        ratio = _uniform(math.log(_RATIO[0]), math.log(_RATIO[1]), batch, generator).exp()
        hit = torch.rand(batch, generator=generator, device=generator.device) < self.share
        inside = hit.view(-1, 1, 1)
        for shape, extent in (((batch, side, 1), (area * ratio).sqrt()), ((batch, 1, side), (area / ratio).sqrt())):
            length = (extent * side).round().clamp(1, side)
            start = (_uniform(0, 1, batch, generator) * (side - length + 1)).floor()
            places = torch.arange(side, device=start.device).expand(batch, side)
            covered = (places >= start[:, None]) & (places < (start + length)[:, None])
            inside = inside & covered.view(shape)
        # One field of noise for the batch: each rectangle shows another part of it, and drawing it is most of the work.
        noise = 255 * torch.rand(images.shape[1:], generator=generator, device=generator.device)
        return torch.where(inside[:, None].to(images.device), noise.to(images.device), images.float())


@dataclass(frozen=True)
class Noise:
    """Normal noise on every value of every picture.

    :param deviation: grey levels of 255
    """

    deviation: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """uint8 or float32 (B, 3, S, S) -> float32."""
        noise = torch.randn(images.shape, generator=generator, device=generator.device)
        return images.float() + self.deviation * noise.to(images.device)


def _uniform(low: float, high: float, batch: int, generator: torch.Generator) -> Tensor:
    """float32 (B,)."""
    return low + (high - low) * torch.rand(batch, generator=generator, device=generator.device)


def _whole(below: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Whole numbers from 0, all alike likely, int64."""
    return torch.randint(below, shape, generator=generator, device=generator.device)
