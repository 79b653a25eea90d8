"""A plain single-process loop: read, decode, resize, encode, and one Parquet file at the end."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from peers.picture import Job, job, row


def main(job: Job) -> None:
    """Do all of it in this process."""
    rows, seen = [], set()
    for name, data in pictures(job.source):
        made = row(data, job.checks)
        if made is None or made.get("sha256", name) in seen:
            continue
        seen.add(made.get("sha256", name))
        rows.append({"path": name, "label": Path(name).parent.name, **made})
    pq.write_table(pa.Table.from_pylist(rows), job.out / "pictures.parquet")


def pictures(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every picture, in order."""
    if source.is_dir():
        for file in sorted(source.rglob("*.jpg")):
            yield str(file), file.read_bytes()
        return
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


if __name__ == "__main__":
    main(job(__doc__))
