"""Owns the knobs that every flow has: where things are kept and what computes.

Invariant: building a model reads nothing, writes nothing and refuses unknown keys, so the same
model serves the command line, pipelines.yaml and the form in the Prefect UI.
Does not know where a value came from.
"""

import inspect
import re
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nightsort.config.compute import Compute
from nightsort.words import Occasion

_CREDENTIALS = r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@"


def own_first(model: type[BaseModel]) -> list[str]:
    """The fields of a model, its own before those it inherits: the order in which people should meet them."""
    heritage = {name: rank for rank, base in enumerate(model.__mro__) for name in inspect.get_annotations(base)}
    return sorted(model.model_fields, key=heritage.__getitem__)


def kin(model: type[BaseModel], name: str) -> str:
    """What the fields beside a field are for: the first sentence of the class that has them."""
    owner = next(base for base in model.__mro__ if name in inspect.get_annotations(base))
    return " ".join((inspect.getdoc(owner) or "").split("\n\n")[0].split())


def without_credentials(value: Any) -> Any:
    """A value as it is: where pictures come from is kept with every row, and parameters are shown to everybody.

    :raises ValueError: if it is an address with a user or a password
    """
    if isinstance(value, str) and re.match(_CREDENTIALS, value):
        raise ValueError(
            "must hold no user or password before the @, since it is kept and shown; the environment gives them, "
            "see docs/security.md"
        )
    return value


def _for_people(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Forms show the properties of a schema in their order, and by position: PostgreSQL keeps no order of keys."""
    schema["properties"] = {name: schema["properties"][name] for name in own_first(model)}
    for position, part in enumerate(schema["properties"].values()):
        part["position"] = position
    for part in schema["properties"].values():
        for kind in (part, *part.get("anyOf", ())):
            if kind.get("type") == "string" and not kind.keys() & {"enum", "const", "pattern"}:
                kind["pattern"] = f"^(?!{_CREDENTIALS})"  # so that a Prefect server refuses it before it is kept


class RunParams(Compute):
    """What every flow takes: where to keep things and what computes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,  # a command takes one of the models, and building all takes a tenth of a second
        json_schema_extra=_for_people,
    )

    storage: str = Field(
        "nightsort-data",
        min_length=1,
        description="Storage root, a folder or a bucket (s3://bucket/prefix): datasets, models, predictions, reports.",
    )
    notify: list[Occasion] = Field(
        default_factory=lambda: list(get_args(Occasion)),
        description="What to tell the address in the environment variable NIGHTSORT_WEBHOOK of, if there is one.",
    )

    @field_validator("*")
    @classmethod
    def _holds_no_credentials(cls, value: Any) -> Any:
        return without_credentials(value)
