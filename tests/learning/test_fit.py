"""Training: learns, repeats by seed, stops early, refuses what cannot be learned from."""

import numpy as np
import pytest
import torch

from nightsort.config.training import TrainParams
from nightsort.errors import DatasetError, ModelError, TrainingError
from nightsort.learning import loop
from nightsort.learning.fit import fit
from nightsort.learning.pictures import Pictures
from nightsort.learning.predict import embeddings, logits, probabilities
from nightsort.learning.validation import Validation

CLASSES = ["bar", "block", "dot"]


def shapes(counts, seed):
    """Noisy 16 px pictures of a bar, a block or a dot, at random places."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    images = rng.integers(0, 60, (len(labels), 16, 16, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        y, x = rng.integers(1, 9, 2)
        height, width = [(2, 7), (6, 6), (2, 2)][label]
        image[y : y + height, x : x + width] += 150
    return Pictures(images, labels, [f"{seed}-{i}" for i in range(len(labels))])


TRAIN, VALIDATION, HELD_OUT = shapes((60, 30, 12), 1), shapes((20, 10, 6), 2), shapes((30, 30, 30), 3)


def params(**changes):
    given = {"epochs": 12, "batch_size": 16, "image_size": 16, "learning_rate": 0.01, "mixup": 0.2, "patience": 12}
    return TrainParams(**(given | changes))


def accuracy(fitted, pictures):
    return (logits(fitted.model, pictures.images).argmax(1).numpy() == pictures.labels).mean()


@pytest.fixture(scope="module")
def fitted():
    return fit(TRAIN, VALIDATION, CLASSES, params())


def test_it_learns(fitted):
    assert accuracy(fitted, HELD_OUT) > 0.85
    assert fitted.history[-1].validation_loss < fitted.history[0].validation_loss


def test_the_weights_are_those_of_the_best_epoch(fitted):
    best = max(epoch.validation_macro_f1 for epoch in fitted.history)
    kept = fitted.history[fitted.best_epoch - 1]
    assert kept.validation_macro_f1 == best
    assert accuracy(fitted, VALIDATION) == pytest.approx(kept.validation_accuracy)
    assert not fitted.model.training


def test_probabilities_are_calibrated_rows_in_order(fitted):
    rows = probabilities(fitted.model, HELD_OUT.images, fitted.temperature, batch_size=7)
    expected = torch.softmax(logits(fitted.model, HELD_OUT.images) / fitted.temperature, 1).numpy()
    assert rows.shape == (90, 3)
    assert rows == pytest.approx(expected, abs=1e-5)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(11)
    state = torch.get_rng_state()
    first = fit(TRAIN, VALIDATION, CLASSES, params(epochs=2)).model.state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(12)
    again = fit(TRAIN, VALIDATION, CLASSES, params(epochs=2)).model.state_dict()
    other = fit(TRAIN, VALIDATION, CLASSES, params(epochs=2, seed=1)).model.state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.mark.parametrize("balance", ["none", "class_weights", "oversampling", "smote"])
def test_every_balance_trains(balance):
    result = fit(TRAIN, VALIDATION, CLASSES, params(balance=balance, epochs=8))
    assert accuracy(result, HELD_OUT) > 0.6
    assert result.before.tolist() == [60, 30, 12]
    assert result.after.tolist() == {"none": [60, 30, 12], "smote": [60] * 3}.get(balance, [34] * 3)


def test_smote_changes_the_head_and_not_the_body():
    plain = fit(TRAIN, VALIDATION, CLASSES, params(balance="none", epochs=3)).model
    result = fit(TRAIN, VALIDATION, CLASSES, params(balance="smote", epochs=3))
    assert torch.equal(embeddings(plain, HELD_OUT.images), embeddings(result.model, HELD_OUT.images))
    assert not torch.equal(plain.head.weight, result.model.head.weight)
    assert "180 embeddings, 78 of them synthetic" in result.notes[0]


def test_a_class_with_one_picture_is_trained_and_noted_by_smote():
    one = TRAIN.take(np.flatnonzero((TRAIN.labels != 2) | (np.arange(len(TRAIN)) == 90)))
    result = fit(one, VALIDATION, CLASSES, params(balance="smote", epochs=1))
    assert result.before.tolist() == [60, 30, 1]
    assert any("one training picture of dot" in note for note in result.notes)


def test_shuffled_labels_give_chance():
    shuffled = np.random.default_rng(0).permutation(TRAIN.labels)
    result = fit(Pictures(TRAIN.images, shuffled, TRAIN.ids), VALIDATION, CLASSES, params(epochs=8))
    assert accuracy(result, HELD_OUT) < 0.6


def test_progress_is_told_by_step_and_by_epoch():
    steps, epochs = [], []
    fit(TRAIN, VALIDATION, CLASSES, params(epochs=2), epochs.append, lambda *step: steps.append(step))
    assert steps == [(done, 14) for done in range(1, 15)]
    assert [epoch.epoch for epoch in epochs] == [1, 2]


def test_patience_ends_the_training(monkeypatch):
    monkeypatch.setattr(loop, "validate", lambda *_: Validation(loss=1.0, accuracy=0.5, macro_f1=0.5))
    result = fit(TRAIN, VALIDATION, CLASSES, params(epochs=9, patience=2))
    assert (len(result.history), result.best_epoch) == (3, 1)


def test_a_validation_split_without_a_class_is_scored_on_the_others():
    without = VALIDATION.take(np.flatnonzero(VALIDATION.labels != 2))
    result = fit(TRAIN, without, CLASSES, params())
    assert result.history[result.best_epoch - 1].validation_macro_f1 > 0.8


def test_a_batch_never_holds_one_picture():
    few = TRAIN.take(np.array([0, 61, 95]))
    assert len(fit(few, VALIDATION, CLASSES, params(batch_size=2, epochs=1)).history) == 1


def test_a_loss_that_is_not_finite_names_epoch_and_batch(monkeypatch):
    monkeypatch.setattr(loop, "loss_for", lambda plan: lambda logits, targets: logits.sum() * float("nan"))
    with pytest.raises(TrainingError, match=r"epoch 1, batch 1 of 7: the loss is nan; lower learning_rate=0.01"):
        fit(TRAIN, VALIDATION, CLASSES, params())


@pytest.mark.parametrize(
    ("train", "validation", "classes", "message"),
    [
        (TRAIN, VALIDATION, [*CLASSES, "ghost"], "training split: no picture of class ghost"),
        (TRAIN, VALIDATION.take(np.array([], dtype=np.int64)), CLASSES, "validation split: no picture"),
        (TRAIN.take(np.arange(5)), VALIDATION, ["bar"], "at least two classes, got 1: bar"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(train, validation, classes, message):
    with pytest.raises(DatasetError, match=message):
        fit(train, validation, classes, params())


def test_a_network_that_cannot_take_the_size_is_refused():
    with pytest.raises(ModelError, match="vit_b_16 cannot take pictures of 16 x 16 px"):
        fit(TRAIN, VALIDATION, CLASSES, params(model="vit_b_16"))


def test_pictures_keep_rows_together():
    with pytest.raises(ValueError, match="102 images, 101 labels"):
        Pictures(TRAIN.images, TRAIN.labels[1:], TRAIN.ids)
    some = TRAIN.take(np.array([100, 0]))
    assert (some.ids, some.labels.tolist()) == (["1-100", "1-0"], [2, 0])
    assert np.array_equal(some.images[0], TRAIN.images[100])
    assert some.counts(CLASSES).tolist() == [1, 0, 1]
