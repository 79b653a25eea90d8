"""Owns how knobs are explained to a person.

Invariant: a line has at most `WIDTH` characters. Does not know which knobs there are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from textwrap import wrap

from flows.terminal import Told
from nightsort import knobs
from nightsort.knobs import Knob

WIDTH = 96
"""Columns of the text."""

_TITLE = "Settings of pipelines.yaml"
_FOOT = "More of one: nightsort check --explain balance; all of a flow: nightsort check --explain train"


def explain(word: str) -> Told:
    """What a word means: a flow, a knob, a place in pipelines.yaml, or a value; an empty one means everything.

    :raises ConfigError: if it means nothing
    """
    found = knobs.find(word) if word else knobs.every()
    lines = list(_chapters(found, in_full=bool(word)))
    return lines if word else [*lines, "", _FOOT], {"knobs": [as_object(knob) for knob in found]}


def as_object(knob: Knob) -> dict[str, object]:
    """A knob for a program."""
    return {"path": knob.path, **asdict(knob)}


def _chapters(found: Iterable[Knob], in_full: bool) -> Iterator[str]:
    """Under each heading what belongs together; a knob that fewer flows have than its heading says names them."""
    chapters: dict[str, list[Knob]] = {}
    for knob in found:
        chapters.setdefault(knob.group if knob.of else _TITLE, []).append(knob)
    for place, (title, group) in enumerate(chapters.items()):
        flows = list(dict.fromkeys(flow for knob in group for flow in knob.of))
        yield from ([""] if place else [])
        yield from wrap(title.rstrip(".") + (f" ({', '.join(flows)})" if len(flows) > 1 else ""), WIDTH)
        for knob in group:
            yield from _entry(knob, "" if len(knob.of) == len(flows) else f" ({', '.join(knob.of)})")
            yield from _words(knob.words, in_full)


def _entry(knob: Knob, flows: str) -> Iterator[str]:
    takes = ", ".join(part for part in (knob.type, knob.allowed, _default(knob)) if part)
    yield from _indented(f"{knob.name if knob.of else knob.path}{flows}: {takes}", 2, 6)
    yield from _indented(knob.description, 6)


def _words(words: dict[str, str], in_full: bool) -> Iterator[str]:
    """What a knob may say: each word with its meaning, or the words alone."""
    if words and not in_full:
        yield from _indented(f"one of: {', '.join(words)}", 6)
    elif words:
        column = max(map(len, words)) + 2
        for word, meaning in words.items():
            yield from _indented(f"{word:{column}}{meaning}", 8, column)


def _default(knob: Knob) -> str:
    if knob.type.startswith("settings"):
        return ""
    return "required" if knob.required else f"default {knob.default_text}"


def _indented(text: str, columns: int, hanging: int = 0) -> list[str]:
    """Lines that are indented, those after the first by so much more."""
    first, then = " " * columns, " " * (columns + hanging)
    return wrap(text, WIDTH, break_on_hyphens=False, initial_indent=first, subsequent_indent=then)
