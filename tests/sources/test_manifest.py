"""A manifest says the labels: joined by name, and whoever is missing on either side is a row."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import csv

from nightsort.errors import SourceError
from nightsort.sources import keys, manifest
from nightsort.sources.files import Access
from nightsort.sources.listing import list_source

Rows = Callable[..., list[dict[str, Any]]]
Named = Callable[..., dict[str, dict[str, Any]]]
Fill = Callable[..., Path]
Pack = Callable[..., Path]


@pytest.fixture
def said(by_name: Named, tmp_path: Path) -> Callable[..., dict[str, tuple[Any, Any]]]:
    """Label and reason of each row below tmp_path/in, under a CSV beside it."""

    def look(text: str, source: str = "in") -> dict[str, tuple[Any, Any]]:
        (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
        found = by_name(tmp_path / source, manifest=str(tmp_path / "labels.csv"))
        return {name: (row["label"], row["reason"]) for name, row in found.items()}

    return look


def test_labels_come_from_the_manifest_alone(said: Callable[..., Any], fill: Fill, tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.jpg", "dent/b.jpg", "dent/c.jpg", "dent/d.jpg", ".hidden.jpg")
    assert said("path,label\na.jpg,007\ndent/b.jpg,crack\ndent/d.jpg,\nsub/e.jpg,crack\n.hidden.jpg,dent\n") == {
        "a.jpg": ("007", None),
        "dent/b.jpg": ("crack", None),
        "dent/c.jpg": (None, "not_in_manifest"),
        "dent/d.jpg": (None, "no_label"),
        "sub/e.jpg": ("crack", "missing_file"),
        ".hidden.jpg": ("dent", "ignored_name"),
    }


def test_what_else_is_said_is_kept(rows: Rows, fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "a.jpg", "b.jpg")
    (tmp_path / "m.csv").write_text(
        'path;label;group;split;weight;roi\na.jpg;x;site 1;VAL;0.5;"1,2,30,40"\nb.jpg;y;;;;\n'
    )
    first, second = rows(source, manifest=str(tmp_path / "m.csv"))
    assert [first[name] for name in ("group", "split", "weight", "roi")] == ["site 1", "validation", 0.5, "1,2,30,40"]
    assert [second[name] for name in ("group", "split", "weight", "roi")] == [None] * 4


def test_two_labels_are_one_row_that_names_both(rows: Rows, fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "a.jpg", "b.jpg", "c.jpg")
    (tmp_path / "m.csv").write_text("path,label\na.jpg,x\na.jpg,y\n./b.jpg,x\nb.jpg,x\nc.jpg,\nc.jpg,z\n")
    found = rows(source, manifest=str(tmp_path / "m.csv"))
    assert [(row["outcome"], row["reason"], row["detail"], row["label"]) for row in found] == [
        ("quarantined", "label_conflict", "x and y", None),
        (None, None, None, "x"),
        (None, None, None, "z"),
    ]


def test_two_splits_of_one_file_are_a_fault(fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "a.jpg")
    (tmp_path / "m.csv").write_text("path,label,split\nb.jpg,x,test\na.jpg,x,train\na.jpg,x,test\n")
    with pytest.raises(SourceError, match=r"^manifest m\.csv: row 2: split: says two things of 'a\.jpg'$"):
        list_source(str(source), Access(), manifest=str(tmp_path / "m.csv"))


@pytest.mark.parametrize(
    "name",
    ["sub/b.jpg", "./sub/b.jpg", "sub\\b.jpg", ".\\sub\\b.jpg", "sub//b.jpg", "x/../sub/./b.jpg", "{root}/sub/b.jpg"],
)
def test_names_may_be_written_in_many_ways(name: str, said: Callable[..., Any], fill: Fill, tmp_path: Path) -> None:
    root = fill(tmp_path / "in", "sub/b.jpg")
    assert said(f"path,label\n{name.format(root=root)},x\n") == {"sub/b.jpg": ("x", None)}


def test_letters_composed_in_two_ways_are_one_name(said: Callable[..., Any], fill: Fill, tmp_path: Path) -> None:
    fill(tmp_path / "in", unicodedata.normalize("NFD", "käfer.jpg"))
    found = said(f"path,label\n{unicodedata.normalize('NFC', 'käfer.jpg')},x\n")
    assert list(found.values()) == [("x", None)]


@pytest.mark.parametrize(
    "name", ["../secret.jpg", "a/../../secret.jpg", "/etc/passwd", "s3://other/a.jpg", "C:\\a.jpg"]
)
def test_a_name_that_leads_outside_is_missing_and_is_not_looked_at(
    name: str, rows: Rows, fill: Fill, tmp_path: Path
) -> None:
    fill(tmp_path, "secret.jpg", "in/ok.jpg")
    (tmp_path / "m.csv").write_text(f"path,label\nok.jpg,x\n{name},x\n")
    ok, missing = rows(tmp_path / "in", manifest=str(tmp_path / "m.csv"))
    assert ok["outcome"] is None
    assert (missing["outcome"], missing["reason"], missing["member"]) == ("quarantined", "missing_file", "")
    assert missing["detail"] == "m.csv, row 2: leads outside the source; nothing there is read"
    assert keys.leads_outside(missing["path"])


def test_a_blank_that_makes_a_name_another_is_pointed_out(rows: Rows, fill: Fill, tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.jpg")
    (tmp_path / "m.csv").write_text("path,label\na.jpg ,x\nb.jpg,y\n")
    found = rows(tmp_path / "in", manifest=str(tmp_path / "m.csv"))
    assert [(row["reason"], row["detail"]) for row in found] == [
        ("not_in_manifest", ""),
        ("missing_file", "m.csv, row 1: a blank begins or ends its name"),
        ("missing_file", "m.csv, row 2"),
    ]


def test_members_are_named_with_their_archive(rows: Rows, pack: Pack, tmp_path: Path) -> None:
    pack(tmp_path / "in" / "big.tar", [("./a.jpg", b"a"), ("sub/b.jpg", b"b"), ("c.jpg", b"c")])
    (tmp_path / "m.csv").write_text("path,label\nbig.tar!a.jpg,x\nbig.tar!./sub/b.jpg,y\nbig.tar!d.jpg,z\n")
    found = rows(tmp_path / "in", manifest=str(tmp_path / "m.csv"))
    assert [(row["member"], row["label"], row["reason"]) for row in found] == [
        ("./a.jpg", "x", None),
        ("sub/b.jpg", "y", None),
        ("c.jpg", None, "not_in_manifest"),
        ("d.jpg", "z", "missing_file"),
    ]
    assert {row["path"] for row in found} == {str(tmp_path / "in" / "big.tar")}


@pytest.mark.parametrize("inside", [False, True])
def test_where_the_source_is_an_archive_the_names_of_members_suffice(
    inside: bool, rows: Rows, pack: Pack, tmp_path: Path
) -> None:
    text = b"path,label,member\na.jpg,x,\nbig.zip!b.jpg,y,\nbig.zip,z,c.jpg\n"
    members = [(name, b"x") for name in ("a.jpg", "b.jpg", "c.jpg")]
    archive = pack(tmp_path / "big.zip", [*members, ("m.csv", text)] if inside else members)
    (tmp_path / "m.csv").write_bytes(b"" if inside else text)
    manifest = "m.csv" if inside else str(tmp_path / "m.csv")
    found = {row["member"]: (row["label"], row["reason"]) for row in rows(archive, manifest=manifest)}
    assert found.pop("m.csv", None) == ((None, "ignored_name") if inside else None)
    assert found == {"a.jpg": ("x", None), "b.jpg": ("y", None), "c.jpg": ("z", None)}


def test_a_container_that_is_named_lends_its_label_to_its_members(rows: Rows, pack: Pack, tmp_path: Path) -> None:
    pack(tmp_path / "in" / "big.zip", [("a.jpg", b"a"), ("b.jpg", b"b")])
    (tmp_path / "m.csv").write_text("path,label\nbig.zip,x\nbig.zip!b.jpg,y\n")
    assert [row["label"] for row in rows(tmp_path / "in", manifest=str(tmp_path / "m.csv"))] == ["x", "y"]


def test_what_is_in_a_container_that_still_grows_is_not_missing(rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "big.zip").write_bytes(b"half")
    (tmp_path / "m.csv").write_text("path,label\nbig.zip!a.jpg,x\nb.jpg,x\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda seconds: (tmp_path / "in" / "big.zip").write_bytes(b"more than half"))
        found = rows(tmp_path / "in", manifest=str(tmp_path / "m.csv"), settle_seconds=60)
    assert [row["reason"] for row in found] == ["still_written", "missing_file"]


def test_a_manifest_can_be_the_source_and_is_no_picture(by_name: Named, fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path, "a.jpg", "sub/b.jpg")
    (source / "labels.jsonl").write_text('{"path": "a.jpg", "label": 7}\n{"path": "sub/b.jpg", "label": 8}\n')
    found = {Path(row["path"]).name: (row["label"], row["reason"]) for row in by_name(source / "labels.jsonl").values()}
    assert found == {"a.jpg": ("7", None), "b.jpg": ("8", None), "labels.jsonl": (None, "ignored_name")}
    with pytest.raises(SourceError, match="is a manifest itself"):
        list_source(str(source / "labels.jsonl"), Access(), manifest="other.csv")


def test_a_manifest_may_be_called_by_its_name_in_the_source_and_may_be_in_a_store(
    fill: Fill, tmp_path: Path, table: Callable[..., pa.Table]
) -> None:
    (fill(tmp_path, "a.jpg") / "m.csv").write_text("path,label\na.jpg,x\n")
    assert table(tmp_path, manifest="m.csv")["label"].to_pylist() == ["x", None]
    fs = fsspec.filesystem("memory")
    fs.pipe({"/labelled/a.jpg": b"a", "/labelled/m.csv": b"path,label\nmemory:///labelled/a.jpg,y\n"})
    access = Access(scratch=str(tmp_path / "scratch"))
    try:
        listing = table("memory://labelled", manifest="memory://labelled/m.csv", access=access)
    finally:
        fs.rm("/labelled", recursive=True)
    assert listing["label"].to_pylist() == ["y", None]
    assert listing["reason"].to_pylist() == [None, "ignored_name"]


def test_a_long_listing_is_joined_in_parts_and_every_row_comes_once(
    rows: Rows, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(tmp_path / "big.tar", [(f"{i}.jpg", b"") for i in range(25_000)])
    monkeypatch.setattr(manifest, "_LOOKUPS", 2)
    named = [*range(0, 25_000, 2), *range(30_000, 42_000)]
    csv.write_csv(pa.table({"path": [f"{i}.jpg" for i in named], "label": ["x"] * len(named)}), tmp_path / "m.csv")
    found = rows(archive, manifest=str(tmp_path / "m.csv"))
    assert [row["member"] for row in found[:25_000]] == [f"{i}.jpg" for i in range(25_000)]
    assert [row["member"] for row in found[25_000:]] == [f"{i}.jpg" for i in range(30_000, 42_000)]
    assert all((row["reason"] is None) == (i % 2 == 0) for i, row in enumerate(found[:25_000]))


def test_coco_is_a_manifest(rows: Rows, fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "a.jpg", "b.jpg")
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg", "location": "site 7"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 1, "category_id": 3},
            {"image_id": 2, "category_id": 3},
            {"image_id": 2, "category_id": 4},
        ],
        "categories": [{"id": 3, "name": "fox"}, {"id": 4, "name": "owl"}],
    }
    (tmp_path / "m.json").write_text(json.dumps(coco, indent=1))
    first, second = rows(source, manifest=str(tmp_path / "m.json"))
    assert (first["label"], first["group"], first["reason"]) == ("fox", "site 7", None)
    assert (second["reason"], second["detail"]) == ("label_conflict", "fox and owl")


@pytest.mark.parametrize("name", ["m.xls", "gone.csv", "/gone.csv"])
def test_a_manifest_that_is_none_is_one_line(name: str, fill: Fill, tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    with pytest.raises(SourceError) as caught:
        list_source(str(tmp_path), Access(), manifest=name)
    assert len(caught.value.lines) == 1 and name in str(caught.value)


def test_a_manifest_without_rows_names_nothing(said: Callable[..., Any], fill: Fill, tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.jpg")
    assert said("path,label\n") == {"a.jpg": (None, "not_in_manifest")}


def test_odd_names_are_resolved_wherever_they_stand_in_a_long_manifest(rows: Rows, fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "a.jpg", "b/c.jpg")
    names = [f"none/{i:0200d}.jpg" for i in range(40_000)]
    names[0], names[-1] = "x/../a.jpg", "b/./c.jpg"
    (tmp_path / "m.csv").write_text("path,label\n" + "".join(f"{name},x\n" for name in names))
    found = rows(source, manifest=str(tmp_path / "m.csv"))
    assert [row["reason"] for row in found] == [None, None] + ["missing_file"] * 39_998
    assert found[-1]["detail"] == "m.csv, row 39999"


def test_absolute_names_of_windows_are_below_its_root() -> None:
    named = pa.chunked_array([["C:\\pictures\\red\\a.png", "C:/pictures/red/a.png", "red\\a.png", "D:\\a.png"]])
    found = keys.named_keys(named, pa.chunked_array([pa.nulls(4, pa.string())]), "C:/pictures", "").to_pylist()
    assert found == ["red/a.png"] * 3 + ["D:/a.png"]
    assert [keys.leads_outside(key) for key in found] == [False] * 3 + [True]
