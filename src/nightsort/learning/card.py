"""Owns a model's card, bundle.json: what the weights are, where they come from, how to read their answer.

Invariant: it is written after the weights, so its existence means that the bundle is whole.
Does not know torch, so that what only asks for the champion's classes need not load it.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightsort.errors import ModelError
from nightsort.images.clean import Cleaning
from nightsort.images.preprocess import Preprocessing
from nightsort.learning.architecture import Architecture
from nightsort.storage import Storage


class Card(BaseModel):
    """The content of bundle.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    created: datetime
    run_id: str
    model: str  # its name for people
    architecture: Architecture
    weights_from: str = ""  # what training started from: "imagenet resnet18", a file's name; empty is random
    weights_from_sha256: str = ""  # of that, as it was
    classes: list[str] = Field(min_length=1)  # the position is the class id; a later model appends, never re-sorts
    store_side: int = Field(ge=1)
    image_size: int = Field(ge=1)
    cleaning: Cleaning = Cleaning()
    preprocessing: str  # Preprocessing.version when it was trained
    temperature: float = Field(gt=0, allow_inf_nan=False)  # logits are divided by this (Guo et al. 2017)
    abstain_below: float
    thresholds: dict[str, float] = {}  # class -> confidence below which it abstains; others by abstain_below
    dataset_version: int
    dataset_fingerprint: str  # hash of the SHA-256 of every training picture
    training_share: dict[str, float]  # class -> share of the training split: the prior
    balance: str
    macro_f1: float  # on the test split
    accuracy: float
    weights_sha256: str = ""

    def least(self, label: str) -> float:
        """The confidence below which it abstains from a class; above 1 it never names it."""
        return self.thresholds.get(label, self.abstain_below)

    def preprocess(self) -> Preprocessing:
        """The preprocessing this model was trained with.

        :raises ModelError: if this version of Nightsort would prepare pictures differently
        """
        preprocessing = Preprocessing(self.store_side, self.image_size, self.cleaning)
        if preprocessing.version != self.preprocessing:
            raise ModelError(
                f"model {self.version}: was trained with preprocessing {self.preprocessing}, this version of Nightsort "
                f"does {preprocessing.version}; retrain it"
            )
        return preprocessing


def check_weights(storage: Storage, card: Card) -> None:
    """Refuse a model whose weights are not those it was published with, whatever is going to compute it.

    :raises ModelError: if they are missing or were changed
    """
    place = storage.locate(f"models/{card.version}/weights.safetensors")
    try:
        compare_weights(card, place, storage.sha256(f"models/{card.version}/weights.safetensors"))
    except FileNotFoundError:
        raise ModelError(f"model {card.version}: {place} is missing") from None


def compare_weights(card: Card, place: str, found: str) -> None:
    """Raise :class:`ModelError` unless the SHA-256 found at a place is that of the model's weights."""
    if found != card.weights_sha256:
        raise ModelError(
            f"model {card.version}: {place} was changed: SHA-256 {found[:12]}, expected {card.weights_sha256[:12]}"
        )


def load_card(storage: Storage, version: int) -> Card:
    """Read bundle.json.

    :raises ModelError: if it is missing, damaged, or another model's
    """
    place = f"models/{version}/bundle.json"
    try:
        card = Card.model_validate_json(storage.read_bytes(place))
    except FileNotFoundError:
        raise ModelError(f"model {version}: {storage.locate(place)} is missing") from None
    except ValidationError as error:
        raise ModelError(
            f"model {version}: {storage.locate(place)} is damaged ({error.error_count()} faults); put it back from a "
            "backup, or remove the folder of this model"
        ) from None
    if card.version != version:
        raise ModelError(f"model {version}: {storage.locate(place)} is the card of model {card.version}")
    return card
