"""img2dataset on local files: a list of file:// addresses, its own resizer, Parquet.

It reads no archive, so a zip is unpacked first. SHA-256 is its own option. It has no hook for checks
of the pixels but one: what is meant to blur a region is handed every decoded picture, after the resize.
What is measured there is thrown away, for img2dataset has no column for it.
"""

import importlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa
import pyarrow.parquet as pq

from nightsort.images.appearance import appearance
from nightsort.images.decode import Decoded
from peers.picture import SIDE, Job, folder, job

_SHARDS = 5  # for each worker; img2dataset starts a fresh process after five
_THREADS = 16  # a process; its default of 256 is for slow servers
_LISTED = 10_000  # rows written at a time


class Looker:
    """Stands in for the blurring of regions, and looks at the picture instead."""

    def __call__(self, img: Any, bbox_list: Any) -> Any:
        """Measure and return the picture as it is."""
        appearance(Decoded.whole(img if img.ndim == 3 else cv2.cvtColor(img, cv2.COLOR_GRAY2RGB)))
        return img


def main(job: Job) -> None:
    """List, then let img2dataset do the rest."""
    program = importlib.import_module("img2dataset.main")  # the package has a function of that name
    program.BoundingBoxBlurrer = Looker
    listed = _listing(folder(job), job.out / "list.parquet")
    program.download(
        url_list=str(job.out / "list.parquet"),
        input_format="parquet",
        caption_col="label",
        bbox_col="region" if job.checks else None,
        compute_hash="sha256" if job.checks else None,
        extract_exif=False,
        output_folder=str(job.out / "shards"),
        output_format="parquet",
        image_size=SIDE,
        resize_mode="keep_ratio",
        resize_only_if_bigger=True,
        skip_reencode=True,
        encode_quality=95,
        processes_count=job.workers,
        thread_count=_THREADS,
        number_sample_per_shard=max(2, -(-listed // (_SHARDS * job.workers))),
        disallowed_header_directives=[],
    )
    (job.out / "list.parquet").unlink()


def _listing(source: Path, to: Path) -> int:
    """Write the list of addresses; the region is the whole picture."""
    schema = pa.schema([("url", pa.string()), ("label", pa.string()), ("region", pa.list_(pa.list_(pa.float32())))])
    files: Iterator[Path] = source.rglob("*.jpg")
    listed = 0
    with pq.ParquetWriter(to, schema) as writer:
        while some := list(islice(files, _LISTED)):
            rows = [{"url": file.as_uri(), "label": file.parent.name, "region": [[0, 0, 1, 1]]} for file in some]
            writer.write_table(pa.Table.from_pylist(rows, schema))
            listed += len(rows)
    return listed


if __name__ == "__main__":
    main(job(__doc__))
