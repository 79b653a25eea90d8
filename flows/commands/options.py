"""Owns how a flow's parameters become words of the command line.

Invariant: every field of the model has one option, or an argument if it is the source that must be
named, unless it has parts of its own; the value goes to pydantic as it was typed. Does not know what a command does.
"""

import inspect
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from flows.commands import completing
from flows.commands.help import Described, Headed
from nightsort.config.compute import DECLARED
from nightsort.config.run import kin, own_first

_COMMON = {"storage"}  # every command has it already
_FEW = 5  # words that are shown beside an option rather than below
_PLACES = {"source", "manifest", "rescore"}  # where they are texts


def of_model(model: type[BaseModel]) -> list[click.Parameter]:
    """The arguments and options of a command that takes the fields of a model, its own before those it inherits."""
    fields = {name: model.model_fields[name] for name in own_first(model) if name not in _COMMON}
    return [_parameter(name, model, field) for name, field in fields.items() if DECLARED not in field.metadata]


def _parameter(name: str, model: type[BaseModel], field: FieldInfo) -> click.Parameter:
    if name == "source" and field.is_required():
        return Described([name], about=str(field.description), shell_complete=completing.places)
    many = is_list(field)
    option = f"--{name.replace('_', '-')}"
    words = get_args(_literal(field.annotation))
    note = f" One of: {', '.join(words)}." if len(words) > _FEW else ""
    note += " May be given several times." if many else ""
    alone = {"is_flag": False, "flag_value": "true"} if field.annotation is bool else {}  # without a value
    return Headed(
        [option],
        heading="Options" if name in inspect.get_annotations(model) else kin(model, name).rstrip("."),
        help=_help(field) + note,
        metavar=_metavar(field.annotation),
        multiple=many,
        shell_complete=_completing(name, field.annotation),
        **alone,
    )


def _completing(name: str, annotation: Any) -> completing.Completing | None:
    """What the shell may complete an option's value to; None is nothing."""
    if literal := _literal(annotation):
        return completing.words(literal)
    if bool in (annotation, *get_args(annotation)):
        return completing.truth
    return completing.places if name in _PLACES else None


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
    if literal := _literal(annotation):
        return "|".join(get_args(literal)) if len(get_args(literal)) <= _FEW else "WORD"
    kinds = {bool: "true|false", int: "NUMBER", float: "NUMBER"}
    return next((word for kind, word in kinds.items() if kind in (annotation, *get_args(annotation))), "TEXT")


def _literal(annotation: Any) -> Any:
    """The words that are allowed, alone or in a list; None if any are."""
    return next((part for part in (annotation, *get_args(annotation)) if get_origin(part) is Literal), None)
