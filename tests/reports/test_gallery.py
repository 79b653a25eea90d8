"""A thumbnail for every row, in order; one that cannot be read any more is shown without pixels."""

import base64
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from nightsort.dataset.policy import Policy
from nightsort.images.clean import Cleaning
from nightsort.reports.data import MAX_TWINS
from nightsort.reports.gallery import stored_images, stored_thumbnails, thumbnails, twins
from nightsort.sources.files import Access


def test_every_row_is_shown_in_order_with_its_own_picture(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(picture(i))
    (tmp_path / "bad.png").write_bytes(b"no longer a picture")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("m.png", picture(0))
    places = [("2.png", ""), ("gone.png", ""), ("a.zip", "m.png"), ("0.png", ""), ("bad.png", ""), ("1.png", "")]
    rows = [
        {
            "path": str(tmp_path / path),
            "member": member,
            "label": "a",
            "confidence": 0.5,
            "runner_up": "b",
            "margin": 0.1,
        }
        for path, member in places
    ]
    shown = thumbnails(pa.Table.from_pylist(rows), 10**6, Access(scratch=str(tmp_path / "scratch")))
    names = [Path(item.path).name for item in shown]
    assert names == ["2.png", "gone.png", "a.zip!m.png", "0.png", "bad.png", "1.png"]
    images = {name: item.image for name, item in zip(names, shown, strict=True)}
    assert images["gone.png"] == images["bad.png"] == ""
    assert images["a.zip!m.png"] == images["0.png"]
    assert len({images["0.png"], images["1.png"], images["2.png"]}) == 3
    assert images["0.png"].startswith("data:image/jpeg;base64,")
    assert {(item.label, item.runner_up, item.confidence, item.margin) for item in shown} == {("a", "b", 0.5, 0.1)}


@pytest.fixture
def examples() -> pa.Table:
    """Thirty pictures, of class a the even and of class b the odd ones."""
    rows = [
        {"sha256": f"{i:02d}", "path": "/in/a.zip", "member": f"{i:02d}.png", "label": "ab"[i % 2]} for i in range(30)
    ]
    return pa.Table.from_pylist(rows)


@pytest.fixture
def dataset(shelf: Callable[..., Any], picture: Callable[..., bytes]) -> Any:
    """Twenty-nine of the thirty pictures; the one before is damaged."""
    return shelf({f"{i:02d}": picture(i) for i in range(28)} | {"28": b"no longer a picture"})


def pairs(*found: tuple[int, int, int]) -> pa.Table:
    """Pairs of pictures with their distance."""
    rows = [{"left": f"{one:02d}", "right": f"{other:02d}", "distance": n} for one, other, n in found]
    return pa.Table.from_pylist(
        rows, pa.schema([("left", pa.string()), ("right", pa.string()), ("distance", pa.int8())])
    )


def test_stored_pictures_are_shown_in_order_with_their_own_pixels(dataset: Any, examples: pa.Table) -> None:
    rows = examples.take([5, 29, 2, 28, 5]).append_column("margin", pa.array([5.0, 4.0, 3.0, None, 1.0]))
    shown = stored_thumbnails(dataset, rows)
    assert [item.path for item in shown] == [f"/in/a.zip!{name}.png" for name in ("05", "29", "02", "28", "05")]
    assert [bool(item.image) for item in shown] == [True, False, True, False, True]
    assert shown[0].image == shown[4].image != shown[2].image
    assert [item.margin for item in shown] == [5.0, 4.0, 3.0, 0.0, 1.0]


def test_stored_pictures_are_turned_only_where_the_dataset_was_begun_so(shelf: Callable[..., Any]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    file = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(file, "JPEG", exif=exif)
    for orient, size in ((True, (20, 40)), (False, (40, 20))):
        policy = Policy(cleaning=Cleaning(orient=orient))
        uri = stored_images(shelf({"a": file.getvalue()}, policy), ["a"])["a"]
        assert Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size == size


def test_pairs_of_two_labels_come_first_and_else_the_order_stays(dataset: Any, examples: pa.Table) -> None:
    shown = twins(dataset, examples, pairs((0, 2, 0), (4, 6, 1), (8, 9, 5), (10, 11, 6)))
    assert [(pair.left.path[-6:-4], pair.right.path[-6:-4]) for pair in shown] == [
        ("08", "09"), ("10", "11"), ("00", "02"), ("04", "06"),
    ]  # fmt: skip
    assert [pair.note for pair in shown] == [f"distance {n} of 64" for n in (5, 6, 0, 1)]
    assert all(side.image for pair in shown for side in (pair.left, pair.right))


def test_no_picture_is_shown_twice_and_pairs_are_bounded(dataset: Any, examples: pa.Table) -> None:
    everything = [(i, j, 1) for i in range(30) for j in range(30) if i != j]
    shown = twins(dataset, examples, pairs(*everything))
    names = [side.path for pair in shown for side in (pair.left, pair.right)]
    assert len(shown) == MAX_TWINS and len(names) == len(set(names))


def test_a_pair_says_how_near_it_is(dataset: Any, examples: pa.Table) -> None:
    both = pairs((0, 2, 3)).append_column("cosine", pa.array([0.99123]))
    assert twins(dataset, examples, both)[0].note == "distance 3 of 64, cosine 0.991"
    assert twins(dataset, examples, both.drop_columns("distance"))[0].note == "cosine 0.991"


def test_no_pairs(dataset: Any, examples: pa.Table) -> None:
    assert twins(dataset, examples, pairs()) == []
