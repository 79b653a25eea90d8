"""Tables of labels are taken as they are written; what is wrong in them is listed whole, and bounded."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from nightsort.errors import SourceError
from nightsort.sources.files import Access, filesystem
from nightsort.sources.manifest import load_manifest
from nightsort.sources.tabular import read_table
from nightsort.sources.tree import Tree


def read(text: str | bytes, name: str = "m.csv") -> list[dict[str, Any]]:
    rows = read_table(pa.BufferReader(text.encode() if isinstance(text, str) else text), name)
    found: list[dict[str, Any]] = rows.to_pylist()
    return found


def pairs(text: str | bytes, name: str = "m.csv") -> list[tuple[str, str]]:
    return [(row["path"], row["label"]) for row in read(text, name)]


def faults(text: str | bytes, name: str = "m.csv") -> list[str]:
    with pytest.raises(SourceError) as caught:
        read(text, name)
    assert all(line.startswith(f"manifest {name}: ") for line in caught.value.lines)
    return [line.removeprefix(f"manifest {name}: ") for line in caught.value.lines]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_is_read_whatever_wrote_it(delimiter: str, mark: str, end: str) -> None:
    lines = [f"path{delimiter}label", f"a b.jpg{delimiter} 007 ", f'"x{delimiter}y.jpg"{delimiter}null']
    assert pairs(mark + end.join(lines) + end) == [("a b.jpg", "007"), (f"x{delimiter}y.jpg", "null")]


_WORD = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)


@given(st.lists(st.tuples(_WORD, _WORD)))
def test_words_go_through_json_lines_and_parquet_unchanged(words: list[tuple[str, str]]) -> None:
    lines = "".join(json.dumps({"path": path, "label": label}) + "\n" for path, label in words)
    if words:
        assert pairs(lines, "m.jsonl") == words
    sink = pa.BufferOutputStream()
    schema = pa.schema([("path", pa.string()), ("label", pa.string())])
    parquet.write_table(pa.Table.from_pylist([{"path": p, "label": q} for p, q in words], schema), sink)
    assert pairs(sink.getvalue().to_pybytes(), "m.parquet") == words


@pytest.mark.parametrize("label", ["2020-01-01", "12:30:00", 7, "007", "true"])
def test_a_label_is_what_is_written(label: object) -> None:
    assert pairs(json.dumps({"path": "a.jpg", "label": label}), "m.jsonl") == [("a.jpg", str(label))]


def test_numbers_and_categories_of_parquet_are_labels() -> None:
    for labels in (pa.array([3, 4]), pa.array(["3", "4"]).dictionary_encode()):
        sink = pa.BufferOutputStream()
        parquet.write_table(pa.table({"path": ["a", "b"], "label": labels, "weight": [0.5, None]}), sink)
        rows = read(sink.getvalue().to_pybytes(), "m.parquet")
        assert [(row["label"], row["weight"]) for row in rows] == [("3", 0.5), ("4", None)]


def test_faults_of_columns_are_listed_together() -> None:
    assert faults("path,lable,weihgt,x,x\na,b,1,2,3\n") == [
        "column 'x': is there 2 times",
        "column 'lable': is not known; did you mean 'label'?",
        "column 'weihgt': is not known; did you mean 'weight'?",
        "column 'x': is not known; known are path, label, group, split, weight, roi, member",
        "column 'label': is required; call the one that holds their classes so",
    ]


def test_faults_of_rows_are_listed_together_with_their_row() -> None:
    right = 'b,x,Valid,1e3,"1, 2,3.5,4"'
    wrong = ["a,x,tset,0,1", ",x,,,", right, 'c,x,,nan,"1,2,3,-4"', "d,x,,1e99,"]
    assert faults("\n".join(["path,label,split,weight,roi", *wrong])) == [
        "row 2: path: must not be empty, got None",
        "row 1: split: must be one of train, validation, test, got 'tset'",
        "row 1: weight: must be a number above 0, got '0'",
        "row 4: weight: must be a number above 0, got 'nan'",
        "row 5: weight: must be a number above 0, got '1e99'",
        "row 1: roi: must be left,top,width,height in pixels, got '1'",
        "row 4: roi: must be left,top,width,height in pixels, got '1,2,3,-4'",
    ]


def test_the_list_of_faults_is_bounded() -> None:
    lines = faults("path,label,split\n" + "a,x,tset\n" * 57)
    assert len(lines) == 21 and lines[-1] == "... and 37 more"
    broken = faults("path,label\n" + "a,x,y\n" * 30)
    assert broken[0] == "row 1: has 3 columns, of 2 in the header" and broken[-1] == "... and 10 more"


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        ("path,label\nkäfer.jpg,x\n".encode("latin-1"), "m.csv", "must be UTF-8, and is not"),
        ("path,label\na.jpg,x\n".encode("utf-16"), "m.csv", "must be UTF-8, and is UTF-16"),
        (b"", "m.csv", "Empty CSV file"),
        (b"PAR1 not at all", "m.parquet", "Parquet"),
        (b'{"path": "a", "label": ["x"]}', "m.jsonl", "column 'label': holds list<item: string>; must hold text"),
        (b'{"path": "a", "label": "x"}\n{"path": 3', "m.jsonl", "JSON parse error"),
    ],
)
def test_what_is_no_table_is_one_line(data: bytes, name: str, says: str) -> None:
    lines = faults(data, name)
    assert len(lines) == 1 and says in lines[0]


def test_a_compressed_manifest_is_read_and_a_cut_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.csv.gz"
    file.write_bytes(gzip.compress(b"path,label\n" + b"".join(b"%d.jpg,x\n" % i for i in range(5_000))))
    tree, access = Tree(*filesystem(str(tmp_path))), Access(scratch=str(tmp_path / "scratch"))
    assert load_manifest(str(file), tree, False, access).path == str(file)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(SourceError, match="damaged"):
        load_manifest(str(file), tree, False, access)
