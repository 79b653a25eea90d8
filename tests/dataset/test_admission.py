"""Which built pictures become part of the dataset."""

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from nightsort.dataset.admission import OTHER_LABEL, PRESENT, Admission, admit
from nightsort.dataset.policy import Policy
from nightsort.dataset.shards import BUILT, REPEATED
from nightsort.schema import EXAMPLES, WITHHELD

Row = dict[str, Any]


def sha(name: str) -> str:
    """Identity of a picture that is called something."""
    return hashlib.sha256(name.encode()).hexdigest()


def row(name: str, label: str, path: str = "", **more: Any) -> Row:
    """An arriving picture; pictures of one name have equal bytes."""
    path = path or f"/source/{label}/{name}"
    return {"sha256": sha(name), "label": label, "path": path, "member": "", "size": 1, "stamp": "1", **more}


def built(name: str, label: str, path: str = "", phash: int = 0, **more: Any) -> Row:
    """A picture that a worker built."""
    return row(name, label, path, phash=phash, flags=[], **more)


def present(name: str, label: str, path: str = "", split: str = "train", **more: Any) -> Row:
    """A picture of the dataset."""
    return row(name, label, path, split=split, group=sha(name), **more)


def decide(
    arriving: Sequence[Row],
    again: Sequence[Row] = (),
    before: Sequence[Row] = (),
    gone: Sequence[str] = (),
    aside: Sequence[Row] = (),
) -> Admission:
    """Admit, from rows."""
    identity = pa.schema([REPEATED.field(name) for name in ("sha256", "path", "member")])
    return admit(
        pa.Table.from_pylist(list(arriving), schema=BUILT),
        pa.Table.from_pylist(list(again), schema=REPEATED),
        pa.Table.from_pylist(list(before), schema=EXAMPLES).select(list(PRESENT)),
        pa.chunked_array([[sha(name) for name in gone]], pa.string()),
        pa.Table.from_pylist(list(aside), schema=identity),
        Policy(),
    )


def outcomes(admission: Admission) -> dict[str, tuple[str, str]]:
    """Outcome and reason of what was settled, by path."""
    return {item["path"]: (item["outcome"], item["reason"]) for item in admission.not_admitted.to_pylist()}


def test_of_equal_bytes_the_first_place_is_kept() -> None:
    result = decide([built("a", "x", "/2"), built("a", "x", "/1")], [row("a", "x", "/0")])
    assert result.examples["path"].to_pylist() == ["/1"]
    assert outcomes(result) == {"/2": ("duplicate", "same_bytes"), "/0": ("duplicate", "same_bytes")}


def test_bytes_under_two_labels_are_taken_in_under_neither() -> None:
    result = decide([built("a", "x"), built("b", "x")], [row("a", "y")])
    assert result.examples["sha256"].to_pylist() == [sha("b")]
    assert set(outcomes(result).values()) == {("quarantined", "label_conflict")}
    assert set(result.not_admitted["detail"].to_pylist()) == {"labels x, y"}
    assert len(result.disputed) == 0, "nothing of it is in the dataset"


def test_a_newcomer_of_another_label_takes_the_picture_of_the_dataset_out_of_training() -> None:
    result = decide([], [row("a", "y")], before=[present("a", "x")])
    assert outcomes(result) == {"/source/y/a": ("quarantined", "label_conflict")}
    assert result.disputed.to_pylist() == [sha("a")]


def test_a_file_whose_label_was_changed_is_relabelled() -> None:
    result = decide([], [row("a", "y", "/pictures/a")], before=[present("a", "x", "/pictures/a")])
    assert [(item["sha256"], item["label"]) for item in result.relabelled.to_pylist()] == [(sha("a"), "y")]
    assert len(result.not_admitted) == len(result.disputed) == 0


def test_a_file_that_was_moved_to_another_class_is_relabelled() -> None:
    result = decide([], [row("a", "y")], before=[present("a", "x")], gone=["a"])
    assert result.relabelled["path"].to_pylist() == ["/source/y/a"]
    assert len(result.not_admitted) == len(result.disputed) == 0


