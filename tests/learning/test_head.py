"""What strategies do to a head after training: refits on balanced embeddings, shifts of its bias."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nightsort.balance.plan import make_plan
from nightsort.learning import predict
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.head import finish
from nightsort.learning.networks.heads import CosineHead
from nightsort.words import Balance

CLASSES = ["common", "rare", "single"]


class Mean(nn.Module):
    """A body whose embedding is the mean of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 3)."""
        return x.mean((2, 3))


def pictures(counts: tuple[int, ...], seed: int) -> Pictures:
    """Each class brighter in a channel of its own, on noise."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), counts)
    images = rng.normal(110, 12, (len(labels), 1, 1, 3)) + rng.normal(0, 9, (len(labels), 4, 4, 3))
    images[np.arange(len(labels)), :, :, labels] += 35
    return Pictures(images.clip(0, 255).astype(np.uint8), labels, [f"{seed}-{i}" for i in range(len(labels))])


TRAIN, VALIDATION = pictures((90, 12, 4), 1), pictures((60, 20, 20), 2)
HELD_OUT = pictures((60, 60, 60), 3)


def trained(head: nn.Module | None = None) -> Classifier:
    """A model that was trained without balancing: it answers with the common class too often."""
    model = Classifier(Mean(), head or nn.Linear(3, 3))
    with torch.no_grad():
        for name, parameter in model.head.named_parameters():
            parameter.copy_(4 * torch.eye(3) if name == "weight" else torch.log(torch.tensor([90.0, 12.0, 4.0]) / 106))
    return model


def recall(model: Classifier, held_out: Pictures = HELD_OUT) -> NDArray[np.float64]:
    """Share of each class that is found."""
    right = predict.logits(model, held_out.images).argmax(1).numpy() == held_out.labels
    return np.array([right[held_out.labels == c].mean() for c in range(3)])


def finished(model: Classifier, strategy: Balance, train: Pictures = TRAIN, seed: int = 0) -> list[str]:
    """Notes of what was done to the model."""
    return finish(model, train, VALIDATION, CLASSES, make_plan(strategy, train.labels, CLASSES), seed)


@pytest.mark.parametrize("head", [nn.Linear, CosineHead])
@pytest.mark.parametrize("strategy", ["smote", "borderline_smote", "adasyn"])
def test_a_head_retrained_on_balanced_embeddings_finds_the_rare_classes(
    strategy: Balance, head: type[nn.Linear] | type[CosineHead]
) -> None:
    model, before = trained(head(3, 3)), recall(trained())
    notes = finished(model, strategy)
    assert notes[0].startswith(
        f"{strategy}: head retrained on 270 embeddings, 164 of them synthetic; validation macro-"
    )
    assert f"{strategy}: single with 5 training pictures or fewer; fewer neighbours are used" in notes
    assert recall(model)[2] > before[2] + 0.2
    assert recall(model).mean() > 0.8


def test_a_retrained_head_depends_on_the_seed_of_the_synthesis_alone() -> None:
    one, again, other = trained(), trained(nn.Linear(3, 3)), trained()
    for model, seed in ((one, 0), (again, 0), (other, 1)):
        finished(model, "smote", seed=seed)
    assert torch.equal(one.head.weight, again.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


@pytest.mark.parametrize("head", [nn.Linear, CosineHead])
def test_logit_adjustment_lowers_the_bias_by_tau_times_the_log_prior(
    head: type[nn.Linear] | type[CosineHead],
) -> None:
    model = trained(head(3, 3))
    weight, bias = model.head.weight.detach().clone(), model.head.bias.detach().clone()
    [note] = finished(model, "logit_adjustment")
    tau = float(note.removeprefix("logit_adjustment: tau=").split(";")[0])
    assert torch.equal(model.head.weight, weight)
    assert model.head.bias.tolist() == pytest.approx(
        (bias - tau * torch.log(torch.tensor([90.0, 12.0, 4.0]) / 106)).tolist(), abs=1e-5
    )


def test_tau_is_what_serves_validation_best() -> None:
    model, before = trained(), recall(trained())
    [note] = finished(model, "logit_adjustment")
    first, last = (float(figure) for figure in note.split("macro-F1 ")[1].split(" -> "))
    assert last > first + 0.1
    assert recall(model)[2] > before[2] + 0.2 and recall(model).mean() > before.mean()


def test_of_equal_taus_the_one_of_theory_is_taken() -> None:
    model = trained()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.copy_(torch.tensor([99.0, 0.0, 0.0]))  # whatever tau is, the answer is the common class
    assert "tau=1;" in finished(model, "logit_adjustment")[0]


@pytest.mark.parametrize("strategy", ["none", "class_weights", "focal", "balanced_softmax", "ldam_drw", "pixel_smote"])
def test_other_strategies_leave_nothing_for_the_end(strategy: Balance) -> None:
    model = trained()
    assert finished(model, strategy) == []
    assert all(torch.equal(value, trained().state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("strategy", ["smote", "borderline_smote", "adasyn", "logit_adjustment"])
def test_with_even_classes_the_model_stays_as_trained(strategy: Balance) -> None:
    model = trained()
    assert finished(model, strategy, HELD_OUT) == []
    assert all(torch.equal(value, trained().state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("head", [nn.Sequential(nn.Linear(3, 3)), nn.Linear(3, 3, bias=False)])
@pytest.mark.parametrize("strategy", ["smote", "logit_adjustment"])
def test_a_head_that_is_not_linear_stays_and_a_note_says_so(strategy: Balance, head: nn.Module) -> None:
    model = Classifier(Mean(), head)
    before = [value.clone() for value in model.state_dict().values()]
    [note] = finished(model, strategy)
    assert note.startswith(f"{strategy}: needs a linear head with a bias, this one is {type(head).__name__}")
    assert all(torch.equal(one, other) for one, other in zip(before, model.state_dict().values(), strict=True))


@pytest.mark.parametrize("strategy", ["smote", "adasyn", "logit_adjustment"])
def test_a_class_with_one_picture_works(strategy: Balance) -> None:
    one = TRAIN.take(np.arange(len(TRAIN) - 3))
    model = trained()
    notes = finished(model, strategy, one)
    assert recall(model)[2] > 0.3
    assert any("one training picture of single" in note for note in notes) == (strategy != "logit_adjustment")


def test_only_the_training_split_is_synthesised_from() -> None:
    """With other validation pictures, of which only figures are taken, the retrained head is the same."""
    one, other = trained(), trained()
    plan = make_plan("smote", TRAIN.labels, CLASSES)
    finish(one, TRAIN, VALIDATION, CLASSES, plan, 0)
    finish(other, TRAIN, pictures((5, 5, 50), 9), CLASSES, plan, 0)
    assert torch.equal(one.head.weight, other.head.weight) and torch.equal(one.head.bias, other.head.bias)


def test_shuffled_labels_give_chance() -> None:
    shuffled = Pictures(TRAIN.images, np.random.default_rng(4).permutation(TRAIN.labels), TRAIN.ids)
    model = trained()
    finished(model, "smote", shuffled)
    assert recall(model).mean() < 0.5
