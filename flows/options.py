"""Owns how a flow's parameters become words of the command line.

Invariant: every field of the model has one option, or an argument if it is the source that must be
named; the value goes to pydantic as it was typed. Does not know what a command does.
"""

from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_COMMON = {"storage"}  # every command has it already


def of_model(model: type[BaseModel]) -> list[click.Parameter]:
    """The arguments and options of a command that takes the fields of a model."""
    return [_parameter(name, field) for name, field in model.model_fields.items() if name not in _COMMON]


def _parameter(name: str, field: FieldInfo) -> click.Parameter:
    if name == "source" and field.is_required():
        return click.Argument([name])
    default = "" if field.default in (None, "") else f" [default: {field.default}]"
    option = f"--{name.replace('_', '-')}"
    return click.Option([option], help=f"{field.description}{default}", metavar=_metavar(field.annotation))


def _metavar(annotation: Any) -> str:
    """What an option takes, in the words of --help."""
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    kinds = {bool: "true|false", int: "NUMBER", float: "NUMBER"}
    return next((word for kind, word in kinds.items() if kind in (annotation, *get_args(annotation))), "TEXT")
