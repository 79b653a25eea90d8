"""Groups and splits: twins never straddle, growth never moves a picture, order does not matter."""

import hashlib
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort.dataset.groups import assign
from nightsort.dataset.policy import Policy
from nightsort.dataset.twins import AGREEING, HASHES
from nightsort.schema import SPLITS, WITHHELD

Row = dict[str, Any]
TEXTS = ("sha256", "label", "group", "split", "name")
SCHEMA = pa.schema([*((name, pa.string()) for name in TEXTS), *((name, pa.int64()) for name in HASHES)])


def table(rows: list[Row]) -> pa.Table:
    """Rows as `assign` takes them."""
    return pa.Table.from_pylist(rows, SCHEMA)


def picture(sha256: str, phash: int | None = None, **columns: Any) -> Row:
    """A picture that is tied to nothing but what is said."""
    row = {"label": "a", "dhash": 0, "dhash_vertical": 0, "group": None, "split": None, "name": f"/in/{sha256}.jpg"}
    return {**row, "sha256": sha256, "phash": phash, **columns}


def placed(arriving: list[Row], present: list[Row], policy: Policy) -> dict[str, Row]:
    """What `assign` says, by sha256."""
    return {row["sha256"]: row for row in assign(table(arriving), table(present), policy).to_pylist()}


TRAINED = picture("trained", group="trained", split="train")
"""The training picture that the class of the others has already."""


def near(one: Row, other: Row, radius: int) -> bool:
    """Whether two pictures are near-duplicates, by comparing them."""
    if not one["phash"] or not other["phash"] or (one["phash"] ^ other["phash"]).bit_count() > radius:
        return False
    return sum((one[name] ^ other[name]).bit_count() for name in HASHES[1:]) <= AGREEING


PICTURES = st.fixed_dictionaries(
    {
        "label": st.sampled_from("ab"),
        "phash": st.one_of(st.none(), st.integers(0, 31)),
        "dhash": st.sampled_from([0, 0, 2**15 - 1, 2**8 - 1]),
        "dhash_vertical": st.sampled_from([0, 0, 127]),
        "group": st.sampled_from([None, None, None, "g1", "g2"]),
        "split": st.sampled_from([None, None, None, *SPLITS]),
    }
)
INGESTS = st.lists(st.lists(PICTURES, max_size=8), min_size=1, max_size=4)


def named(rows: list[Row], step: int) -> list[Row]:
    """Pictures with an identity that neither their place nor their number orders."""
    return [
        {**row, "sha256": hashlib.sha256(f"{step} {place}".encode()).hexdigest(), "name": "x"}
        for place, row in enumerate(rows)
    ]


@settings(max_examples=60)
@given(INGESTS, st.integers(-1, 2), st.randoms(use_true_random=False))
def test_over_any_ingests_twins_never_straddle_and_no_picture_moves(
    ingests: list[list[Row]], radius: int, random: Any
) -> None:
    policy = Policy(near_duplicates=radius, validation=0.3, test=0.3)
    dataset: list[Row] = []
    for step, rows in enumerate(ingests):
        arriving = named(rows, step)
        outcome = placed(arriving, dataset, policy)
        random.shuffle(arriving)
        random.shuffle(dataset)
        assert placed(arriving, dataset, policy) == outcome
        for row in arriving:
            said = outcome[row["sha256"]]
            assert (said["reason"] is None) == (said["detail"] is None) == (said["split"] in SPLITS)
            if said["reason"] is None:
                assert row["split"] in (None, said["split"]) and row["group"] in (None, said["group"])
                dataset.append(said)
        for one in dataset:
            for other in dataset:
                if one["group"] == other["group"] or near(one, other, radius):
                    assert one["split"] == other["split"]


@settings(max_examples=60)
@given(st.lists(PICTURES, max_size=8), st.lists(PICTURES, max_size=4), st.integers(-1, 2))
def test_the_twin_is_what_comparing_all_finds(new: list[Row], old: list[Row], radius: int) -> None:
    arriving = named(new, 0)
    present = [{**row, "group": row["sha256"], "split": "train"} for row in named(old, 1)]
    for said in placed(arriving, present, Policy(near_duplicates=radius)).values():
        alike = [row for row in arriving + present if row["sha256"] != said["sha256"] and near(row, said, radius)]
        ranked = [
            (
                (row["label"] == said["label"]),
                row["label"] == said["label"] and any(row[name] != said[name] for name in HASHES),
                (row["phash"] ^ said["phash"]).bit_count(),
                row["sha256"],
                row["label"],
            )
            for row in alike
        ]
        _, _, distance, twin, label = min(ranked, default=(None,) * 5)
        assert (said["twin"], said["twin_label"], said["twin_distance"]) == (twin, label, distance)


