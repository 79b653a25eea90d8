"""Training: learns, repeats by seed, stops early, refuses what cannot be learned from."""

from typing import get_args

import numpy as np
import pytest
import torch

from nightsort.errors import DatasetError, ModelError, TrainingError
from nightsort.learning.architecture import Network
from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.fit import Fitted, fit
from nightsort.learning.predict import embeddings, logits, probabilities
from nightsort.learning.pretrained import Initial
from nightsort.learning.training import loop
from nightsort.learning.validation import Validation
from nightsort.words import Balance
from tests.learning.shapes import CLASSES, HELD_OUT, TRAIN, VALIDATION, accuracy, params


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit(TRAIN, VALIDATION, CLASSES, params())


def test_it_learns(fitted: Fitted) -> None:
    assert accuracy(fitted, HELD_OUT) > 0.85
    assert fitted.history[-1].validation_loss < fitted.history[0].validation_loss
    assert fitted.architecture == Network(name="small_resnet")
    assert all(epoch.rate > 0 and epoch.seconds > 0 for epoch in fitted.history)


def test_the_weights_are_those_of_the_best_epoch(fitted: Fitted) -> None:
    best = max(epoch.validation_macro_f1 for epoch in fitted.history)
    kept = fitted.history[fitted.best_epoch - 1]
    assert kept.validation_macro_f1 == best
    assert accuracy(fitted, VALIDATION) == pytest.approx(kept.validation_accuracy)
    assert not fitted.model.training


def test_probabilities_are_calibrated_rows_in_order(fitted: Fitted) -> None:
    rows = probabilities(fitted.model, HELD_OUT.images, fitted.temperature, batch_size=7)
    expected = torch.softmax(logits(fitted.model, HELD_OUT.images) / fitted.temperature, 1).numpy()
    assert rows.shape == (90, 3)
    assert rows == pytest.approx(expected, abs=1e-5)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(11)
    state = torch.get_rng_state()
    first = fit(TRAIN, VALIDATION, CLASSES, params(epochs=1)).model.state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(12)
    again = fit(TRAIN, VALIDATION, CLASSES, params(epochs=1)).model.state_dict()
    other = fit(TRAIN, VALIDATION, CLASSES, params(epochs=1, seed=1)).model.state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.mark.parametrize("balance", get_args(Balance))
def test_every_strategy_of_balancing_trains(balance: Balance) -> None:
    result = fit(TRAIN, VALIDATION, CLASSES, params(balance=balance, epochs=1, batch_size=34))
    assert result.before.tolist() == [60, 30, 12]
    assert np.isfinite(logits(result.model, HELD_OUT.images).numpy()).all()
    assert result.architecture == Network(name="small_resnet", head="cosine" if balance == "ldam_drw" else "linear")


def test_smote_changes_the_head_and_not_the_body() -> None:
    plain = fit(TRAIN, VALIDATION, CLASSES, params(balance="none", epochs=1)).model
    result = fit(TRAIN, VALIDATION, CLASSES, params(balance="smote", epochs=1))
    assert torch.equal(embeddings(plain, HELD_OUT.images), embeddings(result.model, HELD_OUT.images))
    assert not torch.equal(plain.head.weight, result.model.head.weight)


def test_shuffled_labels_give_chance() -> None:
    shuffled = np.random.default_rng(0).permutation(TRAIN.labels)
    result = fit(Pictures(TRAIN.images, shuffled, TRAIN.ids), VALIDATION, CLASSES, params(epochs=5))
    assert accuracy(result, HELD_OUT) < 0.6


def test_progress_is_told_by_step_and_by_epoch() -> None:
    steps, epochs = [], []
    told = {"on_epoch": epochs.append, "on_step": lambda *step: steps.append(step)}
    result = fit(TRAIN, VALIDATION, CLASSES, params(epochs=2), **told)
    assert steps == [(done, 14) for done in range(1, 15)]
    assert epochs == result.history and [epoch.epoch for epoch in epochs] == [1, 2]


