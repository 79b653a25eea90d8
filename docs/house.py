"""Owns the picture of the house: which package imports which, drawn from the imports themselves.

Invariant: the same imports give the same bytes, so that a stale picture is found by drawing it again.
Does not know what any package is for.

    python -m docs.house
"""

from collections.abc import Iterable, Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from statistics import mean

import grimp
import networkx as nx

PICTURE = Path(__file__).parent / "pictures" / "house.svg"

_ROW, _BOX, _GAP = 62, 30, 22  # pixels: from floor to floor, height of a box, between two boxes
_MARGIN, _LETTER = 24, 7.4
_SWEEPS = 40
_FILL = {"flows": "#f6d6ad", "tasks": "#cfe3c5", "nightsort": "#d5e3f3"}

Line = list[str]
"""The rooms and bends on one floor, from left to right."""


def rooms() -> nx.DiGraph:
    """Who imports whom: a room is a package, or a module that lies beside the packages of the library."""
    imports, graph = grimp.build_graph("flows", "tasks", "nightsort", cache_dir=None), nx.DiGraph()
    for module in sorted(imports.modules):
        for imported in sorted(imports.find_modules_directly_imported_by(module)):
            room, other = _room(module), _room(imported)
            if room and other and room != other:
                graph.add_edge(room, other)
    return graph


def _room(module: str) -> str:
    """The room that a module is in; "" of the library as such, which is a docstring."""
    top, *below = module.split(".")
    if top == "nightsort":
        return below[0] if below else ""
    inner = top == "flows" and (len(below) > 1 or below == ["cli"])
    return f"{top}/{below[0]}" if inner else top


def draw() -> str:
    """The picture, SVG: a room stands above all that it imports; an arrow that follows from others is left out."""
    imports = rooms()
    everywhere = sorted(room for room, importers in imports.in_degree() if importers > len(imports) / 2)
    imports.remove_nodes_from(everywhere)
    arrows = nx.transitive_reduction(imports)
    floors = _floors(arrows)
    bent, routes = _bend(arrows, floors)
    lines = _order(bent, floors)
    places = _place(bent, lines)
    wide = round(max(place + _width(room) / 2 for room, place in places.items()) + _MARGIN)
    high = (len(lines) + 1) * _ROW
    where = {room: (place, high - _ROW - _BOX / 2 - floors[room] * _ROW) for room, place in places.items()}
    drawn = [_arrow([where[stop] for stop in route]) for route in routes]
    drawn += [_box(room, *where[room]) for line in lines for room in line if not _is_bend(room)]
    return "\n".join([*_head(wide, high), *drawn, _note(everywhere, high), "</svg>", ""])


def _floors(arrows: nx.DiGraph) -> dict[str, int]:
    """A floor for each room, counted from the ground; one that imports nothing is right below who imports it."""
    generations = enumerate(nx.topological_generations(arrows.reverse()))
    floors = {room: floor for floor, line in generations for room in line}
    lone = {room for room, imported in arrows.out_degree() if not imported}
    return floors | {room: min(floors[importer] for importer in arrows.predecessors(room)) - 1 for room in lone}


def _is_bend(room: str) -> bool:
    return ">" in room


def _bend(arrows: nx.DiGraph, floors: dict[str, int]) -> tuple[nx.Graph, list[Line]]:
    """The arrows cut at every floor that they pass: the pieces as a graph, and the stops of each arrow."""
    bent, routes = nx.Graph(), []
    for room, other in sorted(arrows.edges):
        bends = [f"{room}>{other}>{floor}" for floor in range(floors[room] - 1, floors[other], -1)]
        floors |= {bend: int(bend.rpartition(">")[2]) for bend in bends}
        routes.append([room, *bends, other])
        nx.add_path(bent, routes[-1])
    return bent, routes


def _order(bent: nx.Graph, floors: dict[str, int]) -> list[Line]:
    """The floors from the ground up, each in the order that crosses the fewest arrows of those that were tried.

    Each floor in turn is sorted by the mean place of its neighbours (Sugiyama et al. 1981).
    """
    lines = [sorted(room for room in bent if floors[room] == floor) for floor in range(max(floors.values()) + 1)]
    best = [*lines]
    for sweep in range(_SWEEPS):
        upwards = sweep % 2 == 0
        for floor in range(1, len(lines)) if upwards else range(len(lines) - 2, -1, -1):
            beside = {room: place for place, room in enumerate(lines[floor - 1 if upwards else floor + 1])}
            lines[floor] = sorted(lines[floor], key=lambda room: _mean(beside, bent[room], lines[floor].index(room)))
        if _crossings(bent, lines) < _crossings(bent, best):
            best = [*lines]
    return best


