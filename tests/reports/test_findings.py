"""All that an audit found lies beside its report, and harms no spreadsheet."""

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from nightsort.reports import findings
from nightsort.storage import Storage

EXAMPLES = pa.table(
    {
        "sha256": ["aa", "bb", "cc"],
        "path": ["/in/a.png", "=1+1.png", "/in/z.zip"],
        "member": ["", "", "@x.png"],
        "label": ["crack", "-dent", "crack"],
    }
)


def written(storage: Storage, *tables: pa.Table) -> list[dict[str, str]]:
    """What a spreadsheet would read."""
    findings.write(storage, "run", pa.concat_tables(tables))
    with Path(storage.locate(f"reports/run/{findings.NAME}")).open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_finding_is_a_row_in_the_order_given(storage: Storage) -> None:
    outliers = findings.table(EXAMPLES, "outlier", pa.array([2, 0]), figure=pa.array([9.5, 4.5]))
    labels = findings.table(EXAMPLES, "label", pa.array([1]), suggestion=pa.array(["crack"]))
    rows = written(storage, outliers, labels)
    assert [(row["finding"], row["sha256"], row["figure"], row["suggestion"]) for row in rows] == [
        ("outlier", "cc", "9.5", ""),
        ("outlier", "aa", "4.5", ""),
        ("label", "bb", "", "crack"),
    ]


def test_no_cell_is_a_formula(storage: Storage) -> None:
    rows = written(storage, findings.table(EXAMPLES, "outlier", pa.array([0, 1, 2])))
    assert [row["path"] for row in rows] == ["/in/a.png", "'=1+1.png", "/in/z.zip"]
    assert (rows[1]["label"], rows[2]["member"]) == ("'-dent", "'@x.png")


@pytest.mark.parametrize("rows", [[], [1]])
def test_nothing_found_is_a_table_without_rows(storage: Storage, rows: list[int]) -> None:
    assert len(written(storage, findings.table(EXAMPLES, "leak", pa.array(rows, pa.int64())))) == len(rows)
