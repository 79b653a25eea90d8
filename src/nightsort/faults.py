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
from pydantic.fields import FieldInfo

from nightsort.redaction import redacted


def nearest(word: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Those of the known words that are most like a word, whatever the case, the likest first.

    :param most: how many, at most
    :param cutoff: how like they must be, 0 to 1
    """
    folded = {one.casefold(): one for one in known}
    return [folded[near] for near in get_close_matches(word.casefold(), folded, n=most, cutoff=cutoff)]


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The end of a message about an unknown word: "; did you mean 'x'?", or "" if no known one is near."""
    return "".join(f"; did you mean {near!r}?" for near in nearest(word, known, cutoff=cutoff))


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
            return f"{where}: is required{_meaning(model, detail['loc'])}"
        case "bool_parsing":
            return f"{where}: must be true or false, got {detail['input']!r}"
        case "int_parsing" | "int_from_float":
            return f"{where}: must be a whole number, such as 3, got {detail['input']!r}"
        case "float_parsing":
            return f"{where}: must be a number, such as 0.95, got {detail['input']!r}"
        case "too_short":
            return f"{where}: must be at least {detail['ctx']['min_length']}, got {detail['input']!r}"
        case "extra_forbidden":
            *parents, name = detail["loc"]
            return f"{where}: is not a known setting{did_you_mean(str(name), _settings(model, parents), cutoff=0.82)}"
    message = detail["msg"].removeprefix("Value error, ")
    hint = ""
    if detail["type"] == "literal_error" and isinstance(detail["input"], str):
        hint = did_you_mean(detail["input"], re.findall("'(.+?)'", detail["ctx"]["expected"]))
    message = "must " + message.removeprefix("Input should ") if message.startswith("Input should ") else message
    got = f"got {detail['input']!r}"
    return (f"{where}: {message}" if message.endswith(got) else f"{where}: {message}, {got}") + hint


def _meaning(model: Any, path: tuple[Any, ...]) -> str:
    """What a setting is for, as the end of a message."""
    *parents, name = path
    described = _settings(model, parents)[name].description
    return f": {described.removesuffix('.')}" if described else ""


def _settings(model: Any, path: list[Any]) -> dict[str, FieldInfo]:
    """The settings that are known at a place inside a model, by name."""
    for part in path:
        is_model = isinstance(model, type) and issubclass(model, BaseModel)
        model = model.model_fields[part].annotation if is_model else get_args(model)[-1]  # of a dict[str, model]
        if isinstance(model, UnionType):
            model = get_args(model)[0]
    return cast("dict[str, FieldInfo]", model.model_fields)
