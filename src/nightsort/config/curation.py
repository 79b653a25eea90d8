"""Owns the knobs of the flows that look after the dataset: augment and audit.

Invariant: neither changes what is already there. Does not know where a value came from.
"""

from typing import get_args

from pydantic import Field

from nightsort.config.run import RunParams
from nightsort.words import Operation


class AugmentParams(RunParams):
    """Parameters of the flow `augment`: rare classes filled up with varied copies of their training pictures."""

    below: int = Field(ge=1, description="Classes with fewer training pictures are filled up to this many.")
    operations: list[Operation] = Field(
        default_factory=lambda: [name for name in get_args(Operation) if name != "flip"],
        min_length=1,
        description="What may be done to a picture, two or three at a time; add flip where mirroring keeps the class.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of every random choice.")


class AuditParams(RunParams):
    """Parameters of the flow `audit`: what in the dataset a person should look at."""

    dataset_version: int | None = Field(None, ge=0, description="Dataset version to audit; empty means the newest.")
    similarity: float = Field(
        0.85, gt=0, le=1, description="Pictures whose whitened embeddings have this cosine or more are near-twins."
    )
    outliers: float = Field(
        4.0, gt=0, description="A picture this many robust deviations further from its class than usual is an outlier."
    )
    label_noise: bool = Field(
        False, description="Look for wrong labels with cleanlab (the extra 'label-noise'): takes a cross-validation."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of the random split and of the cross-validation.")
