"""Owns what has to be known of a model, besides its weights, to build it again.

Invariant: it is plain data that a card holds, and grows with the number of members of an ensemble only.
Does not know torch, nor how any of it is built; see :mod:`nightsort.learning.zoo`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightsort.words import Classical, Feature

_FROZEN = ConfigDict(extra="forbid", frozen=True)


class Network(BaseModel):
    """A network: a body that ends in an embedding, and a head of one layer."""

    model_config = _FROZEN

    kind: Literal["network"] = "network"
    name: str
    head: Literal["linear", "cosine"] = "linear"  # cosine: of normalised embeddings and weights (LDAM)


class OnFeatures(BaseModel):
    """A model of scikit-learn on features, as arrays."""

    model_config = _FROZEN

    kind: Literal["on_features"] = "on_features"
    name: Classical
    features: list[Feature]
    embedder: Network | None = None  # of the feature "embedding"
    shapes: dict[str, list[int]]  # name in the state dict -> shape, of the arrays whose shape was learned


class Ensemble(BaseModel):
    """Several models whose calibrated probabilities are combined."""

    model_config = _FROZEN

    kind: Literal["ensemble"] = "ensemble"
    combine: Literal["vote", "mean", "weighted"]
    members: list["Architecture"] = Field(min_length=1, max_length=64)


Architecture = Annotated[Network | OnFeatures | Ensemble, Field(discriminator="kind")]
