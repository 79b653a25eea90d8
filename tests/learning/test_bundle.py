"""What a bundle refuses to load, each in one line."""

import hashlib
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as save_tensors

from nightsort.errors import ModelError
from nightsort.learning.architecture import Network
from nightsort.learning.bundle import load, save
from nightsort.learning.card import Card, load_card
from nightsort.learning.zoo import build
from nightsort.storage import Storage

WEIGHTS, CARD = "models/1/weights.safetensors", "models/1/bundle.json"


class Bomb:
    """Does harm as soon as it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.place,)


@pytest.fixture
def saved(storage: Storage) -> Card:
    """The card of a model that was saved."""
    card = Card(
        architecture=Network(name="small_resnet"),
        version=1, created=datetime(2026, 1, 1, tzinfo=UTC), run_id="r", model="small_resnet", classes=["a", "b"],
        store_side=64, image_size=32, preprocessing="p", temperature=1.0, abstain_below=0.5, dataset_version=1,
        dataset_fingerprint="f", training_share={}, balance="none", macro_f1=0.5, accuracy=0.5,
    )  # fmt: skip
    return save(storage, card, build(card.architecture, 2))


def replace(storage: Storage, data: bytes) -> None:
    """Put other bytes in the place of the weights, and their hash into the card."""
    card = load_card(storage, 1).model_copy(update={"weights_sha256": hashlib.sha256(data).hexdigest()})
    storage.write_bytes(WEIGHTS, data)
    storage.write_bytes(CARD, card.model_dump_json().encode())


def test_what_is_saved_is_loaded(saved: Card, storage: Storage) -> None:
    bundle = load(storage, 1)
    assert bundle.card == saved == load_card(storage, 1)
    assert saved.weights_sha256 == hashlib.sha256(storage.read_bytes(WEIGHTS)).hexdigest()


def test_a_changed_weight_file_is_refused(saved: Card, storage: Storage) -> None:
    storage.write_bytes(WEIGHTS, storage.read_bytes(WEIGHTS)[:-1] + b"!")
    with pytest.raises(
        ModelError, match=r"model 1: .*weights\.safetensors was changed: SHA-256 \w{12}, expected \w{12}"
    ):
        load(storage, 1)


def test_a_missing_weight_file_is_named(saved: Card, storage: Storage) -> None:
    Path(storage.locate(WEIGHTS)).unlink()
    with pytest.raises(ModelError, match=r"model 1: .*weights\.safetensors is missing"):
        load(storage, 1)


def test_a_pickle_by_another_name_is_not_unpickled(saved: Card, storage: Storage, tmp_path: Path) -> None:
    replace(storage, pickle.dumps(Bomb(tmp_path / "harm")))
    with pytest.raises(ModelError, match=r"weights\.safetensors does not fit small_resnet") as raised:
        load(storage, 1)
    assert len(raised.value.lines) == 1 and not (tmp_path / "harm").exists()


@pytest.mark.parametrize("data", [b"", b"\0" * 8, save_tensors({"other": torch.zeros(3)})])
def test_weights_that_are_none_or_of_another_network_are_one_clear_line(
    data: bytes, saved: Card, storage: Storage
) -> None:
    replace(storage, data)
    with pytest.raises(ModelError, match=r"model 1: .*weights\.safetensors does not fit small_resnet: .") as raised:
        load(storage, 1)
    assert len(raised.value.lines) == 1


def test_a_card_with_another_number_of_classes_is_refused(saved: Card, storage: Storage) -> None:
    storage.write_bytes(CARD, saved.model_copy(update={"classes": ["a", "b", "c"]}).model_dump_json().encode())
    with pytest.raises(ModelError, match=r"does not fit small_resnet: .") as raised:
        load(storage, 1)
    assert len(raised.value.lines) == 1