def test_a_file_that_was_moved_and_copied_counts_once() -> None:
    result = decide([], [row("a", "y", "/1"), row("a", "y", "/2")], before=[present("a", "x")], gone=["a"])
    assert result.relabelled["path"].to_pylist() == ["/1"]
    assert outcomes(result) == {"/2": ("duplicate", "same_bytes")}


@pytest.mark.parametrize(("path", "outcome"), [("/bad", "skipped"), ("/elsewhere", "duplicate")])
def test_what_was_set_aside_stays_set_aside(path: str, outcome: str) -> None:
    result = decide([], [row("bad", "x", path)], aside=[{"sha256": sha("bad"), "path": "/bad", "member": ""}])
    assert outcomes(result)[path][0] == outcome


def test_a_withheld_picture_is_taken_in_anew_once_nobody_disputes_it() -> None:
    result = decide([built("a", "x")], before=[present("a", "y", split=WITHHELD)])
    assert result.examples["label"].to_pylist() == ["x"]
    assert result.examples["split"].to_pylist() != [WITHHELD]


def test_a_near_duplicate_follows_its_twin_and_is_flagged_under_another_label() -> None:
    pattern = 0x0F1E2D3C4B5A6978
    result = decide([built("a", "y", phash=pattern ^ 1)], before=[present("b", "x", split="test", phash=pattern)])
    assert result.examples.select(["split", "flags"]).to_pylist() == [{"split": "test", "flags": [OTHER_LABEL]}]
    [pair] = result.twins.to_pylist()
    assert (pair["sha256"], pair["twin"], pair["twin_distance"]) == (sha("a"), sha("b"), 1)
    assert (result.clusters, result.largest_cluster) == (1, 1)


def test_a_cluster_is_counted_once_whatever_groups_its_pictures_declare() -> None:
    patterns = [0x0F1E2D3C4B5A6978 ^ bit for bit in (0, 1, 2)]
    rows = [built(name, "x", phash=look, group=f"part {name}") for name, look in zip("abc", patterns, strict=True)]
    result = decide([*rows, built("d", "x", phash=0x70E1D2C3B4A59687)], [])
    assert len(set(result.examples["group"].to_pylist())) == 4
    assert (result.clusters, result.largest_cluster) == (1, 2)  # the first one's group names the cluster


def test_the_frames_of_one_video_are_no_cluster_that_grew() -> None:
    frames = [built(str(number), "x", phash=0x0F1E2D3C4B5A6978 ^ number, group="video") for number in range(4)]
    others = [built(name, "x", phash=0x70E1D2C3B4A59687 ^ number) for number, name in enumerate("ab")]
    result = decide([*frames, *others], [])
    assert (result.clusters, result.largest_cluster) == (2, 2)


def test_what_would_tie_two_splits_together_is_set_aside() -> None:
    left = 0x0F1E2D3C4B5A6978
    right = left ^ 0b111111111111
    before = [present("l", "x", split="train", phash=left), present("r", "x", split="test", phash=right)]
    result = decide([built("between", "x", phash=left ^ 0b111111)], before=before)
    assert outcomes(result) == {"/source/x/between": ("quarantined", "straddles_splits")}
    assert len(result.examples) == 0


def test_every_picture_comes_out_once_whatever_their_order() -> None:
    rng = random.Random(0)
    names, labels = "abcdefgh", "xy"
    arriving = [built(n, rng.choice(labels), f"/{i}", rng.getrandbits(6)) for i, n in enumerate(names * 3)]
    again = [row(n, rng.choice(labels), f"/again/{n}") for n in names[4:] + "pq"]
    before = [present(n, rng.choice(labels), f"/before/{n}", phash=rng.getrandbits(6)) for n in "pqa"]
    results = []
    for _ in range(5):
        result = decide(arriving, again, before, gone=["p"])
        tables = (result.examples, result.relabelled, result.not_admitted)
        places = [path for table in tables for path in table["path"].to_pylist()]
        assert sorted(places) == sorted(item["path"] for item in arriving + again)
        results.append(
            sorted(zip(result.examples["path"].to_pylist(), result.examples["split"].to_pylist(), strict=True))
        )
        rng.shuffle(arriving)
        rng.shuffle(again)
    assert all(result == results[0] for result in results)