def test_patience_ends_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "validate", lambda *_: Validation(loss=1.0, accuracy=0.5, macro_f1=0.5))
    result = fit(TRAIN, VALIDATION, CLASSES, params(epochs=9, patience=2, batch_size=51))
    assert (len(result.history), result.best_epoch) == (5, 3)  # two epochs are warm-up, and do not count


def test_a_validation_split_without_a_class_is_scored_on_the_others() -> None:
    without = VALIDATION.take(np.flatnonzero(VALIDATION.labels != 2))
    result = fit(TRAIN, without, CLASSES, params(epochs=8))
    assert result.history[result.best_epoch - 1].validation_macro_f1 > 0.8


def test_a_batch_never_holds_one_picture() -> None:
    few = TRAIN.take(np.array([0, 61, 95]))
    assert len(fit(few, VALIDATION, CLASSES, params(batch_size=2, epochs=1)).history) == 1


def test_an_automatic_batch_size_is_noted() -> None:
    result = fit(TRAIN, VALIDATION, CLASSES, params(batch_size=None, epochs=1))
    assert "batch size 16, chosen for 102 pictures an epoch" in result.notes


def test_a_loss_that_is_not_finite_names_epoch_batch_and_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "loss_for", lambda plan, progress: lambda logits, targets: logits.sum() * float("nan"))
    with pytest.raises(TrainingError) as caught:
        fit(TRAIN, VALIDATION, CLASSES, params())
    message = str(caught.value)
    assert message.startswith("epoch 1, batch 1 of 7: the loss is nan; the batch begins with pictures 1-")
    assert "lower learning_rate=0.01" in message


def test_a_loss_that_only_validation_shows_to_be_infinite_ends_the_training_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "validate", lambda model, pictures: Validation(float("nan"), 1.0, 1.0))
    with pytest.raises(TrainingError, match=r"^epoch 1, validation: the loss is nan; lower learning_rate=0\.01"):
        fit(TRAIN, VALIDATION, CLASSES, params())


def test_weights_to_start_from_are_used_and_recorded(fitted: Fitted) -> None:
    initial = Initial(fitted.model.state_dict(), "model 3", "ab" * 32, CLASSES)
    recipe = params(epochs=1, learning_rate=1e-6, augment="none", mixup=0)
    result = fit(TRAIN, VALIDATION, CLASSES, recipe, initial=initial)
    assert accuracy(result, HELD_OUT) > 0.85
    assert (result.weights_from, result.weights_from_sha256) == ("model 3", "ab" * 32)
    assert any("model 3" in note for note in result.notes)


@pytest.mark.parametrize(
    ("train", "validation", "classes", "message"),
    [
        (TRAIN, VALIDATION, [*CLASSES, "ghost"], "training split: no picture of class ghost"),
        (TRAIN, VALIDATION.take(np.array([], dtype=np.int64)), CLASSES, "validation split: no picture"),
        (TRAIN.take(np.arange(5)), VALIDATION, ["bar"], "at least two classes, got 1: bar"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    train: Pictures, validation: Pictures, classes: list[str], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        fit(train, validation, classes, params())


def test_a_network_that_cannot_take_the_size_is_refused() -> None:
    with pytest.raises(ModelError, match="alexnet cannot take pictures of 16 x 16 px"):
        fit(TRAIN, VALIDATION, CLASSES, params(model="alexnet"))


def test_pictures_keep_rows_together() -> None:
    with pytest.raises(ValueError, match="102 images, 101 labels"):
        Pictures(TRAIN.images, TRAIN.labels[1:], TRAIN.ids)
    some = TRAIN.take(np.array([100, 0]))
    assert (some.ids, some.labels.tolist()) == (["1-100", "1-0"], [2, 0])
    assert np.array_equal(some.images[0], TRAIN.images[100])
