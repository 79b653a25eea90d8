"""Owns the words in which a person is told what is wrong with a setting.

Invariant: one line per fault: its dotted place, what is allowed, the value, and the name or word that was meant if
one is near. Does not know what a setting is for, nor where it came from.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from types import UnionType
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError

from nightsort.redaction import redacted


def faults_of(error: ValidationError, model: type[BaseModel], place: str, *inside: str) -> list[str]:
    """One line per fault: the dotted place, what is wrong, the value.

    :param model: what was to be built
    :param place: a file, or a command
    :param inside: where in the file the model stands
    """
    return [redacted(_fault(detail, place, inside, model)) for detail in error.errors(include_url=False)]


def _fault(detail: Any, place: str, inside: tuple[str, ...], model: type[BaseModel]) -> str:
    dotted = ".".join(str(part) for part in (*inside, *detail["loc"]))
    where = f"{place}: {dotted}" if dotted else place
    match detail["type"]:
        case "missing":
            return f"{where}: is required"
        case "bool_parsing":
            return f"{where}: must be true or false, got {detail['input']!r}"
        case "too_short":
            return f"{where}: must be at least {detail['ctx']['min_length']}, got {detail['input']!r}"
        case "extra_forbidden":
            *parents, name = detail["loc"]
            near = get_close_matches(str(name), _settings(model, parents), n=1, cutoff=0.82)
            return f"{where}: is not a known setting" + (f"; did you mean {near[0]!r}?" if near else "")
    message = detail["msg"].removeprefix("Value error, ")
    hint = _near(detail) if detail["type"] == "literal_error" and isinstance(detail["input"], str) else ""
    message = "must " + message.removeprefix("Input should ") if message.startswith("Input should ") else message
    got = f"got {detail['input']!r}"
    return (f"{where}: {message}" if message.endswith(got) else f"{where}: {message}, {got}") + hint


def _near(detail: Any) -> str:
    """The word that was meant, if one is near."""
    allowed = re.findall("'(.+?)'", detail["ctx"]["expected"])
    near = get_close_matches(detail["input"], allowed, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _settings(model: Any, path: list[Any]) -> Iterable[str]:
    """The names that are known at a place inside a model."""
    for part in path:
        is_model = isinstance(model, type) and issubclass(model, BaseModel)
        model = model.model_fields[part].annotation if is_model else get_args(model)[-1]  # of a dict[str, model]
        if isinstance(model, UnionType):
            model = get_args(model)[0]
    return cast("Iterable[str]", model.model_fields)
