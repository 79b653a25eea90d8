"""What `nightsort init` sees before it asks: the labelled pictures, and this machine's time zone."""

import zipfile
from pathlib import Path

import pytest

from flows.actions.first_look import look
from flows.commands import questions
from nightsort.errors import SourceError


def pictures(folder: Path, **classes: int) -> None:
    """So many files of each class, in a folder of its own."""
    for label, count in classes.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            (folder / label / f"{number}.png").write_bytes(b"x")


def test_a_look_at_an_archive_and_at_a_manifest(tmp_path: Path) -> None:
    for split in ("train", "test"):
        pictures(tmp_path / "labelled" / split, good=2)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("crack/a.png", b"x")
        archive.writestr("good/b.png", b"x")
    seen = look("in.zip", None, tmp_path)
    assert seen and (dict(seen.classes), seen.side, seen.rare) == ({"crack": 1, "good": 1}, None, False)
    seen = look("labelled", None, tmp_path)
    assert seen and seen.splits and seen.classes["good"] == 4
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.png").write_bytes(b"x")
    (tmp_path / "flat" / "labels.csv").write_text("path,label\na.png,good\n")
    seen = look("flat", None, tmp_path)
    assert seen and (seen.unlabelled, seen.manifests) == (1, ["labels.csv"])
    assert str(seen) == "1 file without a class folder; a manifest may name their classes"
    seen = look("flat", "labels.csv", tmp_path)
    assert seen and dict(seen.classes) == {"good": 1}
    assert look("s3://bucket/in", None, tmp_path) is None
    (tmp_path / "none").mkdir()
    assert str(look("none", None, tmp_path)) == "no picture yet"
    with pytest.raises(SourceError, match="does not exist"):
        look("nowhere", None, tmp_path)


@pytest.mark.parametrize(
    ("named", "zone"),
    [("Asia/Tokyo", "Asia/Tokyo"), (":Europe/Paris", "Europe/Paris"), ("UTC", "UTC"), ("EST5X", "UTC")],
)
def test_the_time_zone_of_this_machine(named: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", named)
    assert questions.here() == zone


def test_the_time_zone_is_that_of_localtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TZ", raising=False)
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Rome")
    monkeypatch.setattr(questions, "_LOCALTIME", tmp_path / "localtime")
    assert questions.here() == "Europe/Rome"
    monkeypatch.setattr(questions, "_LOCALTIME", tmp_path / "none")
    assert questions.here() == "UTC"
