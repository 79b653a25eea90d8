"""What has arrived between two versions is what somebody said a new label of."""

from typing import Any

import pyarrow as pa

from nightsort.curation.arrived import RELABELLED, arrived
from nightsort.dataset.policy import Policy
from nightsort.dataset.versions import Dataset
from nightsort.schema import EXAMPLES, WITHHELD
from nightsort.storage import Storage


def example(sha256: str, label: str, split: str, run_id: str, **others: Any) -> dict[str, Any]:
    """A row of the dataset, without what does not matter here."""
    return {"sha256": sha256, "label": label, "split": split, "run_id": run_id, **others}


def commit(dataset: Dataset, *rows: dict[str, Any]) -> int:
    """A version with these rows, new or in the place of older ones."""
    return dataset.commit([], pa.Table.from_pylist(list(rows), schema=EXAMPLES), Policy(), "run")


def test_new_labels_and_changed_ones_of_held_out_pictures_arrive(storage: Storage) -> None:
    dataset = Dataset(storage)
    kept = [example("b", "red", "test", "one"), example("c", "red", "validation", "one")]
    changing = [example(name, "red", split, "one") for name, split in (("d", "test"), ("e", "train"), ("f", "test"))]
    before = commit(dataset, example("a", "red", "train", "one"), *kept, *changing)
    now = commit(
        dataset,
        example("d", "blue", "test", "one"),
        example("e", "blue", "train", "one"),
        example("f", "red", WITHHELD, "one"),
        example("g", "blue", "train", "two"),
        example("h", "blue", "train", "two", parent="g"),
        example("i", "blue", WITHHELD, "two"),
        example("j", "red", "test", "three"),
    )
    found = arrived(dataset, before, now)
    labels = [(row["sha256"], row["label"], row["lot"]) for row in found.labels.to_pylist()]
    assert labels == [("d", "blue", RELABELLED), ("g", "blue", "two"), ("j", "red", "three")]
    assert found.held_out["sha256"].to_pylist() == ["b", "c"]
    assert len(arrived(dataset, now, now).labels) == 0
    assert len(arrived(dataset, now, before).labels) == 1  # the older version had another label of d
