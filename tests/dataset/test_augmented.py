"""Copies are made of training originals only, depend on the seed alone, and fill classes up and no further."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.dataset.augmented import COLUMNS, PLAN, Copies, Order, chunks, distinct, make, plan
from nightsort.dataset.policy import Policy
from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.images.augment import perform
from nightsort.images.decode import Decoded, decode
from nightsort.images.phash import phash
from nightsort.images.quality import measure
from nightsort.schema import EXAMPLES, IMAGES, MEASURES, SPLITS
from nightsort.storage import Storage
from nightsort.tables import write_file

OPERATIONS = ("rotate", "crop", "jitter", "noise")


def originals(counts: dict[str, dict[str, int]]) -> pa.Table:
    """Rows of EXAMPLES: so many originals of each class and split."""
    rows = [
        {
            "sha256": hashlib.sha256(f"{label} {split} {number}".encode()).hexdigest(),
            "label": label,
            "split": split,
            "group": f"{label}-{number // 2}",
            "weight": 0.5,
            "path": f"/source/{label}/{number}.png",
            "member": "",
            "size": 100,
            "stamp": "1",
            "flags": [],
        }
        for label, splits in counts.items()
        for split, count in splits.items()
        for number in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=EXAMPLES)


def as_if_made(planned: pa.Table, seed: int) -> pa.Table:
    """The rows that a plan ends in, without their pixels."""
    rows = [
        {
            **{name: row[name] for name in ("parent", "label", "group", "weight")},
            "sha256": hashlib.sha256(f"{seed} {row['parent']} {row['copy']}".encode()).hexdigest(),
            "split": "train",
            "operations": json.dumps({"seed": seed, "copy": row["copy"], "steps": []}),
        }
        for row in planned.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=EXAMPLES)


class Shelf:
    """A dataset with pixels of its own making, and the copies made of them."""

    def __init__(self, storage: Storage, encode: Callable[..., bytes], **policy: Any) -> None:
        self.dataset, self.policy = Dataset(storage), Policy(store_side=64, **policy)
        self.encode = encode

    def fill(self, counts: dict[str, dict[str, int]], **options: Any) -> None:
        """A first version of so many pictures of each class and split."""
        rows = originals(counts)
        pixels = [self.encode(seed, **options) for seed in range(len(rows))]
        table = pa.table([rows["sha256"], pa.array(pixels, pa.large_binary())], schema=IMAGES)
        self.dataset.commit([write_file(self.dataset.folder, table, "first")], rows, self.policy, "first")

    def order(self, seed: int = 0) -> Order:
        return Order(self.dataset.folder, self.policy, OPERATIONS, seed, "run")

    def plan(self, below: int, seed: int = 0) -> pa.Table:
        return plan(self.dataset.examples(COLUMNS), below, seed)

    def make(self, below: int, seed: int = 0) -> list[Copies]:
        return [make(chunk, self.order(seed)) for chunk in chunks(self.dataset, self.plan(below, seed))]

    def augment(self, below: int, seed: int = 0) -> int:
        """Everything that the flow does; how many copies are new."""
        made = self.make(below, seed)
        rows = pa.concat_tables([EXAMPLES.empty_table(), *(copies.examples for copies in made)])
        added = distinct(rows, self.dataset.examples(["sha256"])["sha256"])
        if len(added):
            self.dataset.commit([copies.file for copies in made], added, self.policy, "run")
        return len(added)

    def pixels(self) -> dict[str, bytes]:
        """All stored pictures by sha256."""
        names = self.dataset.examples(["sha256"])["sha256"].combine_chunks()
        batches = self.dataset.pictures(names)
        return {row["sha256"]: row["image"] for batch in batches for row in batch.to_pylist()}


@pytest.fixture
def shelf(storage: Storage, picture: Callable[..., bytes]) -> Callable[..., Shelf]:
    """A dataset of two common and two rare classes."""

    def begin(**policy: Any) -> Shelf:
        made = Shelf(storage, picture, **policy)
        made.fill(
            {
                "common": {"train": 12, "test": 3},
                "rare": {"train": 3, "validation": 2, "test": 2, "withheld": 4},
                "unseen": {"test": 2},
            }
        )
        return made

    return begin


def test_classes_are_filled_up_with_children_of_their_training_originals(shelf: Callable[..., Shelf]) -> None:
    run = shelf()
    before = run.dataset.counts()
    assert run.augment(below=10) == 7
    after = run.dataset.counts()
    assert after["rare"] == before["rare"] | {"train": 10}
    assert after["common"] == before["common"] and after["unseen"] == before["unseen"]
    rows = run.dataset.examples(EXAMPLES.names).to_pylist()
    by_name = {row["sha256"]: row for row in rows}
    copies = [row for row in rows if row["parent"]]
    assert len(copies) == 7
    for row in copies:
        parent = by_name[row["parent"]]
        assert (parent["split"], parent["parent"], row["split"]) == ("train", None, "train")
        assert {row[name] == parent[name] for name in ("label", "group", "weight", "path", "member")} == {True}
        assert row["size"] is None and row["stamp"] is None  # no file of the source looks like it
    for split in set(SPLITS) - {"train"}:
        names = set(run.dataset.fingerprints(2, split))
        assert names and not names & {row["sha256"] for row in copies}


def test_parents_share_the_copies_evenly(shelf: Callable[..., Shelf]) -> None:
    counts = Counter(shelf().plan(below=11)["parent"].to_pylist())
    assert sorted(counts.values()) == [2, 3, 3]


def test_rows_say_what_was_done_and_what_came_of_it(shelf: Callable[..., Shelf]) -> None:
    run = shelf()
    run.augment(below=10)
    pixels = run.pixels()
    rows = run.dataset.examples(EXAMPLES.names, pc.is_valid(pc.field("parent"))).to_pylist()
    for row in rows:
        image = pixels[row["sha256"]]
        assert hashlib.sha256(image).hexdigest() == row["sha256"]
        seen, parent = decode(image, 10_000), decode(pixels[row["parent"]], 10_000)
        steps = json.loads(row["operations"])["steps"]
        assert steps and {step["operation"] for step in steps} <= set(OPERATIONS)
        assert np.array_equal(perform(parent, steps), seen) and not np.array_equal(parent, seen)
        assert row["phash"] == phash(seen)
        assert {name: row[name] for name in MEASURES.names} == pytest.approx(measure(Decoded.whole(seen)), rel=1e-5)


def test_copies_depend_on_the_seed_and_not_on_the_chunks(
    shelf: Callable[..., Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    def contents(seed: int) -> set[str]:
        return {name for copies in run.make(below=9, seed=seed) for name in copies.examples["sha256"].to_pylist()}

    run = shelf()
    whole = contents(seed=3)
    assert len(whole) == 6 and contents(seed=3) == whole
    monkeypatch.setattr("nightsort.dataset.augmented.COPIES", 1)
    assert len(run.make(below=9)) == 6
    assert contents(seed=3) == whole
    assert not contents(seed=4) & whole


def test_augmenting_twice_adds_nothing_and_a_higher_target_the_difference(shelf: Callable[..., Shelf]) -> None:
    run = shelf()
    assert run.augment(below=8) == 5
    assert run.augment(below=8) == 0 and run.augment(below=6, seed=9) == 0
    assert run.dataset.version() == 2
    assert run.augment(below=12) == 4
    assert run.dataset.counts()["rare"]["train"] == 12


def test_two_steps_to_a_target_are_as_good_as_one(shelf: Callable[..., Shelf]) -> None:
    run = shelf()
    at_once = {name for copies in run.make(below=12) for name in copies.examples["sha256"].to_pylist()}
    run.augment(below=7)
    run.augment(below=12)
    assert set(run.dataset.examples(["sha256"], pc.is_valid(pc.field("parent")))["sha256"].to_pylist()) == at_once


def test_jpegs_stay_jpegs(storage: Storage, picture: Callable[..., bytes]) -> None:
    run = Shelf(storage, picture)
    run.fill({"rare": {"train": 2}}, kind="JPEG")
    run.augment(below=4)
    assert {image[:2] for image in run.pixels().values()} == {b"\xff\xd8"}


def test_equal_copies_are_taken_once() -> None:
    rows = originals({"flat": {"train": 3}})
    again = pa.concat_tables([rows, rows.slice(1, 1)])
    assert distinct(again, rows["sha256"].slice(0, 1))["sha256"].to_pylist() == rows["sha256"].to_pylist()[1:]


def test_lost_pixels_are_an_error_and_no_silence(shelf: Callable[..., Shelf]) -> None:
    planned = (run := shelf()).plan(below=5)
    strange = planned.set_column(0, "parent", pa.array(["f" * 64, *planned["parent"].to_pylist()[1:]])).cast(PLAN)
    with pytest.raises(StorageError, match="lacks the pixels of 1 pictures"):
        list(chunks(run.dataset, strange.sort_by("parent")))


def test_damaged_pixels_name_their_picture(shelf: Callable[..., Shelf]) -> None:
    run = shelf()
    chunk = next(chunks(run.dataset, run.plan(below=5)))
    damaged = chunk.set_column(
        chunk.schema.get_field_index("image"), "image", pa.array([b"\xff\xd8\xff"] * len(chunk), pa.large_binary())
    )
    with pytest.raises(StorageError, match=chunk["parent"][0].as_py()):
        make(damaged, run.order())


classes = st.dictionaries(
    st.sampled_from("abc"),
    st.fixed_dictionaries({split: st.integers(0, 6) for split in (*SPLITS, "withheld")}),
    min_size=1,
)


@given(counts=classes, low=st.integers(1, 9), more=st.integers(0, 9), seeds=st.tuples(*[st.integers(0, 2)] * 2))
def test_any_two_plans_fill_up_to_the_target_and_never_repeat(
    counts: dict[str, dict[str, int]], low: int, more: int, seeds: tuple[int, int]
) -> None:
    rows = originals(counts)
    for target, seed in zip((low, low + more), seeds, strict=True):
        planned = plan(rows.select(COLUMNS), target, seed)
        assert planned.schema == PLAN
        rows = pa.concat_tables([rows, as_if_made(planned, seed)])
        train = {label: split["train"] for label, split in counts.items()}
        got = Counter(rows.filter(pc.equal(rows["split"], "train"))["label"].to_pylist())
        assert got == Counter({label: max(n, target) for label, n in train.items() if n})
        assert len(set(rows["sha256"].to_pylist())) == len(rows)
    parents = set(rows["parent"].drop_null().to_pylist())
    train_rows = rows.filter(pc.and_(pc.equal(rows["split"], "train"), pc.is_null(rows["parent"])))
    assert parents <= set(train_rows["sha256"].to_pylist())
