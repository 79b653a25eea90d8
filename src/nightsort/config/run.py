"""Owns the knobs that every flow has: where things are kept and what computes.

Invariant: building a model reads nothing, writes nothing and refuses unknown keys, so the same
model serves the command line, pipelines.yaml and the form in the Prefect UI.
Does not know where a value came from.
"""

import inspect
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from nightsort.config.compute import Compute
from nightsort.words import Occasion


def own_first(model: type[BaseModel]) -> list[str]:
    """The fields of a model, its own before those it inherits: the order in which people should meet them."""
    heritage = {name: rank for rank, base in enumerate(model.__mro__) for name in inspect.get_annotations(base)}
    return sorted(model.model_fields, key=heritage.__getitem__)


def _for_people(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Forms show the properties of a schema in their order."""
    schema["properties"] = {name: schema["properties"][name] for name in own_first(model)}


class RunParams(Compute):
    """What every flow takes: where to keep things and what computes."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_for_people)

    storage: str = Field(
        "nightsort-data",
        min_length=1,
        description="Storage root, a folder or a bucket (s3://bucket/prefix): datasets, models, predictions, reports.",
    )
    notify: list[Occasion] = Field(
        default_factory=lambda: list(get_args(Occasion)),
        description="What to tell the address in the environment variable NIGHTSORT_WEBHOOK of, if there is one.",
    )
