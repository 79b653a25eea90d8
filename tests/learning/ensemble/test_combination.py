"""Published models combined: what comes out, and which do not go together."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
import torch

from nightsort.errors import ModelError
from nightsort.learning import predict
from nightsort.learning.architecture import Architecture, Ensemble, Network
from nightsort.learning.bundle import Bundle
from nightsort.learning.card import Card
from nightsort.learning.ensemble.combination import combine
from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.zoo import build

Published = Callable[..., Bundle]


@pytest.fixture
def published() -> Published:
    """Makes a model that nobody trained; the version is the seed."""

    def publish(version: int, architecture: Architecture | None = None, **fields: object) -> Bundle:
        architecture = architecture or Network(name="small_resnet")
        card = Card.model_validate(
            {
                "architecture": architecture, "version": version, "created": datetime(2026, 1, 1, tzinfo=UTC),
                "run_id": "r", "model": "small_resnet", "classes": ["a", "b", "c"], "store_side": 64, "image_size": 16,
                "preprocessing": "p", "temperature": 0.5 * version, "abstain_below": 0.5, "dataset_version": 1,
                "dataset_fingerprint": "f", "training_share": {}, "balance": "none", "macro_f1": 0.5, "accuracy": 0.5,
            } | fields
        )  # fmt: skip
        torch.manual_seed(version)
        return Bundle(card, build(architecture, len(card.classes)).eval())

    return publish


@pytest.fixture
def validation() -> Pictures:
    """Noise of three kinds of brightness, 16 px."""
    rng = np.random.default_rng(0)
    labels = np.arange(12) % 3
    images = np.clip(rng.normal(60 + 60 * labels[:, None, None, None], 30, (12, 16, 16, 3)), 0, 255).astype(np.uint8)
    return Pictures(images, labels, [str(i) for i in range(12)])


def test_the_mean_is_of_calibrated_probabilities(published: Published, validation: Pictures) -> None:
    members = [published(1), published(2, Network(name="resnet32"))]
    model, architecture, notes = combine(members, validation, "mean")
    expected = np.mean(
        [predict.probabilities(one.network, validation.images, one.card.temperature) for one in members], axis=0
    )
    np.testing.assert_allclose(predict.probabilities(model, validation.images, 1.0), expected, atol=1e-5)
    assert architecture == Ensemble(combine="mean", members=[one.card.architecture for one in members])
    assert notes[0] == "mean: model 1 0.50, model 2 0.50" and "validation macro-F1" in notes[1]


@pytest.mark.parametrize("how", ["vote", "mean", "weighted", "soup"])
def test_a_bundle_of_it_can_be_built_again(how: str, published: Published, validation: Pictures) -> None:
    model, architecture, _ = combine([published(1), published(2), published(3)], validation, how)  # type: ignore[arg-type]
    copy = build(architecture, 3).eval()
    copy.load_state_dict(model.state_dict())
    images = predict.batch(validation.images)
    torch.testing.assert_close(copy(images), model(images))


def test_an_ensemble_may_be_a_member(published: Published, validation: Pictures) -> None:
    inner = Ensemble(combine="vote", members=[Network(name="small_resnet")] * 2)
    model, architecture, _ = combine([published(1, inner), published(2)], validation, "mean")
    assert isinstance(architecture, Ensemble) and architecture.members[0] == inner
    assert predict.logits(model, validation.images).shape == (12, 3)


def test_a_member_that_does_not_help_is_left_out(published: Published, validation: Pictures) -> None:
    good, bad = published(1), published(2)
    with torch.no_grad():
        bad.network.head.get_parameter("bias").copy_(torch.tensor([50.0, 0.0, 0.0]))  # always the same answer, surely
        labels = predict.logits(good.network, validation.images).argmax(1).numpy()
    learned = Pictures(validation.images, labels, validation.ids)
    _, architecture, notes = combine([good, bad], learned, "weighted")
    assert architecture == Ensemble(combine="weighted", members=[good.card.architecture])
    assert notes[0] == "weighted: model 1 1.00; left out, because it would not help: 2"


def test_a_soup_of_equals_is_one_of_them_and_changes_none(published: Published, validation: Pictures) -> None:
    one = published(1)
    other = Bundle(one.card.model_copy(update={"version": 2}), one.network)
    before = {name: tensor.clone() for name, tensor in one.network.state_dict().items()}
    soup, architecture, notes = combine([one, other], validation, "soup")
    assert architecture == one.card.architecture and notes[0] == "soup: mean of the weights of models 1, 2"
    for name, tensor in soup.state_dict().items():
        torch.testing.assert_close(tensor, before[name])
    assert all(torch.equal(tensor, before[name]) for name, tensor in one.network.state_dict().items())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classes": ["a", "c", "b"]}, r"differ in classes: \['a', 'b', 'c'\] and \['a', 'c', 'b'\]"),
        ({"image_size": 32}, "differ in image_size: 16 and 32"),
        ({"preprocessing": "q"}, "differ in preprocessing: p and q"),
    ],
)
def test_models_that_see_or_answer_otherwise_are_refused(
    fields: dict[str, object], message: str, published: Published, validation: Pictures
) -> None:
    with pytest.raises(ModelError, match=f"combine: models 1 and 2 {message}; ") as raised:
        combine([published(1), published(2, **fields)], validation, "mean")
    assert len(raised.value.lines) == 1


def test_a_soup_needs_one_architecture(published: Published, validation: Pictures) -> None:
    with pytest.raises(ModelError, match="models 1 and 2 differ in architecture: small_resnet and resnet32"):
        combine([published(1), published(2, Network(name="resnet32"), model="resnet32")], validation, "soup")


def test_a_soup_needs_networks(published: Published, validation: Pictures) -> None:
    pair = Ensemble(combine="mean", members=[Network(name="small_resnet")])
    with pytest.raises(ModelError, match=r"model 2 \(small_resnet\) is no network; a soup needs networks"):
        combine([published(1), published(2, pair)], validation, "soup")
