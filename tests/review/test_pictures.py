"""Pictures that an export takes along, on disks that do not allow everything."""

import os
from pathlib import Path

import pytest

from nightsort.review.pictures import place_beside


@pytest.mark.parametrize("links", [True, False])
def test_a_picture_is_beside_itself_whether_or_not_the_disk_links(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a.jpg").write_bytes(b"picture")
    place_beside(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes() == b"picture"
    assert (tmp_path / "b.jpg").samefile(tmp_path / "a.jpg") is links
