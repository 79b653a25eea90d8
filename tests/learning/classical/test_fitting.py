"""Classical models from pictures to a bundle's arrays and back."""

from typing import get_args

import numpy as np
import pytest
import torch

from nightsort.config.training import FitParams
from nightsort.errors import ModelError
from nightsort.learning import predict
from nightsort.learning.architecture import Network, OnFeatures
from nightsort.learning.classical.assembly import build
from nightsort.learning.classical.fitting import BATCH, fit_classical
from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.pretrained import Initial
from nightsort.learning.zoo import build as build_any
from nightsort.words import Classical

CLASSES = ["blue", "red", "striped"]


def scene(counts: tuple[int, ...], seed: int = 0) -> Pictures:
    """Noisy pictures of 16 px, bluish, reddish or striped."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    images = rng.integers(60, 140, (len(labels), 16, 16, 3))
    images[labels == 0, :, :, 2] += 60
    images[labels == 1, :, :, 0] += 60
    images[labels == 2, ::4] += 110
    return Pictures(images.astype(np.uint8), labels, [f"{seed}-{i}" for i in range(len(labels))])


def params(model: str, **knobs: object) -> FitParams:
    return FitParams.model_validate({"model": model, "image_size": 16, "features": ["colour"], **knobs})


@pytest.mark.parametrize("name", get_args(Classical))
def test_every_model_learns_and_comes_back_from_its_card(name: Classical) -> None:
    steps: list[tuple[int, int]] = []
    model, architecture, before, after, notes = fit_classical(
        scene((40, 20, 1)),
        scene((9, 9, 9), 1),
        CLASSES,
        params(name),
        None,
        lambda done, all_: steps.append((done, all_)),
    )
    assert before.tolist() == [40, 20, 1] and after.tolist() == [20, 20, 20]  # weights make the classes equal
    assert [done for done, _ in steps] == list(range(1, steps[0][1] + 1))
    assert any(note.startswith(f"{name}: ") and "macro-F1" in note for note in notes)
    test = scene((10, 10, 0), 2)
    logits = predict.logits(model, test.images)
    assert (logits.argmax(1).numpy() == test.labels).mean() > 0.9

    again = build(OnFeatures.model_validate_json(architecture.model_dump_json()), len(CLASSES))
    again.load_state_dict(model.state_dict())
    assert torch.equal(predict.logits(again, test.images), logits)


@pytest.mark.parametrize("features", [["hog"], ["sift", "colour", "hog"]])
def test_features_come_back_in_the_order_asked_for(features: list[str]) -> None:
    knobs = params("logistic-regression", features=features)
    model, architecture, *_ = fit_classical(scene((20, 20, 20)), scene((5, 5, 5), 1), CLASSES, knobs)
    assert architecture.features == features
    test = scene((10, 10, 20), 2)
    logits = predict.logits(model, test.images)
    striped = logits.argmax(1).numpy() == 2  # shapes alone do not tell blue from red
    assert (striped == (test.labels == 2)).mean() > 0.9
    again = build_any(architecture, len(CLASSES))
    again.load_state_dict(model.state_dict())
    assert torch.equal(predict.logits(again, test.images), logits)


def test_the_same_seed_learns_the_same_arrays() -> None:
    knobs = params("decision-tree", features=["sift"])
    first, second = (fit_classical(scene((8, 8, 8)), scene((2, 2, 2), 1), CLASSES, knobs)[0] for _ in range(2))
    for name, array in first.state_dict().items():
        assert torch.equal(array, second.state_dict()[name]), name


def test_features_are_standardised_by_the_training_split() -> None:
    train = scene((2 * BATCH, 9, 9))
    model, *_ = fit_classical(train, scene((5, 5, 5), 1), CLASSES, params("decision-tree"))
    seen = predict.embeddings(model, train.images)
    assert seen.mean(0).abs().max() < 1e-3
    spread = seen.std(0, correction=0)
    assert ((spread - 1).abs() < 1e-2).sum() > 100 and spread.max() < 1.01


def test_the_embedding_of_a_network_needs_its_weights() -> None:
    knobs = params("logistic-regression", features=["embedding"], embedder="small_resnet")
    with pytest.raises(ModelError, match=r"small_resnet.*give weights: imagenet, champion, or a file"):
        fit_classical(scene((5, 5, 5)), scene((2, 2, 2), 1), CLASSES, knobs)

    torch.manual_seed(0)
    network = build_any(Network(name="small_resnet"), 7).eval()
    initial = Initial(network.state_dict(), "net.safetensors", "ab")
    model, architecture, *_, notes = fit_classical(scene((30, 30, 30)), scene((5, 5, 5), 1), CLASSES, knobs, initial)
    assert any("net.safetensors" in note for note in notes)
    test = scene((10, 10, 10), 2)
    raw = model.body.raw(predict.batch(test.images).float())  # type: ignore[operator]
    assert torch.allclose(raw, network.embed(predict.batch(test.images)), atol=1e-4)
    again = build_any(architecture, len(CLASSES))
    again.load_state_dict(model.state_dict())
    assert torch.equal(predict.logits(again, test.images), predict.logits(model, test.images))


def test_weights_that_nothing_takes_are_named() -> None:
    initial = Initial({}, "net.safetensors", "ab")
    *_, notes = fit_classical(scene((5, 5, 5)), scene((2, 2, 2), 1), CLASSES, params("decision-tree"), initial)
    assert any("net.safetensors is not used" in note for note in notes)


def test_a_card_without_a_shape_is_refused() -> None:
    architecture = OnFeatures(name="svm", features=["colour"], shapes={"body.mean": [165], "body.std": [165]})
    with pytest.raises(ModelError, match=r"svm without the shape of 'head\.projection'"):
        build(architecture, 3)
