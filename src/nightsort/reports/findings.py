"""Owns the list of all that an audit found: a table beside the report, which shows only the first of each.

Invariant: no cell of it is a formula to a spreadsheet, whatever a file is called.
Does not know how a finding came about.
"""

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from nightsort.storage import Storage

NAME = "audit.csv"

FINDINGS = pa.schema(
    [
        ("finding", pa.string()),  # leak, outlier or label
        ("path", pa.string()),
        ("member", pa.string()),
        ("label", pa.string()),
        ("suggestion", pa.string()),  # of a suspected wrong label: the class it looks like
        ("figure", pa.float64()),  # cosine with the twin, deviation, or confidence in the label
        ("twin", pa.string()),  # of a leak: the path of the picture in train
        ("twin_member", pa.string()),
        ("sha256", pa.string()),
    ]
)
"""One row for each finding, the worst of its kind first."""


def table(examples: pa.Table, finding: str, rows: pa.Array, **more: pa.Array) -> pa.Table:
    """Findings about some pictures.

    :param examples: columns sha256, path, member and label
    :param rows: of `examples`, in the order they are to be looked at
    :param more: other columns of FINDINGS
    """
    found = examples.select(["sha256", "path", "member", "label"]).take(rows)
    columns = {name: found[name] for name in found.column_names} | more | {"finding": pa.repeat(finding, len(found))}
    return pa.table(
        [columns.get(field.name, pa.nulls(len(found), field.type)) for field in FINDINGS], FINDINGS.names
    ).cast(FINDINGS)


def write(storage: Storage, run_id: str, findings: pa.Table) -> None:
    """Write all findings into the folder of the report.

    :param findings: a table of any columns; text that a spreadsheet would compute is quoted
    """
    for place, field in enumerate(findings.schema):
        if field.type == pa.string():
            safe = pc.replace_substring_regex(findings[field.name], r"^([=+\-@\t\r])", r"'\1")
            findings = findings.set_column(place, field, safe)
    data = pa.BufferOutputStream()
    csv.write_csv(findings, data)
    storage.write_bytes(f"reports/{run_id}/{NAME}", memoryview(data.getvalue()))
