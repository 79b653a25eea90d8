"""Owns cleaning: what is done to a decoded picture before it is kept, and again before it is scored.

Invariant: one function for ingest and scoring; with nothing asked for, the very array comes back.
Does not know encoded bytes: `orient` is honoured by who decodes.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from nightsort.errors import PictureError
from nightsort.images import saliency
from nightsort.images.decode import Pixels
from nightsort.words import Colour, Crop

_LOOK_SIDE = 256  # pixels of the shorter side; enough to find an object
_MARGIN = 0.05  # of the foreground's longer side, left around it
_TOUCHES = 0.25  # of the border that a foreground may cover, at most; else the border is no background
_STANDS_OUT = 24.0  # grey levels between foreground and background, at least


class Cleaning(BaseModel):
    """Steps of cleaning, in the order they are taken; see :class:`nightsort.config.intake.IngestParams`.

    Region of interest, crop, denoise, equalize, colour. `orient` comes first of all, while decoding.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    orient: bool = True
    crop: Crop = "none"
    denoise: float = Field(0, ge=0, le=30)
    equalize: float = Field(0, ge=0, le=40)
    colour: Colour = "rgb"

    @property
    def needs_whole(self) -> bool:
        """Whether a step would do something else to a smaller copy of the picture.

        What a crop leaves may be a small part, which needs all its pixels. Denoising compares neighbourhoods of a few
        pixels, and its strength is that of the original's noise. Equalizing stretches what the scale changes in a
        histogram: 4 to 7 grey levels on average, where a smaller copy itself is 2 off. Only grey is grey at any scale.
        """
        return self.crop != "none" or self.denoise > 0 or self.equalize > 0

    def __call__(self, picture: Pixels, roi: str | None = None) -> Pixels:
        """Clean one picture.

        :param picture: uint8 (height, width, 3), upright if `orient`
        :param roi: region of interest "left,top,width,height" in pixels of that picture
        :returns: uint8 (height, width, 3); the argument itself where nothing had to be done
        :raises PictureError: `corrupt` if the region is not such four numbers, or lies outside
        """
        if roi:
            picture = _interest(picture, roi)
        if self.crop == "foreground":
            picture = _foreground(picture)
        if self.crop == "saliency":
            picture = _salient(picture)
        if self.denoise:
            picture = _denoised(picture, self.denoise)
        if self.equalize:
            picture = _equalized(picture, self.equalize)
        if self.colour == "grey":
            picture = _grey(picture)
        return picture


def _interest(picture: Pixels, roi: str) -> Pixels:
    try:
        left, top, wide, high = (float(number) for number in roi.split(","))
        region = _region(picture, left, top, wide, high)
    except (ValueError, OverflowError):
        raise PictureError("corrupt", f"region of interest {roi!r}: must be left,top,width,height in pixels") from None
    if not region.size:
        height, width = picture.shape[:2]
        raise PictureError("corrupt", f"region of interest {roi!r}: holds no pixel of this {width}x{height} picture")
    return region


def _region(picture: Pixels, left: float, top: float, wide: float, high: float) -> Pixels:
    """A rectangle of the picture, as far as it lies inside; the argument itself if that is all of it."""
    rows = slice(max(0, round(top)), max(0, round(top + high)))
    columns = slice(max(0, round(left)), max(0, round(left + wide)))
    region = picture[rows, columns]
    return picture if region.shape == picture.shape else np.ascontiguousarray(region)


def _foreground(picture: Pixels) -> Pixels:
    """Crop to the largest object that stands out from the border's colour; the argument itself if none does.

    The distance to the border's median colour is cut at Otsu's threshold (Otsu 1979), on a small and blurred copy.
    """
    height, width = picture.shape[:2]
    factor = min(1.0, _LOOK_SIDE / min(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    shrunk = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(shrunk, (5, 5), 0).astype(np.float32)
    distance = np.abs(small - np.median(_edge(small), axis=0)).max(axis=2).astype(np.uint8)
    _, mask = cv2.threshold(distance, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    if not mask.any() or _edge(mask).mean() > 255 * _TOUCHES:
        return picture
    if distance[mask > 0].mean() - distance[mask == 0].mean() < _STANDS_OUT:
        return picture
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask)
    left, top, wide, high, _ = boxes[1:][boxes[1:, cv2.CC_STAT_AREA].argmax()]
    margin = _MARGIN * max(wide, high)
    corner = (left - margin) / factor, (top - margin) / factor
    return _region(picture, *corner, (wide + 2 * margin) / factor, (high + 2 * margin) / factor)


def _salient(picture: Pixels) -> Pixels:
    """Crop to what stands out, also from a cluttered scene; the argument itself where nothing does."""
    found = saliency.box(picture)
    return _region(picture, *found) if found else picture


def _edge(values: NDArray[Any]) -> NDArray[Any]:
    """The outermost rows and columns, one after the other."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def _denoised(picture: Pixels, strength: float) -> Pixels:
    """Non-local means on lightness and colour (Buades et al. 2005), about a second a megapixel; blue comes first."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return _rgb(cv2.fastNlMeansDenoisingColored(bgr, None, strength, strength), cv2.COLOR_BGR2RGB)


def _equalized(picture: Pixels, clip: float) -> Pixels:
    """CLAHE (Zuiderveld 1994) on the lightness, so that colours stay."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clip, (8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
    return _rgb(lab, cv2.COLOR_LAB2RGB)


def _grey(picture: Pixels) -> Pixels:
    return _rgb(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _rgb(values: cv2.typing.MatLike, conversion: int) -> Pixels:
    return cv2.cvtColor(values, conversion).astype(np.uint8, copy=False)