def test_a_lone_picture_is_its_own_group_and_its_split_is_a_hash_of_it() -> None:
    policy = Policy()
    for name in "abcdefgh":
        said = placed([picture(name * 64)], [TRAINED], policy)[name * 64]
        assert (said["group"], said["split"], said["twin"]) == (name * 64, policy.split_of(name * 64), None)


def test_the_first_group_of_a_class_is_trained_on_and_the_others_go_by_their_hash() -> None:
    """Else a class with one picture could be learned by no model."""
    everything = Policy(validation=0.0, test=0.99)
    rows = [picture(name, label=label) for name, label in ("ma", "la", "xb", "na", "pb")]
    assert {everything.split_of(row["sha256"]) for row in rows} == {"test"}
    said = placed(rows, [], everything)
    assert [name for name, row in said.items() if row["split"] == "train"] == ["l", "p"]
    later = placed([picture("a", label="a"), picture("c", label="c")], list(said.values()), everything)
    assert [row["split"] for row in later.values()] == ["test", "train"]


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=5), min_size=1, max_size=3))
def test_every_class_of_untied_pictures_has_a_training_picture(ingests: list[list[str]]) -> None:
    policy, dataset = Policy(validation=0.4, test=0.4), []
    for step, labels in enumerate(ingests):
        rows = named([picture("", label=label) for label in labels], step)
        dataset += placed(rows, dataset, policy).values()
        trained = {row["label"] for row in dataset if row["split"] == "train"}
        assert trained == {row["label"] for row in dataset}


def test_what_is_tied_to_the_first_group_of_a_class_goes_with_it() -> None:
    policy = Policy(validation=0.0, test=0.99, near_duplicates=1)
    rows = [picture("r", 0b1, label="rare"), picture("t", 0b11, label="twin"), picture("u", label="twin")]
    assert {name: row["split"] for name, row in placed(rows, [], policy).items()} == {
        "r": "train",
        "t": "train",
        "u": "test",
    }


def test_a_class_that_is_declared_or_tied_elsewhere_stays_there() -> None:
    present = [picture("old", 0b1, group="old", split="test")]
    rows = [picture("new", 0b1, label="tied"), picture("said", label="declared", split="validation")]
    said = placed(rows, [*present, TRAINED], Policy())
    assert {name: row["split"] for name, row in said.items()} == {"new": "test", "said": "validation"}


def test_a_group_that_the_name_holds_is_the_group() -> None:
    policy = Policy(group_by=r"tile(\d+)")
    rows = [picture("a", name="/in/tile7_1.jpg"), picture("b", name="/in/tile7_2.jpg"), picture("c")]
    said = placed(rows, [], policy)
    assert [said[name]["group"] for name in "abc"] == ["7", "7", "c"]
    assert said["a"]["split"] == said["b"]["split"] == policy.split_of("7")


TESTED = [name for name in map(str, range(200)) if Policy().split_of(name) == "test"]
"""Names of groups that a hash puts into the test split."""


def test_a_class_with_a_training_picture_by_hash_keeps_its_test_pictures() -> None:
    taught = next(name for name in map(str, range(200)) if Policy().split_of(name) == "train")
    rows = [picture(f"sha {name}", group=name) for name in (*TESTED[:3], taught)]
    said = placed(rows, [], Policy())
    assert [said[f"sha {name}"]["split"] for name in (*TESTED[:3], taught)] == ["test"] * 3 + ["train"]


def test_a_group_that_teaches_two_classes_is_one_group_for_both() -> None:
    """The group of a and c goes to train for a; when it is c's turn, after b's, c has its training picture."""
    third, both, second = sorted(TESTED[:3])
    rows = [
        picture("a", group=both, label="a"),
        picture("with a", group=both, label="c"),
        picture("b", group=second, label="b"),
        picture("c", group=third, label="c"),
    ]
    said = placed(rows, [], Policy())
    assert {name: row["split"] for name, row in said.items()} == {
        "a": "train", "with a": "train", "b": "train", "c": "test",
    }  # fmt: skip


def test_a_group_that_a_manifest_names_stands_before_what_group_by_captures() -> None:
    arriving = [picture("a", group="oven 2", name="/in/tile7/1.jpg"), picture("b", name="/in/tile7/2.jpg")]
    said = placed(arriving, [TRAINED], Policy(group_by=r"tile(\d+)"))
    assert (said["a"]["group"], said["b"]["group"]) == ("oven 2", "7")


