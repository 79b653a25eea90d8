"""Owns how a flow's parameters become words of the command line.

Invariant: every field of the model has one option, or an argument if it is the source that must be
named, unless it has parts of its own; the value goes to pydantic as it was typed. Does not know what a command does.
"""

from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from nightsort.config.run import own_first

_COMMON = {"storage"}  # every command has it already
DECLARED = {"tls", "resources", "cluster", "worker_timeout"}  # of a cluster, which only pipelines.yaml has room for


def of_model(model: type[BaseModel]) -> list[click.Parameter]:
    """The arguments and options of a command that takes the fields of a model, its own before those it inherits."""
    return [_parameter(name, model.model_fields[name]) for name in own_first(model) if name not in _COMMON | DECLARED]


def _parameter(name: str, field: FieldInfo) -> click.Parameter:
    if name == "source" and field.is_required():
        return click.Argument([name])
    many = is_list(field)
    option = f"--{name.replace('_', '-')}"
    note = " May be given several times." if many else ""
    alone = {"is_flag": False, "flag_value": "true"} if field.annotation is bool else {}  # without a value
    return click.Option([option], help=_help(field) + note, metavar=_metavar(field.annotation), multiple=many, **alone)


def is_list(field: FieldInfo) -> bool:
    """Whether a field takes any number of values."""
    return get_origin(field.annotation) is list


def _help(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default in (None, "", [], PydanticUndefined):
        return str(field.description)
    shown = ", ".join(default) if isinstance(default, list) else default
    shown = str(shown).lower() if isinstance(shown, bool) else shown  # as it is typed
    return f"{field.description} [default: {shown}]"


def _metavar(annotation: Any) -> str:
    """What an option takes, in the words of --help."""
    for part in (annotation, *get_args(annotation)):
        if get_origin(part) is Literal:
            return "|".join(get_args(part))
    kinds = {bool: "true|false", int: "NUMBER", float: "NUMBER"}
    return next((word for kind, word in kinds.items() if kind in (annotation, *get_args(annotation))), "TEXT")
