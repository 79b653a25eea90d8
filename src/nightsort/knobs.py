"""Owns the catalogue of every knob, read off the models that check them.

Invariant: what it says of a knob is what the model enforces; nothing is written down twice. Does not know how a knob
is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nightsort.config.catalogue import PARAMS
from nightsort.config.run import kin, own_first
from nightsort.errors import ConfigError
from nightsort.faults import did_you_mean
from nightsort.glossary import meanings
from nightsort.pipelines import Declaration

PARAMETERS = "pipelines.<name>.parameters"
"""Where in pipelines.yaml the knobs of a flow stand."""

_TYPES = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    dict: "names with values",
    Any: "anything",
}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_MEMBERS = (("min_length", "ge"), ("max_length", "le"))


@dataclass(frozen=True)
class Knob:
    """One setting: where it stands, what it takes, what it does."""

    place: str  # dotted, in pipelines.yaml; empty at the top
    name: str
    type: str  # in words: "whole number", "list of words", ...
    allowed: str  # bounds in words; empty if there are none, or if words says it all
    default: Any  # None is "empty"
    required: bool
    description: str
    group: str  # what the settings beside it are for, in a sentence
    words: dict[str, str] = field(default_factory=dict)  # what it may say, with what each word means
    of: tuple[str, ...] = ()  # the flows that take it; none for what is not a flow's parameter

    @property
    def path(self) -> str:
        """Its whole dotted name in pipelines.yaml."""
        return f"{self.place}.{self.name}" if self.place else self.name

    @property
    def default_text(self) -> str:
        """The default as it is typed; 'required' and 'empty' where there is none."""
        if self.required:
            return "required"
        if self.default in (None, "", [], {}):
            return "empty"
        if isinstance(self.default, list):
            return ", ".join(map(str, self.default))
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)


@cache
def of_flow(flow: str) -> tuple[Knob, ...]:
    """The knobs of a flow, its own before those that it shares.

    :raises ConfigError: if there is no such flow
    """
    if flow not in PARAMS:
        raise ConfigError(f"{flow}: is no flow; flows are {', '.join(PARAMS)}")
    return tuple(replace(knob, of=(flow,)) for knob in _walk(PARAMS[flow], PARAMETERS, deep=False))


@cache
def of_flows() -> tuple[Knob, ...]:
    """The knobs of all flows: what several flows take alike is there once, and names them in `of`."""
    met: dict[str, Knob] = {}
    for flow in PARAMS:
        for knob in of_flow(flow):
            key = repr(replace(knob, of=()))
            met[key] = replace(knob, of=(*met[key].of, flow)) if key in met else knob
    return tuple(met.values())


def every() -> tuple[Knob, ...]:
    """All of them: those of pipelines.yaml itself, then those of the flows."""
    return (*of_file(), *of_flows())


@cache
def of_file() -> tuple[Knob, ...]:
    """The settings of pipelines.yaml outside the parameters of flows."""
    return tuple(_walk(Declaration, ""))


def find(word: str) -> tuple[Knob, ...]:
    """The knobs that a word means: a flow, a knob, `flow.knob`, a place in pipelines.yaml, or what a knob may say.

    :param word: as typed; `--chunk-size` is `chunk_size`
    :raises ConfigError: if it means none; names what may have been meant
    """
    sought = word.strip().lstrip("-").replace("-", "_")
    found = (*(of_flow(sought) if sought in PARAMS else ()), *_named(sought))
    found = found or tuple(knob for knob in every() if {word, sought} & knob.words.keys())
    if not found:
        raise ConfigError(f"{word}: is no setting and no flow{_hint(sought)}; see 'nightsort check --explain'")
    return found


def _named(sought: str) -> tuple[Knob, ...]:
    """The knobs of this name, or at this place, with all that is inside."""
    flow, _, name = sought.partition(".")
    if flow in PARAMS and name:
        return tuple(knob for knob in of_flow(flow) if knob.name == name)
    paths = [knob.path for knob in every() if knob.name == sought] or [sought]
    return tuple(knob for knob in every() if any(_within(path, knob.path) for path in paths))


def _within(sought: str, path: str) -> bool:
    """Whether a place is asked for that a knob is, or is in; `<name>` stands for any name."""
    asked, parts = sought.split("."), path.split(".")
    return len(asked) <= len(parts) and all(b in (a, "<name>") for a, b in zip(asked, parts, strict=False))


def _hint(sought: str) -> str:
    """The name that was meant, if one is near."""
    flow, _, name = sought.rpartition(".")
    names = {knob.name for knob in every()}
    if flow in PARAMS:
        return did_you_mean(name, names)
    return did_you_mean(sought, names | {*PARAMS, *(knob.path for knob in of_file())})


def _walk(model: type[BaseModel], place: str, deep: bool = True) -> Iterator[Knob]:
    for name in own_first(model):
        info = model.model_fields[name]
        yield _knob(model, place, name, info)
        inner, named = _model_in(info.annotation)
        if deep and inner:
            path = f"{place}.{name}" if place else name
            yield from _walk(inner, f"{path}.<name>" if named else path)


def _knob(model: type[BaseModel], place: str, name: str, info: FieldInfo) -> Knob:
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    kind, words = _type(info.annotation)
    return Knob(
        place=place,
        name=name,
        type=kind,
        allowed=_allowed(info),
        default=None if isinstance(default, BaseModel) else default,
        required=info.is_required(),
        description=info.description or "",
        group=kin(model, name),
        words=words,
    )


def _type(annotation: Any) -> tuple[str, dict[str, str]]:
    """What a field takes, in words, and which words if only some are allowed."""
    annotation = _bare(annotation)
    inner, named = _model_in(annotation)
    if inner:
        return ("settings, by name" if named else "settings"), {}
    if get_origin(annotation) is Literal:
        return "one word", meanings(annotation)
    if get_origin(annotation) is list:
        kind, words = _type(get_args(annotation)[0])
        return ("list of words" if words else f"list of {kind}s".replace("texts", "text")), words
    return _TYPES[get_origin(annotation) or annotation], {}


def _bare(annotation: Any) -> Any:
    """What is inside Annotated[...] and ... | None."""
    if hasattr(annotation, "__metadata__"):
        return _bare(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return _bare(next(part for part in get_args(annotation) if part is not type(None)))
    return annotation


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that a field holds, and whether it holds one for each of any number of names."""
    bare = _bare(annotation)
    named = get_origin(bare) is dict
    inner = _bare(get_args(bare)[-1]) if named else bare
    return (inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None), named


def _allowed(info: FieldInfo) -> str:
    """The bounds that the model enforces, in words."""
    bounds = {key: getattr(rule, key) for rule in info.metadata for key in _BOUNDS if hasattr(rule, key)}
    if bounds.keys() == {"ge", "le"}:
        return f"{_number(bounds['ge'])} to {_number(bounds['le'])}"
    said = [f"{words} {_number(bounds[key])}" for key, words in _BOUNDS.items() if key in bounds]
    like = [f"like {rule.pattern}" for rule in info.metadata if getattr(rule, "pattern", None)]
    return " and ".join([*said, *like, *_lengths(info)])


def _lengths(info: FieldInfo) -> list[str]:
    lengths = {key: getattr(rule, key) for rule in info.metadata for key, _ in _MEMBERS if hasattr(rule, key)}
    unit = "items" if get_origin(_bare(info.annotation)) is list else "characters"
    said = [f"{_BOUNDS[bound]} {lengths[key]:,} {unit}" for key, bound in _MEMBERS if lengths.get(key)]
    return [text.replace("at least 1 characters", "not empty").replace(" 1 items", " 1 item") for text in said]


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