def _mean(places: dict[str, float], neighbours: Iterable[str], otherwise: float) -> float:
    known = [places[room] for room in neighbours if room in places]
    return mean(known) if known else otherwise


def _crossings(bent: nx.Graph, lines: list[Line]) -> int:
    crossed = 0
    for below, above in pairwise(lines):
        down = {room: place for place, room in enumerate(below)}
        ends = [(up, down[room]) for up, one in enumerate(above) for room in bent[one] if room in down]
        crossed += sum((a - c) * (b - d) < 0 for a, b in ends for c, d in ends if a < c)
    return crossed


def _place(bent: nx.Graph, lines: list[Line]) -> dict[str, float]:
    """The middle of each room, in pixels from the left: near its neighbours', and apart from those beside it."""
    places: dict[str, float] = {}
    for line in lines:
        places |= dict(zip(line, _apart(line, [0.0] * len(line)), strict=True))
    for sweep in range(_SWEEPS):
        for line in lines if sweep % 2 else reversed(lines):
            wanted = [_mean(places, bent[room], places[room]) for room in line]
            places |= dict(zip(line, _apart(line, wanted), strict=True))
    left = min(place - _width(room) / 2 for room, place in places.items()) - _MARGIN
    return {room: round(place - left, 1) for room, place in places.items()}


def _apart(line: Line, wanted: list[float]) -> list[float]:
    """The places nearest to those wanted at which no room touches the next: means of those pushed right and left."""
    right, left = [*wanted], [*wanted]
    for i in range(1, len(line)):
        right[i] = max(right[i], right[i - 1] + _between(line[i - 1], line[i]))
        left[-i - 1] = min(left[-i - 1], left[-i] - _between(line[-i - 1], line[-i]))
    return [(a + b) / 2 for a, b in zip(right, left, strict=True)]


def _between(one: str, other: str) -> float:
    return (_width(one) + _width(other)) / 2 + _GAP


def _width(room: str) -> float:
    return 14.0 if _is_bend(room) else len(room) * _LETTER + 22


def _head(wide: int, high: int) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif">'
    yield "<title>Who imports whom</title>"
    yield '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '<path d="M0 0 8 4 0 8z" fill="#8a94a0"/></marker></defs>'
    yield f'<rect width="{wide}" height="{high}" rx="8" fill="#fff"/>'


def _arrow(stops: list[tuple[float, float]]) -> str:
    """From the lower edge of the first room to the upper edge of the last, through the bends between them."""
    (x, y), *bends, (end_x, end_y) = stops
    end = (end_x, end_y - _BOX / 2)
    path = [f"M{x:g} {y + _BOX / 2:g}"]
    for bend, following in pairwise([*bends, end]):
        middle = following if following == end else ((bend[0] + following[0]) / 2, (bend[1] + following[1]) / 2)
        path.append(f"Q{bend[0]:g} {bend[1]:g} {middle[0]:g} {middle[1]:g}")
    if not bends:
        path.append(f"L{end[0]:g} {end[1]:g}")
    return f'<path d="{"".join(path)}" fill="none" stroke="#8a94a0" stroke-width="1.2" marker-end="url(#head)"/>'


def _box(room: str, x: float, y: float) -> str:
    wide, fill = _width(room), _FILL.get(room.partition("/")[0], _FILL["nightsort"])
    return (
        f'<rect x="{x - wide / 2:g}" y="{y - _BOX / 2:g}" width="{wide:g}" height="{_BOX}" rx="6" fill="{fill}" '
        f'stroke="#6b7683"/><text x="{x:g}" y="{y + 4.5:g}" font-size="13" text-anchor="middle">{escape(room)}</text>'
    )


def _note(everywhere: list[str], high: int) -> str:
    names = ", ".join(everywhere)
    return (
        f'<text x="{_MARGIN}" y="{high - _MARGIN}" font-size="12">Imported by more than half of them: {names}.</text>'
    )


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(), encoding="utf-8")
