"""The picture of the house is what the imports are now."""

import xml.etree.ElementTree as ET

import networkx as nx
import pytest

from docs import house


@pytest.fixture(scope="module")
def rooms() -> nx.DiGraph:
    return house.rooms()


@pytest.fixture(scope="module")
def heights() -> dict[str, float]:
    """What is written in the picture, with how far below its upper edge."""
    texts = ET.parse(house.PICTURE).getroot().iter("{http://www.w3.org/2000/svg}text")
    return {str(text.text): float(text.get("y", "nan")) for text in texts}


def test_the_picture_is_drawn_from_the_imports_of_now() -> None:
    assert house.PICTURE.read_text(encoding="utf-8") == house.draw(), "stale: python -m docs.house"


def test_every_room_is_drawn_or_named_below(rooms: nx.DiGraph, heights: dict[str, float]) -> None:
    *_, note = heights
    assert set(rooms) - heights.keys() == {"errors"} and note.endswith(": errors.")


def test_no_room_is_drawn_below_one_that_it_imports(rooms: nx.DiGraph, heights: dict[str, float]) -> None:
    drawn = rooms.subgraph(heights)
    assert len(drawn.edges) > 100
    assert [edge for edge in drawn.edges if heights[edge[0]] >= heights[edge[1]]] == []
