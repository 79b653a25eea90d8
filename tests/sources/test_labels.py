"""What a name says: the class, the split, and whether it is a picture's."""

import pytest

from nightsort.sources.labels import decided_by_name, label_of, split_of


@pytest.mark.parametrize(
    ("inside", "label"),
    [
        ("crack/a.jpg", "crack"),
        ("/crack/a.jpg", "crack"),
        ("train/crack/a.jpg", "crack"),
        ("Validation/crack/deep/a.jpg", "crack"),
        ("test/a.jpg", "test"),
        ("crack/train/a.jpg", "crack"),
        ("./crack/a.jpg", "crack"),
        ("../../crack/a.jpg", "crack"),
        ("/a.jpg", None),
        ("../a.jpg", None),
        ("crack\\a.jpg", "crack"),
        ("", None),
    ],
)
def test_the_label_is_the_first_folder_after_a_split(inside: str, label: str | None) -> None:
    assert label_of(inside) == label


@pytest.mark.parametrize(
    ("inside", "split"),
    [
        ("train/crack/a.jpg", "train"),
        ("Training/a.jpg", "train"),
        ("VAL\\crack\\a.jpg", "validation"),
        ("test/a.jpg", "test"),
        ("crack/test/a.jpg", None),
        ("test.jpg", None),
        ("testing/a.jpg", None),
    ],
)
def test_the_split_is_the_first_folder_if_it_is_named_so(inside: str, split: str | None) -> None:
    assert split_of(inside) == split


def test_a_split_alone_is_no_class_where_folders_are_splits() -> None:
    assert [label_of("test/a.jpg", splits) for splits in (False, True)] == ["test", None]
    assert label_of("test/crack/a.jpg", folder_splits=True) == "crack"


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("cifar-10/data_batch_1", "unsupported_format"),
        ("features.PKL", "unsupported_format"),
        ("batches.meta.txt", "ignored_name"),
        ("raw/train-labels-idx1-ubyte.gz", "ignored_name"),
        (".git/a.jpg.part", "still_written"),
        ("data_batch_1.jpg", None),
        ("label.jpg", None),
    ],
)
def test_a_name_alone_can_decide(inside: str, reason: str | None) -> None:
    decided = decided_by_name(inside)
    assert (decided and decided[1]) == reason
