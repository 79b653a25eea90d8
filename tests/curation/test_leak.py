"""The leak audit: what of the test split has a near-twin in train."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nightsort.curation.leak import by_embedding, by_hash, random_splits, whiten

LETTERS = {"r": "train", "v": "validation", "t": "test"}


def splits_of(letters: str) -> np.ndarray:
    """r, v and t as the splits they stand for."""
    return np.array([LETTERS[letter] for letter in letters], dtype="U10")


def hashed(*hashes: int) -> pa.Table:
    """Pictures with these perceptual hashes and no gradients."""
    columns = {"phash": hashes, "dhash": [0] * len(hashes), "dhash_vertical": [0] * len(hashes)}
    return pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()})


def test_a_random_split_has_the_same_shares_and_is_the_same_for_a_seed() -> None:
    splits = splits_of("rrrrrrrrvvtt")
    one, again, other = (random_splits(splits, seed) for seed in (1, 1, 2))
    assert sorted(one) == sorted(splits)
    assert one.tolist() == again.tolist() != other.tolist()


def test_the_leak_by_hash_names_the_nearest_twin_in_train() -> None:
    leak = by_hash(hashed(0b1111, 0b1110, 0b1100, 1 << 40, 1 << 40, 0, 0), splits_of("trrvttr"), 2)
    assert leak.test == 3
    assert leak.rows.tolist() == [0]  # 4 has a twin in validation alone; 5 has no hash
    assert leak.twins.tolist() == [1]
    assert leak.closeness.tolist() == [1]


@given(st.lists(st.tuples(st.integers(0, 63), st.sampled_from("rvt")), max_size=25), st.integers(-1, 3))
def test_the_leak_by_hash_is_what_comparing_all_finds(pictures: list[tuple[int, str]], radius: int) -> None:
    hashes, letters = [each for each, _ in pictures], [letter for _, letter in pictures]
    leak = by_hash(hashed(*hashes), splits_of("".join(letters)), radius)
    expected = {}
    for row, (one, letter) in enumerate(pictures):
        near = [
            ((one ^ other).bit_count(), place)
            for place, (other, theirs) in enumerate(pictures)
            if theirs == "r" and one and other and (one ^ other).bit_count() <= radius
        ]
        if letter == "t" and near:
            expected[row] = min(near)
    assert leak.test == letters.count("t")
    found = zip(leak.closeness.tolist(), leak.twins.tolist(), strict=True)
    assert dict(zip(leak.rows.tolist(), found, strict=True)) == expected


def test_the_leak_by_embedding_is_what_comparing_all_finds() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    splits = rng.choice(["train", "validation", "test"], 3000, p=[0.4, 0.1, 0.5]).astype("U10")
    leak = by_embedding(vectors, splits, 0.995)
    train = np.flatnonzero(splits == "train")
    cosines = vectors @ vectors[train].T
    expected = [row for row in np.flatnonzero(splits == "test") if cosines[row].max() >= 0.995]
    assert 0 < len(expected) < leak.test == (splits == "test").sum()
    assert leak.rows.tolist() == expected
    np.testing.assert_allclose(leak.closeness, cosines[expected].max(1), atol=1e-5)
    np.testing.assert_allclose((vectors[leak.rows] * vectors[leak.twins]).sum(1), leak.closeness, atol=1e-5)
    assert set(splits[leak.twins]) == {"train"}


def test_without_a_training_split_nothing_leaks() -> None:
    vectors = np.ones((3, 1), np.float32)
    assert by_embedding(vectors, splits_of("ttv"), 0.5).rows.tolist() == []
    assert by_hash(hashed(7, 7, 7), splits_of("ttv"), 2).rows.tolist() == []


def test_leaks_are_counted_by_class() -> None:
    leak = by_hash(hashed(7, 7, 7, 7, 56), splits_of("rttvt"), 1)
    assert leak.by_class(np.array(["a", "b", "a", "c", "d"])) == {"a": 1, "b": 1}


def test_whitening_tells_twins_from_pictures_that_share_a_background() -> None:
    """Before it, all cosines are near 1; after it, only those of twins."""
    rng = np.random.default_rng(0)
    own = rng.normal(size=(400, 80))
    pictures = np.concatenate([own, own + 0.1 * rng.normal(size=own.shape)]) + 100
    raw = pictures / np.linalg.norm(pictures, axis=1, keepdims=True)
    white = whiten(raw.astype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(white, axis=1), 1, atol=1e-4)
    twins = np.arange(400), np.arange(400, 800)
    strangers = np.triu(np.ones((800, 800), bool), 1)
    strangers[twins] = False
    assert (raw @ raw.T)[strangers].min() > 0.99
    cosines = white @ white.T
    assert cosines[twins].min() > 0.9 > 0.75 > cosines[strangers].max()


def test_whitening_copes_with_few_pictures_and_with_equal_ones() -> None:
    for embeddings in (np.eye(3, 5), np.ones((40, 8)), np.zeros((2, 2)), np.tile(np.eye(2, 9), (30, 1))):
        white = whiten(embeddings.astype(np.float32))
        assert len(white) == len(embeddings) and np.isfinite(white).all()
