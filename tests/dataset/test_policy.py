"""Splits that stay, and a policy that cannot change under a dataset."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightsort.config.intake import IngestParams
from nightsort.dataset.policy import Policy, agree, load, save
from nightsort.errors import ConfigError, StorageError
from nightsort.images.clean import Cleaning
from nightsort.schema import IMAGES, SPLITS
from nightsort.storage import Storage
from nightsort.tables import Table

SHARES = st.floats(0.01, 0.49)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def asked(**changes: object) -> IngestParams:
    return IngestParams(source="anywhere", **changes)


@given(st.text(), SHARES, SHARES, st.integers(8, 512))
def test_a_split_is_a_function_of_the_group_and_the_shares_alone(
    group: str, validation: float, test: float, side: int
) -> None:
    one = Policy(validation=validation, test=test)
    other = Policy(validation=validation, test=test, store_side=side, group_by="x")
    assert one.split_of(group) == other.split_of(group) in SPLITS


def test_splits_are_as_recorded() -> None:
    """If this fails, pictures of existing datasets would change split: never change the hash."""
    letters = {"train": ".", "validation": "v", "test": "t"}
    splits = "".join(letters[Policy().split_of(str(i))] for i in range(40))
    assert splits == "t.tt.....tv.......t..v..v.....v....t...."


@given(st.lists(st.text(), unique=True, max_size=30), st.lists(st.text(), max_size=30))
def test_growth_never_moves_a_group(first: list[str], later: list[str]) -> None:
    policy = Policy()
    before = {group: policy.split_of(group) for group in first}
    after = {group: policy.split_of(group) for group in [*later, *first]}
    assert before.items() <= after.items()


@given(SHARES, SHARES)
def test_the_test_split_does_not_depend_on_the_share_for_validation(validation: float, test: float) -> None:
    groups = [str(i) for i in range(200)]
    one, other = Policy(validation=validation, test=test), Policy(validation=0.01, test=test)
    assert [one.split_of(g) == "test" for g in groups] == [other.split_of(g) == "test" for g in groups]


def test_the_shares_are_met_on_many_groups() -> None:
    counts = Counter(Policy(validation=0.2, test=0.1).split_of(sha(str(i))) for i in range(20_000))
    assert counts["test"] / 20_000 == pytest.approx(0.1, abs=0.01)
    assert counts["validation"] / 20_000 == pytest.approx(0.2, abs=0.01)


@given(st.sampled_from(["tile7", "tile12"]), st.integers(0, 999), st.integers(0, 999), SHARES, SHARES)
def test_pictures_of_one_tile_have_one_group(tile: str, one: int, other: int, validation: float, test: float) -> None:
    policy = Policy(validation=validation, test=test, group_by=r"(tile\d+)_\d+\.jpg$")
    assert [policy.captured(f"/in/crack/{tile}_{i}.jpg") for i in (one, other)] == [tile, tile]


@pytest.mark.parametrize(
    ("group_by", "name", "group"),
    [
        (None, "/in/crack/a.jpg", None),
        (r"exp(\d+)", "/in/crack/exp3_1.jpg", "3"),
        (r"exp\d+", "/in/crack/exp3_1.jpg", "exp3"),
        (r"exp(\d+)", "/in/crack/other.jpg", None),
        (r"(exp)?", "/in/crack/other.jpg", None),  # captures nothing: not one group of everything
        (r"(x*)_", "/in/crack/_a.jpg", None),
        (r"(\d+)-(\d+)", "/in/1-2.jpg", "1"),
    ],
)
def test_a_group_is_what_group_by_captures(group_by: str | None, name: str, group: str | None) -> None:
    assert Policy(group_by=group_by).captured(name) == group


def test_a_policy_is_kept_and_read_again(storage: Storage) -> None:
    assert load(storage) is None
    policy = Policy(store_side=64, validation=0.2, test=0.1, group_by="a(b)")
    save(storage, policy)
    assert load(storage) == policy
    assert storage.read_bytes("dataset/dataset.json").startswith(b'{\n "store_side": 64,\n'), "for people, too"


def begin(storage: Storage, policy: Policy) -> None:
    """A policy in force: pictures were kept under it."""
    save(storage, policy)
    Table(storage, "dataset/images", IMAGES).append_files([], "run")


def test_what_is_not_said_is_as_the_dataset_was_begun(storage: Storage) -> None:
    assert agree(storage, asked()) == Policy()
    begun = agree(storage, asked(store_side=64, test=0.3, group_by="a(b)"))
    assert begun == Policy(store_side=64, test=0.3, group_by="a(b)")
    assert load(storage) is None  # agreeing writes nothing
    begin(storage, begun)
    assert agree(storage, asked()) == begun
    assert agree(storage, asked(test=0.3, store_side=64)) == begun


def test_cleaning_is_part_of_what_cannot_change(storage: Storage) -> None:
    begun = agree(storage, asked(colour="grey", denoise=3.0, near_duplicates=-1, folder_splits=True))
    cleaning = Cleaning(colour="grey", denoise=3.0)
    assert begun == Policy(near_duplicates=-1, folder_splits=True, cleaning=cleaning)
    begin(storage, begun)
    assert agree(storage, asked(colour="grey", folder_splits=True)) == begun
    with pytest.raises(ConfigError) as caught:
        agree(storage, asked(colour="rgb", equalize=2.0, near_duplicates=4, folder_splits=False))
    names = {line.split(":")[0] for line in caught.value.lines}
    assert names == {"colour", "equalize", "near_duplicates", "folder_splits"}
    assert f"colour: the dataset in {storage.root} was begun with 'grey', which cannot change; got 'rgb'" in (
        caught.value.lines
    )


def test_each_difference_is_refused_in_a_line_of_its_own(storage: Storage) -> None:
    begin(storage, Policy(store_side=64, group_by="a"))
    with pytest.raises(ConfigError) as caught:
        agree(storage, asked(store_side=128, validation=0.15, test=0.3, group_by="b"))
    lines = caught.value.lines
    assert [line.split(":")[0] for line in lines] == ["store_side", "test", "group_by"]
    assert lines[0] == (f"store_side: the dataset in {storage.root} was begun with 64, which cannot change; got 128")


def test_a_first_ingest_that_died_before_its_commit_binds_nobody(storage: Storage) -> None:
    save(storage, Policy(store_side=64))
    assert agree(storage, asked(store_side=128)) == Policy(store_side=128)


def test_a_broken_expression_is_refused_before_anything_else() -> None:
    with pytest.raises(ValidationError, match="must be a regular expression"):
        asked(group_by="(")


def test_a_lost_policy_is_an_error_and_never_a_new_policy(storage: Storage) -> None:
    begin(storage, Policy(test=0.4))
    Path(storage.locate("dataset/dataset.json")).unlink()
    with pytest.raises(StorageError, match=r"dataset\.json: is missing"):
        agree(storage, asked())


@pytest.mark.parametrize("data", [b"", b"{", b'{"store_side": "x"}', b'{"unknown": 1}'])
def test_a_damaged_policy_is_an_error_and_never_a_new_policy(data: bytes, storage: Storage) -> None:
    storage.write_bytes("dataset/dataset.json", data)
    with pytest.raises(StorageError, match=r"dataset\.json: is damaged"):
        agree(storage, asked())