def test_a_twin_of_the_dataset_follows_it() -> None:
    for split in SPLITS:
        present = [picture("old", 0b1111, group="home", split=split)]
        said = placed([picture("new", 0b0111), picture("newer", 0b0011)], present, Policy(near_duplicates=1))
        assert [said[name]["split"] for name in ("new", "newer")] == [split, split]
        assert [said[name]["group"] for name in ("new", "newer")] == ["home", "home"]


def test_a_declared_group_is_remembered_though_twins_brought_it_elsewhere() -> None:
    """A later picture of the group must find it, not the group of the twin."""
    present = [picture("old", 0b1111, group="home", split="validation")]
    said = placed([picture("new", 0b1111, group="g")], present, Policy())["new"]
    assert (said["group"], said["split"]) == ("g", "validation")
    assert placed([picture("later", group="g")], [*present, said], Policy())["later"]["split"] == "validation"


def test_what_bridges_two_splits_is_left_out_alone() -> None:
    present = [picture("p", 0b1, group="p", split="train"), picture("q", 0b1111, group="q", split="test")]
    arriving = [picture("by p", 0b1), picture("bridge", 0b111), picture("by q", 0b1111)]
    said = placed(arriving, present, Policy(near_duplicates=2))
    assert [said[name]["split"] for name in ("by p", "by q", "bridge")] == ["train", "test", None]
    assert said["bridge"]["reason"] == "straddles_splits"
    assert said["bridge"]["detail"] == "near-duplicate or group of pictures in train and test"


def test_a_chain_between_two_splits_is_cut_at_one_picture() -> None:
    chain = [sum(1 << bit for bit in range(length)) for length in range(1, 10)]
    present = [picture("p", chain[0], group="p", split="train"), picture("q", chain[-1], group="q", split="test")]
    arriving = [picture(f"n{place}", phash) for place, phash in enumerate(chain[1:-1])]
    said = placed(arriving, present, Policy(near_duplicates=1))
    left_out = [name for name, row in said.items() if row["reason"]]
    assert len(left_out) == 1
    splits = [said[row["sha256"]]["split"] for row in arriving]
    cut = splits.index(None)
    assert set(splits[:cut]) <= {"train"} and set(splits[cut + 1 :]) <= {"test"}


def test_a_star_is_cut_at_its_centre() -> None:
    """The picture in the middle goes, not the many about it."""
    leaves = [1 << bit for bit in range(10, 16)]
    present = [picture(f"p{phash}", phash, group=f"p{phash}", split="train") for phash in leaves[1:]]
    present += [picture("q", 1 << 10, group="q", split="test")]
    arriving = [picture(f"n{phash}", phash) for phash in leaves] + [picture("hub", 1 << 9 | 1 << 10)]
    said = placed(arriving, present, Policy(near_duplicates=1))
    assert [name for name, row in said.items() if row["reason"]] == []  # tied to the test side alone
    said = placed([*arriving, picture("centre", 1 << 11 | 1 << 10)], present, Policy(near_duplicates=1))
    assert [name for name, row in said.items() if row["reason"]] == ["centre"]


@pytest.mark.parametrize(("declared", "kept"), [(("train", "test"), "test"), (("train", "validation"), "validation")])
def test_of_twins_declared_for_two_splits_the_one_that_judges_stays(declared: tuple[str, str], kept: str) -> None:
    arriving = [picture(split, 0b1111, split=split) for split in declared] + [picture("free", 0b1111)]
    said = placed(arriving, [], Policy())
    assert {name: row["split"] for name, row in said.items()} == {declared[0]: None, kept: kept, "free": kept}
    assert said["train"]["detail"] == "near-duplicate or group of new ones in two splits, declared train"


def test_what_is_declared_against_the_dataset_is_left_out() -> None:
    present = [picture("old", 0b1111, group="old", split="train")]
    far = picture("far", 0b1111 ^ (2**50 - 2**30), split="test")
    said = placed([picture("new", 0b1111, split="test"), far], present, Policy())
    assert said["new"]["detail"] == "near-duplicate or group of pictures in train, declared test"
    assert said["far"]["split"] == "test"


def test_smooth_pictures_are_no_twins_by_their_perceptual_hash_alone() -> None:
    disagreeing = picture("b", 0b1111, dhash=2 ** (AGREEING + 1) - 1)
    said = placed([picture("a", 0b1111), disagreeing], [], Policy())
    assert [row["twin"] for row in said.values()] == [None, None]


def test_a_withheld_picture_ties_nothing() -> None:
    present = [picture("old", 0b1111, group="old", split=WITHHELD)]
    said = placed([picture("new", 0b1111)], present, Policy())["new"]
    assert (said["twin"], said["split"]) == (None, Policy().split_of("new"))
