"""A published model with every form of it, for the tests of what computes answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch

from nightsort.images.preprocess import Preprocessing
from nightsort.learning.architecture import Network
from nightsort.learning.bundle import save
from nightsort.learning.card import Card, load_card
from nightsort.learning.zoo import build
from nightsort.scoring.backends.exported import export
from nightsort.storage import Storage

SIDE = 32
CLASSES = ["cat", "dog", "eel", "fox"]


@pytest.fixture(scope="session")
def unsigned() -> Card:
    """The card of a small network that nobody trained, before it is saved."""
    return Card(
        architecture=Network(name="small_resnet"),
        version=1,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        run_id="r",
        model="small_resnet",
        classes=CLASSES,
        store_side=256,
        image_size=SIDE,
        preprocessing=Preprocessing(256, SIDE).version,
        temperature=2.0,
        abstain_below=0.5,
        dataset_version=1,
        dataset_fingerprint="f",
        training_share={},
        balance="none",
        macro_f1=0.5,
        accuracy=0.5,
    )


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """Random pictures of different brightness and colour, uint8 (21, SIDE, SIDE, 3)."""
    rng = np.random.default_rng(7)
    levels = rng.uniform(0, 255, (21, 1, 1, 3))
    return np.clip(rng.normal(levels, 40, (21, SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def exported_root(tmp_path_factory: pytest.TempPathFactory, pictures: np.ndarray, unsigned: Card) -> Path:
    """A storage root with model 1, exported; not to be changed."""
    root = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    network = build(unsigned.architecture, len(CLASSES)).eval()
    with torch.no_grad():
        network.head.weight.mul_(20)  # else the answers to all pictures are nearly the same
    save(Storage(str(root)), unsigned, network)
    exported = export(Storage(str(root)), unsigned, network, pictures, ["openvino-fp32", "openvino-int8"])
    assert exported.refused == {}
    return root


@pytest.fixture
def published(exported_root: Path, tmp_path: Path) -> Storage:
    """The same, to be changed."""
    return Storage(str(copytree(exported_root, tmp_path / "published")))


@pytest.fixture
def rewritten(published: Storage) -> Callable[..., Card]:
    """Changes fields of the card on disk."""

    def rewrite(**fields: object) -> Card:
        card = load_card(published, 1).model_copy(update=fields)
        published.write_bytes("models/1/bundle.json", card.model_dump_json().encode())
        return card

    return rewrite
