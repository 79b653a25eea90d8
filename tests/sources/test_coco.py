"""COCO's labels of whole images become the columns of a manifest; what does not hold together is named."""

import json
from typing import Any

import pyarrow as pa
import pytest

from nightsort.errors import SourceError
from nightsort.sources.coco import read_coco


def coco(**parts: Any) -> dict[str, Any]:
    """Two images of two categories, with what real files have besides."""
    return {
        "info": {"year": 2024},
        "images": [
            {"id": 11, "file_name": "s1/a.jpg", "width": 3, "extra": [1]},
            {"id": 12, "file_name": "s2/b.jpg", "extra": {"x": 1}},
        ],
        "annotations": [
            {"id": 1, "image_id": 11, "category_id": 0, "segmentation": [[1, 2]], "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 11, "category_id": 0, "segmentation": {"counts": "x"}},
            {"id": 3, "image_id": 12, "category_id": 7},
        ],
        "categories": [{"id": 0, "name": "empty"}, {"id": 7, "name": "fox"}],
    } | parts


def read(data: object) -> list[tuple[str, str | None, str | None]]:
    rows = read_coco(pa.BufferReader(json.dumps(data, indent=1).encode()), "m.json").to_pylist()
    return [(row["path"], row["label"], row["group"]) for row in rows]


def test_an_image_has_the_category_of_its_annotations() -> None:
    assert read(coco()) == [("s1/a.jpg", "empty", None), ("s2/b.jpg", "fox", None)]


def test_an_image_without_annotation_has_no_label_and_one_with_two_categories_two() -> None:
    annotations = [{"image_id": 11, "category_id": 0}, {"image_id": 11, "category_id": 7}]
    found = read(coco(annotations=annotations))
    assert sorted(found, key=str) == [
        ("s1/a.jpg", "empty", None), ("s1/a.jpg", "fox", None), ("s2/b.jpg", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("location", [38, "site 38"])
def test_ids_and_locations_are_numbers_or_words(words: bool, location: object) -> None:
    name = (lambda number: f"id-{number}") if words else int
    found = read(
        {
            "images": [{"id": name(5), "file_name": "a.jpg", "location": location, "seq_id": "x"}],
            "annotations": [{"id": "q", "image_id": name(5), "category_id": 3}],
            "categories": [{"id": 3, "name": "fox"}],
        }
    )
    assert found == [("a.jpg", "fox", str(location))]


def test_ids_that_lead_nowhere_are_named_and_bounded() -> None:
    annotations = [{"image_id": 100 + i, "category_id": 1} for i in range(9)]
    with pytest.raises(SourceError) as caught:
        read(coco(annotations=annotations))
    assert caught.value.lines == [
        "manifest m.json: annotations: image_id 100, 101, 102, 103, 104 ... and 4 more: there is no such id",
        "manifest m.json: annotations: category_id 1: there is no such id",
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not COCO"),
        (b"[1, 2]", "is not COCO"),
        (b'{"images": [', "is not COCO"),
        (b'{"a": 1}\n{"b": 2}', "JSON Lines are named .jsonl"),
        (b'{"path": "a.jpg"}', "'images' is empty or missing"),
        (b'{"images": [{"id": 1.5, "file_name": "a"}]}', "is not COCO"),
    ],
)
def test_what_is_no_coco_is_one_line(data: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_coco(pa.BufferReader(data), "m.json")
    assert len(caught.value.lines) == 1 and says in str(caught.value)
