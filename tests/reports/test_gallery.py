"""A thumbnail for every row, in order; one that cannot be read any more is shown without pixels."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from nightsort.reports.gallery import thumbnails


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
    shown = thumbnails(pa.Table.from_pylist(rows), 10**6, 10**6)
    names = [Path(item.path).name for item in shown]
    assert names == ["2.png", "gone.png", "a.zip!m.png", "0.png", "bad.png", "1.png"]
    images = {name: item.image for name, item in zip(names, shown, strict=True)}
    assert images["gone.png"] == images["bad.png"] == ""
    assert images["a.zip!m.png"] == images["0.png"]
    assert len({images["0.png"], images["1.png"], images["2.png"]}) == 3
    assert images["0.png"].startswith("data:image/jpeg;base64,")
    assert {(item.label, item.runner_up, item.confidence, item.margin) for item in shown} == {("a", "b", 0.5, 0.1)}
