"""Embeddings stand in the order asked for, have unit length, and are the champion's where there is one."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from nightsort.curation.embedding import DESCRIPTOR_OUTPUTS, choose_embedder, describe, descriptor, embed
from nightsort.dataset.policy import Policy
from nightsort.dataset.versions import Dataset
from nightsort.images.decode import decode
from nightsort.images.preprocess import Preprocessing, stretch
from nightsort.learning import bundle, predict
from nightsort.learning.architecture import Network
from nightsort.learning.card import Card
from nightsort.learning.registry import Registry
from nightsort.learning.zoo import SMALL, build
from nightsort.schema import EXAMPLES, IMAGES
from nightsort.storage import Storage
from nightsort.tables import write_file

STORE_SIDE, IMAGE_SIZE, COUNT = 64, 24, 9


def flat(level: int) -> np.ndarray:
    """A picture of one grey."""
    return np.full((32, 32, 3), level, np.uint8)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Of the descriptors of two pictures 32 px square."""
    rows = describe(np.stack([one, other]))
    return float(rows[0] @ rows[1] / np.linalg.norm(rows, axis=1).prod())


@pytest.fixture
def dataset(storage: Storage, picture: Callable[..., bytes]) -> Dataset:
    """Stored pictures of several sizes, in two files."""
    made = Dataset(storage)
    encoded = [picture(seed, width=30 + seed) for seed in range(COUNT)]
    names = [hashlib.sha256(data).hexdigest() for data in encoded]
    rows = [{"sha256": name, "label": "any", "split": "train", "group": name} for name in names]
    files = [
        write_file(made.folder, pa.table([names[part], pa.array(encoded[part], pa.large_binary())], schema=IMAGES), "r")
        for part in (slice(0, 4), slice(4, COUNT))
    ]
    made.commit(files, pa.Table.from_pylist(rows, schema=EXAMPLES), Policy(store_side=STORE_SIDE), "r")
    return made


def stored(dataset: Dataset) -> dict[str, np.ndarray]:
    """Every stored picture by its sha256."""
    names = dataset.examples(["sha256"])["sha256"].combine_chunks()
    batches = dataset.pictures(names)
    return {row["sha256"]: decode(row["image"], 10_000) for batch in batches for row in batch.to_pylist()}


def test_rows_are_those_of_the_pictures_asked_for(dataset: Dataset, storage: Storage, tmp_path: Path) -> None:
    pictures = stored(dataset)
    asked = sorted(pictures, reverse=True)[2:]
    counted: list[int] = []
    rows = embed(dataset, pa.array(asked), choose_embedder(storage), tmp_path, counted.append)
    alone = describe(np.stack([stretch(pictures[name], 32) for name in asked]))
    assert rows.shape == (len(asked), DESCRIPTOR_OUTPUTS) and rows.dtype == np.float32
    assert np.allclose(rows, alone / np.linalg.norm(alone, axis=1, keepdims=True), atol=1e-6)
    assert isinstance(rows, np.memmap) and sum(counted) == len(asked)


def test_nothing_asked_for_is_nothing(dataset: Dataset, storage: Storage, tmp_path: Path) -> None:
    rows = embed(dataset, pa.array([], pa.string()), choose_embedder(storage), tmp_path)
    assert rows.shape == (0, DESCRIPTOR_OUTPUTS) and not list(tmp_path.glob("*.npy"))


def test_the_champion_sees_what_it_was_trained_to_see(dataset: Dataset, storage: Storage, tmp_path: Path) -> None:
    preprocessing = Preprocessing(STORE_SIDE, IMAGE_SIZE)
    network = build(Network(name=SMALL), 2)
    network.normalise_by(torch.full((3,), 100.0), torch.full((3,), 50.0))
    card = Card(
        architecture=Network(name="small_resnet"),
        version=1,
        created=datetime.now(UTC),
        run_id="r",
        model=SMALL,
        classes=["any", "other"],
        store_side=STORE_SIDE,
        image_size=IMAGE_SIZE,
        preprocessing=preprocessing.version,
        temperature=1.0,
        abstain_below=0.5,
        dataset_version=1,
        dataset_fingerprint="",
        training_share={"any": 1.0},
        balance="none",
        macro_f1=1.0,
        accuracy=1.0,
    )
    assert choose_embedder(storage) == descriptor(storage)
    bundle.save(storage, card, network)
    Registry(storage).promote(1, None)
    embedder = choose_embedder(storage)
    assert embedder.name == "model 1"
    pictures = stored(dataset)
    names = sorted(pictures)
    rows = embed(dataset, pa.array(names), embedder, tmp_path)
    seen = np.stack([stretch(pictures[name], IMAGE_SIZE) for name in names])
    expected = torch.nn.functional.normalize(predict.embeddings(network, seen)).numpy()
    assert rows.shape == (COUNT, network.head.in_features)
    assert np.allclose(rows, expected, atol=1e-5)


def test_the_descriptor_tells_a_twin_from_a_stranger(picture: Callable[..., bytes]) -> None:
    one, stranger = (stretch(decode(picture(seed, width=200, height=200), 100_000), 32) for seed in (1, 2))
    darker = (one * 0.7).astype(np.uint8)
    noisy = np.clip(one + np.random.default_rng(0).normal(0, 3, one.shape), 0, 255).astype(np.uint8)
    assert cosine(one, darker) > 0.97 and cosine(one, noisy) > 0.97
    assert cosine(one, stranger) < 0.8


def test_colour_alone_makes_a_difference() -> None:
    red, blue = flat(40), flat(40)
    red[..., 0], blue[..., 2] = 220, 220
    assert cosine(red, blue) < 0.5 < cosine(red, red)


def test_flat_pictures_are_alike_and_faint_noise_is_no_pattern() -> None:
    assert cosine(flat(10), flat(200)) == pytest.approx(1)
    faint = [flat(128) + np.random.default_rng(seed).integers(0, 2, (32, 32, 1), np.uint8) for seed in range(2)]
    lengths = np.linalg.norm(
        describe(np.stack([*faint, stretch(np.eye(32, dtype=np.uint8)[..., None].repeat(3, 2) * 255, 32)])), axis=1
    )
    assert lengths[:2].max() < lengths[2]
