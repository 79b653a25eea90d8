"""Owns what a report says of flagged pictures: how many carry each flag, and a few of each to look at.

Invariant: every flag is counted; pictures are shown for the most frequent flags, each getting its share.
Does not know what a flag means.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.arrow import frequencies
from nightsort.dataset.versions import Dataset
from nightsort.reports.gallery import stored_thumbnails
from nightsort.reports.shown import MAX_THUMBNAILS, Thumbnail


def flags(examples: pa.Table) -> dict[str, int]:
    """Pictures that carry each flag, the most frequent first.

    :param examples: column flags, a list of text a picture
    """
    counted = frequencies(pc.list_flatten(examples["flags"]))
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def flagged(dataset: Dataset, examples: pa.Table) -> list[Thumbnail]:
    """At most MAX_THUMBNAILS flagged pictures, grouped by the flag that is each one's `note`.

    :param examples: columns sha256, path, member, label and flags
    """
    shown = list(flags(examples))[:MAX_THUMBNAILS]
    if not shown:
        return []
    carried = pc.list_flatten(examples["flags"])
    carriers = pc.list_parent_indices(examples["flags"])
    chosen = [
        _few(examples, carriers.filter(pc.equal(carried, flag)), flag, MAX_THUMBNAILS // len(shown)) for flag in shown
    ]
    return stored_thumbnails(dataset, pa.concat_tables(chosen))


def _few(examples: pa.Table, carriers: pa.ChunkedArray, flag: str, limit: int) -> pa.Table:
    """Carriers of one flag, taken at even distances so that they are not all of one folder."""
    spaced = np.linspace(0, len(carriers) - 1, min(limit, len(carriers)), dtype=np.int64)
    rows = examples.select(["sha256", "path", "member", "label"]).take(carriers.take(spaced))
    return rows.append_column("note", pa.array([flag] * rows.num_rows, pa.string()))
