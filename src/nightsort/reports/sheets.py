"""Owns contact sheets: for each class a handful of pictures, drawn at random.

Invariant: the same pictures and the same seed give the same sheets, whatever the order of the rows.
Does not know how a sheet is laid out.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.dataset.versions import Dataset
from nightsort.reports.data import MAX_SHEET, MAX_SHEETS, Sheet
from nightsort.reports.gallery import stored_images

_SIDE = 96  # pixels; MAX_SHEETS full sheets of noise are 3 MB


def sheets(dataset: Dataset, examples: pa.Table, seed: int) -> list[Sheet]:
    """One sheet a class, at most MAX_SHEETS, the smallest class first: there a bad picture weighs most.

    :param examples: columns sha256 and label of the pictures to draw from; each sha256 once
    """
    grouped = examples.group_by("label").aggregate([([], "count_all")]).to_pylist()
    totals = sorted((row["count_all"], row["label"]) for row in grouped)[:MAX_SHEETS]
    drawn = {label: _draw(examples, label, [seed, rank]) for rank, (_, label) in enumerate(totals)}
    images = stored_images(dataset, [sha256 for chosen in drawn.values() for sha256 in chosen], _SIDE)
    return [
        Sheet(label=label, total=total, images=[images[sha256] for sha256 in drawn[label]]) for total, label in totals
    ]


def _draw(examples: pa.Table, label: str, seed: list[int]) -> list[str]:
    members = examples.filter(pc.equal(examples["label"], label))["sha256"].sort()
    chosen = np.random.default_rng(seed).choice(len(members), min(MAX_SHEET, len(members)), replace=False)
    return list(members.take(chosen).to_pylist())
