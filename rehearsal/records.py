"""Owns what a rehearsal may look at of a storage root: the tables, the reports and the alias, as anybody can read them.

Invariant: reads with deltalake and json, so that what it says does not rest on the program that wrote it.
Does not know what should be there.
"""

import json
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

Row = dict[str, Any]


class Records:
    """A storage root, seen from outside."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def rows(self, table: str, *columns: str) -> list[Row]:
        """Some columns of a table; none where there is no table."""
        if not any((self.root / table / "_delta_log").glob("*.json")):
            return []
        rows: list[Row] = DeltaTable(str(self.root / table)).to_pyarrow_table(columns=list(columns)).to_pylist()
        return rows

    def report(self, run_id: str) -> dict[str, Any]:
        """The data of a report."""
        data: dict[str, Any] = json.loads((self.root / "reports" / run_id / "report.json").read_bytes())
        return data

    def pages(self) -> dict[str, str]:
        """Run id -> flow of every report that has a page and data."""
        whole = (page.parent for page in (self.root / "reports").glob("*/report.html"))
        return {folder.name: self.report(folder.name)["flow"] for folder in whole if (folder / "report.json").exists()}

    def index(self) -> str:
        """The index of the reports; empty where there is none."""
        page = self.root / "reports" / "index.html"
        return page.read_text() if page.exists() else ""

    def commits(self, table: str) -> int:
        """How many commits a table has seen."""
        return len(list((self.root / table / "_delta_log").glob("*.json")))

    def size(self) -> int:
        """Bytes of all reports."""
        return sum(file.stat().st_size for file in (self.root / "reports").rglob("*") if file.is_file())
