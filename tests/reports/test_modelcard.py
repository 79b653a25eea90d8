"""A model's card says what the figures say, warns where they say little, and obeys nothing that it quotes."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from nightsort import clock
from nightsort.errors import ModelError
from nightsort.evaluation.decisions import Recorded
from nightsort.evaluation.thresholds import ALWAYS_ABSTAIN
from nightsort.images.preprocess import Preprocessing
from nightsort.learning.architecture import Network
from nightsort.learning.card import Card
from nightsort.reports import modelcard
from nightsort.reports.learned import TrainingPart
from nightsort.reports.modelcard import ModelCard
from nightsort.reports.shown import ClassCount
from nightsort.storage import Storage

Make = Callable[..., ModelCard]


@pytest.fixture
def make(judged_part: Callable[..., TrainingPart]) -> Make:
    """Builder of a card of four classes; keyword arguments replace fields of its bundle."""

    def card(labels: tuple[str, ...] = ("bolt", "crack", "dent", "nut"), **changes: Any) -> ModelCard:
        part = judged_part(list(labels))
        fields: dict[str, Any] = {
            "version": 7, "created": clock.now(), "run_id": "20261121T020000Z-train-3f2a", "model": "small_resnet",
            "architecture": Network(name="small_resnet"), "classes": list(labels), "store_side": 64,
            "image_size": 32, "preprocessing": Preprocessing(64, 32).version, "temperature": 1.3, "abstain_below": 0.5,
            "dataset_version": 2, "dataset_fingerprint": "ab" * 32, "training_share": {"bolt": 0.7}, "balance": "none",
            "macro_f1": 0.8, "accuracy": 0.9, "weights_sha256": "cd" * 32,
        }  # fmt: skip
        data = [ClassCount(label=label, total=9, train=5, validation=2, test=2) for label in labels]
        recipe = {"epochs": 60, "seed": 3, "features": ["hog", "colour"]}
        return modelcard.compose(Card(**fields | changes), part, recipe, data)

    return card


def test_the_card_is_what_the_training_found(make: Make) -> None:
    card = make()
    text = modelcard.to_markdown(card)
    scores = card.scores
    span = scores.intervals["macro_f1"]
    assert f"| macro-F1 | {scores.macro_f1:.3f} | {span.low:.3f} to {span.high:.3f} |" in text
    row = scores.classes[0]
    assert f"| {row.label} | {row.support} | {row.precision:.3f} | {row.recall:.3f} | {row.f1:.3f} | 0.500 |" in text
    assert "| epochs | 60 |" in text and "| features | hog, colour |" in text
    assert "| bolt | 5 | 2 | 2 | 70.0% |" in text
    assert not scores.roc and not scores.precision_recall and scores.coverage is None


def test_the_head_is_metadata_of_a_hub(make: Make) -> None:
    card = make()
    text = modelcard.to_markdown(card)
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["pipeline_tag"] == "image-classification" and "license" not in head
    figures = {item["name"]: item["value"] for item in head["model-index"][0]["results"][0]["metrics"]}
    assert figures["accuracy"] == pytest.approx(card.scores.accuracy, abs=1e-4)
    assert "champion" not in head["tags"]
    assert "champion" in modelcard.metadata(card.model_copy(update={"champion": True}))["tags"]


def test_it_warns_where_figures_say_little(make: Make) -> None:
    card = make(thresholds={"dent": ALWAYS_ABSTAIN, "bolt": 0.6})
    said = "\n".join(modelcard.cautions(card))
    assert "Nothing is known about nut: no test picture." in said
    assert "It never answers with dent, and abstains instead." in said
    assert "It learned bolt, crack, dent, nut from fewer than 20 pictures each." in said
    assert "It is not the champion" in said
    assert all(line in modelcard.to_markdown(card) for line in said.splitlines())


def test_decisions_are_told(make: Make) -> None:
    said = Recorded(promoted=False, reason="worse by far", challenger_macro_f1=0.8, run_id="r", when=clock.now())
    text = modelcard.to_markdown(make().model_copy(update={"decisions": [said]}))
    assert "not promoted, worse by far" in text and "has not seen it" not in text
    assert "has not seen it" in modelcard.to_markdown(make())


def test_names_are_inert(make: Make) -> None:
    hostile = ("<img src=x onerror=alert(1)>", "a|b", "---\nlicense: mit", "[x](http://evil.example)")
    text = modelcard.to_markdown(make(hostile, model="`rm`\n# Title", balance="none"))
    assert "<img" not in text and "\n# Title" not in text and "http://evil" not in text
    assert "license" not in yaml.safe_load(text.split("---\n")[1])
    assert "| a\\|b |" in text


def test_it_is_written_and_read_again(storage: Storage, make: Make) -> None:
    storage.prepare()
    card = make()
    assert modelcard.read(storage, 7) is None
    modelcard.write(storage, card)
    assert modelcard.read(storage, 7) == card
    assert storage.read_bytes("models/7/card.md").decode() == modelcard.to_markdown(card)
    storage.write_bytes("models/7/card.json", b"{}")
    with pytest.raises(ModelError, match=r"card\.json is damaged"):
        modelcard.read(storage, 7)
