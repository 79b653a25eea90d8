"""Heads answer as the estimators of scikit-learn that they were taken from, in torch and in OpenVINO."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor, nn

from nightsort.learning.classical.estimators import averaged, boosted, kernel, linear, rounded_down
from nightsort.learning.classical.heads import Averaged
from nightsort.learning.classifier import Classifier
from nightsort.scoring.backends.conversion import convert
from nightsort.scoring.backends.runtime import core

Values = NDArray[np.float32]
Labels = NDArray[np.int64]
Fit = Callable[[Values, Labels], tuple[nn.Module, Callable[[Values], NDArray[Any]]]]
SIDE = 4


class Pixels(nn.Module):
    """Pixels as features, standardised enough for every head."""

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 3 S S)."""
        return images.flatten(1)


def logistic_regression(x: Values, y: Labels) -> tuple[nn.Module, Callable[[Values], NDArray[Any]]]:
    estimator = LogisticRegression(max_iter=200).fit(x, y)
    return linear(estimator), estimator.predict_proba


def svm(x: Values, y: Labels) -> tuple[nn.Module, Callable[[Values], NDArray[Any]]]:
    machines = [SVC(C=2.0, gamma=0.1).fit(x, y == c) for c in range(y.max() + 1)]
    head = kernel(machines, np.eye(x.shape[1], dtype=np.float32), x, 0.1)
    return head, lambda rows: np.stack([machine.decision_function(rows) for machine in machines], 1)


def decision_tree(x: Values, y: Labels) -> tuple[nn.Module, Callable[[Values], NDArray[Any]]]:
    estimator = DecisionTreeClassifier(min_samples_leaf=3, random_state=0).fit(x, y)
    return averaged([estimator]), estimator.predict_proba


def random_forest(x: Values, y: Labels) -> tuple[nn.Module, Callable[[Values], NDArray[Any]]]:
    estimator = RandomForestClassifier(10, max_leaf_nodes=20, random_state=0).fit(x, y)
    return averaged(estimator.estimators_), estimator.predict_proba


def gradient_boosting(x: Values, y: Labels) -> tuple[nn.Module, Callable[[Values], NDArray[Any]]]:
    estimator = GradientBoostingClassifier(n_estimators=7, max_depth=2, random_state=0).fit(x, y)
    return boosted(estimator, x[:1]), estimator.predict_proba


EVERY = [logistic_regression, svm, decision_tree, random_forest, gradient_boosting]


def scene(classes: int, rows: int = 150) -> tuple[NDArray[np.uint8], Labels, Classifier]:
    """Pictures whose brightest quarter tells the class, most of the time, and a model without a head."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, rows)
    images = rng.integers(0, 200, (rows, SIDE, SIDE, 3)).astype(np.uint8)
    images[np.arange(rows), labels, labels] += 50
    model = Classifier(Pixels(), nn.Identity())
    # By powers of two, which no backend rounds: a pixel may lie on a tree's threshold.
    model.normalise_by(torch.full((3,), 128.0), torch.full((3,), 64.0))
    return images, labels.astype(np.int64), model.eval()


def answers(head: nn.Module, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is compared with the estimator: distances of a kernel, probabilities of the others."""
    if type(head).__name__ == "Kernel":
        return logits
    return torch.softmax(torch.from_numpy(logits), 1).numpy()


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("fit", EVERY)
def test_a_head_answers_as_its_estimator_does(fit: Fit, classes: int) -> None:
    images, labels, model = scene(classes)
    with torch.inference_mode():
        features = model.embed(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
        model.head, expected = fit(features[:100], labels[:100])
        logits = model.head(torch.from_numpy(features)).numpy()
    wanted = expected(features)
    if isinstance(model.head, Averaged):  # which keeps a little for classes that no leaf has seen
        wanted = np.maximum(wanted, Averaged.LEAST)
        wanted = wanted / wanted.sum(1, keepdims=True)
    assert answers(model.head, logits) == pytest.approx(wanted, abs=1e-4)
    assert np.ptp(wanted, axis=0).min() > 0.1  # the estimators did learn something


@pytest.mark.parametrize("fit", EVERY)
def test_openvino_computes_the_same(fit: Fit) -> None:
    images, labels, model = scene(3, 60)
    planes = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.inference_mode():
        model.head, _ = fit(model.embed(planes).numpy(), labels)
        logits = model(planes).numpy()
    forms = convert(model, images, ["fp32"])
    assert forms.refused == {}
    compiled = core().compile_model(
        core().read_model(forms.files["fp32.xml"], forms.files["fp32.bin"]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    assert compiled([images])[0] == pytest.approx(logits, abs=1e-4)  # more pictures than it was traced with


def test_a_rounded_threshold_keeps_every_comparison() -> None:
    above = np.float32(0.1)  # a little more than 0.1
    thresholds = np.array([0.1, 0.5, float(above), np.nextafter(float(above), 0), -0.1])
    rounded = rounded_down(thresholds)
    assert rounded.dtype == np.float32
    for value in (above, np.nextafter(above, np.float32(0)), np.float32(0.5), np.float32(-0.1)):
        assert (value <= rounded).tolist() == (float(value) <= thresholds).tolist()
