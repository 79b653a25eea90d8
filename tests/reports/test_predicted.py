"""The running summary of predictions: the same as one of all of them, and bounded."""

import pyarrow as pa

from nightsort.reports.predicted import Predicted
from nightsort.reports.shown import MAX_THUMBNAILS
from nightsort.schema import PREDICTIONS


def predictions(count: int) -> pa.Table:
    """Predictions whose margin is their number, scrambled, over 1,000."""
    order = [(number * 37) % count for number in range(count)]
    rows = [
        {"path": f"{n}.jpg", "member": "", "label": "ab"[n % 2], "margin": n / 1000, "abstained": n % 5 == 0}
        for n in order
    ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def test_chunk_by_chunk_gives_what_all_at_once_does() -> None:
    rows = predictions(100)
    summary = Predicted()
    for start in range(0, 100, 7):
        summary.add(rows.slice(start, 7))
    assert summary.counts == {"a": 50, "b": 50}
    assert summary.abstained == 20
    assert summary.least_certain["path"].to_pylist() == [f"{n}.jpg" for n in range(MAX_THUMBNAILS)]


def test_nothing_predicted_is_no_summary() -> None:
    summary = Predicted()
    summary.add(PREDICTIONS.empty_table())
    assert (summary.counts, summary.abstained, summary.least_certain.num_rows) == ({}, 0, 0)
