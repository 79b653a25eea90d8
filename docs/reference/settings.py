"""Owns the pages of settings: what the models say of each knob. Does not know how a knob is checked."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from docs.reference.markdown import code, page, plain, table
from nightsort import knobs
from nightsort.config.catalogue import PARAMS
from nightsort.knobs import Knob

_HEADER = ("setting", "takes", "default", "what it does")


def parameters() -> str:
    """The parameters of every flow; what several flows take alike is there once."""
    met: dict[tuple[str, ...], list[Knob]] = {}
    for knob in knobs.of_flows():
        met.setdefault(knob.of, []).append(knob)
    sections = [part for flows, ours in met.items() for part in (f"## {_whose(flows)}", *_settings(ours))]
    return page(
        "Parameters",
        "What the flows take: as an option of the command line, `--chunk-size 64`, under `parameters:` of a pipeline, "
        "`chunk_size: 64`, in the form of the Prefect UI, or with `nightsort run PIPELINE --set chunk_size=64`. "
        "`nightsort check --explain WORD` says the same in a terminal.",
        table(("flow", "what it does"), [(code(flow), plain(_sentence(flow))) for flow in PARAMS]),
        *sections,
    )


def pipelines() -> str:
    """The settings of pipelines.yaml."""
    sections = []
    for place, ours in groupby(sorted(knobs.of_file(), key=_depth), key=lambda knob: knob.place):
        found = list(ours)
        sections += [f"## {code(place) if place else 'At the top'}", plain(found[0].group), *_settings(found)]
    return page(
        "pipelines.yaml",
        "What runs, when, where things are kept and what computes. `nightsort init` writes one, `nightsort check` "
        "names every fault of one. The parameters of a pipeline are those of its flow: [parameters](parameters.md).",
        *sections,
    )


def _depth(knob: Knob) -> tuple[bool, str]:
    return (knob.place != "", knob.place)


def _whose(flows: tuple[str, ...]) -> str:
    return "Every flow" if flows == tuple(PARAMS) else ", ".join(flows)


def _sentence(flow: str) -> str:
    from flows.catalogue import DESCRIPTIONS

    return DESCRIPTIONS[flow]


def _settings(found: Iterable[Knob]) -> Iterator[str]:
    """A table of the settings, then one for each that takes words."""
    found = list(found)
    yield table(_HEADER, [(code(knob.name), _takes(knob), _default(knob), plain(knob.description)) for knob in found])
    for knob in found:
        if knob.words:
            words = [(code(word), plain(meaning)) for word, meaning in knob.words.items()]
            yield table((code(knob.name), "means"), words)


def _takes(knob: Knob) -> str:
    return plain(f"{knob.type}, {knob.allowed}" if knob.allowed else knob.type)


def _default(knob: Knob) -> str:
    return knob.default_text if knob.default_text in ("required", "empty") else code(knob.default_text)
