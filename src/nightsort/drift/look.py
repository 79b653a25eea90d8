"""Owns what a closer look at some of a run's pictures found: embeddings, activation maps, a challenger's answers.

Invariant: lists and rows of embeddings have one order, that of `sha256s`. Does not know how any of it came about.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Look:
    """A closer look at a uniform sample of a run.

    :param sha256s: n pictures of the sample, those that could be read again
    :param embeddings: float32 (n, D), what the champion's head sees, see :func:`nightsort.drift.reference.narrow`
    :param activations: sha256 of a picture that is shown -> its class activation map over it, a JPEG as a data URI
    :param challenger: version of the newest model that is newer than the champion; None if there is none
    :param challenger_labels: n labels; None without challenger
    :param challenger_confidences: n calibrated probabilities; None without challenger
    :param notes: what could not be done, and why
    """

    sha256s: list[str]
    embeddings: NDArray[np.float32]
    activations: dict[str, str] = field(default_factory=dict)
    challenger: int | None = None
    challenger_labels: list[str] | None = None
    challenger_confidences: list[float] | None = None
    notes: list[str] = field(default_factory=list)
