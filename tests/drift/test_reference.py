"""The reference of a model: comes back as it was kept, is missed or refused by name, and stays narrow."""

from pathlib import Path

import numpy as np
import pytest

from nightsort.drift.reference import MAX_WIDTH, Reference, load, narrow, save
from nightsort.errors import ModelError
from nightsort.storage import Storage


@pytest.fixture
def reference() -> Reference:
    rng = np.random.default_rng(0)
    return Reference(
        measures={"sharpness": rng.random(20, np.float32), "width": np.full(20, 64, np.float32)},
        confidences=rng.random(20, np.float32),
        predicted={"bolt": 15, 'naïve/"nut"': 5, "never": 0},
        embeddings=rng.normal(size=(10, 4)).astype(np.float32),
    )


def test_it_comes_back(tmp_path: Path, reference: Reference) -> None:
    storage = Storage(str(tmp_path))
    save(storage, 3, reference)
    back = load(storage, 3)
    assert back is not None and len(back) == 20
    assert back.predicted == reference.predicted and list(back.predicted) == list(reference.predicted)
    assert {name: values.tolist() for name, values in back.measures.items()} == {
        name: values.tolist() for name, values in reference.measures.items()
    }
    assert np.array_equal(back.embeddings, reference.embeddings)
    assert np.array_equal(back.confidences, reference.confidences)


def test_a_model_of_before_has_none(tmp_path: Path) -> None:
    assert load(Storage(str(tmp_path)), 1) is None


@pytest.mark.parametrize("data", [b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ", b"not a reference at all"])
def test_a_damaged_one_is_named(tmp_path: Path, data: bytes) -> None:
    storage = Storage(str(tmp_path))
    storage.write_bytes("models/2/reference.safetensors", data)
    with pytest.raises(ModelError, match=r"model 2: .*reference\.safetensors is damaged"):
        load(storage, 2)


def test_a_wide_embedding_becomes_narrow_and_keeps_its_distances() -> None:
    wide = np.random.default_rng(0).normal(size=(20, 3000)).astype(np.float32)
    small = narrow(wide)
    assert small.shape == (20, MAX_WIDTH)
    before, after = (np.linalg.norm(points[:10] - points[10:], axis=1) for points in (wide, small))
    assert after == pytest.approx(before, rel=0.15)
    assert narrow(wide[3:5]) == pytest.approx(small[3:5], abs=1e-4)  # a product of other rows adds up otherwise
    assert narrow(small) is small
