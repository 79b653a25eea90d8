"""Owns what scikit-learn learns on features, taken over as arrays.

Invariant: each head answers as its estimator does, to float32; equal arguments give equal heads.
Does not know pictures, nor which settings are best.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor, nn

from nightsort.balance.rows import draw
from nightsort.learning.classical.heads import Averaged, Boosted, Kernel
from nightsort.words import Classical

Settings = dict[str, Any]

PROJECTED = 128  # dimensions in which an SVM measures distances
MACHINES_ROWS = 8000  # that an SVM is fitted on at most: its time grows with their square
STEPS = 200  # of lbfgs, at most
TOLERANCE = 1e-3  # of its gradient


@dataclass(frozen=True)
class Rows:
    """What is learned from.

    :param features: float32 (N, D), standardised
    :param labels: class ids, int64 (N,), each of the C classes at least once
    :param weights: of each row in the loss, float32 (N,)
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    weights: NDArray[np.float32]


def logistic_regression(rows: Rows, settings: Settings, seed: int) -> nn.Module:
    """Multinomial logistic regression by lbfgs.

    :param settings: C, of the sum of the loss over all rows in scikit-learn, here of its mean: it then means the
        same for few rows and many
    """
    estimator = LogisticRegression(C=settings["C"] / len(rows.labels), max_iter=STEPS, tol=TOLERANCE)
    return linear(estimator.fit(rows.features, rows.labels, rows.weights))


def linear(estimator: LogisticRegression) -> nn.Linear:
    """A logistic regression as a layer; of two classes the first has the logit 0."""
    weight, bias = estimator.coef_, estimator.intercept_
    if len(weight) == 1:
        weight, bias = np.vstack((0 * weight, weight)), np.append(0, bias)
    head = nn.Linear(weight.shape[1], len(weight))
    head.load_state_dict({"weight": _float(weight), "bias": _float(bias)})
    return head


def svm(rows: Rows, settings: Settings, seed: int) -> nn.Module:
    """One SVM with a Gaussian kernel for each class against the rest, in the leading principal components.

    :param settings: C, and gamma in units of 1 / (sum of the variances of the projected dimensions)
    """
    rows = thinned(rows, MACHINES_ROWS, seed)
    dimensions = min(PROJECTED, *rows.features.shape)
    projection = PCA(dimensions, svd_solver="randomized", random_state=seed).fit(rows.features).components_.T
    points = rows.features @ projection  # not centred: distances are the same
    gamma = settings["gamma"] / float(points.var(0).sum())
    machines = [
        SVC(C=settings["C"], gamma=gamma, cache_size=500).fit(points, rows.labels == c, rows.weights)
        for c in range(int(rows.labels.max()) + 1)
    ]
    return kernel(machines, projection, points, gamma)


def thinned(rows: Rows, most: int, seed: int) -> Rows:
    """At most so many rows, or one a class: the largest classes lose theirs first, and those left weigh the more."""
    held = np.bincount(rows.labels)
    if held.sum() <= most:
        return rows
    cap = next((size for size in range(most, 1, -1) if np.minimum(held, size).sum() <= most), 1)
    kept = np.minimum(held, cap)
    chosen = draw(rows.labels, kept, np.random.default_rng(seed))
    labels = rows.labels[chosen]
    weights = rows.weights[chosen] * (held / np.maximum(kept, 1))[labels]
    return Rows(rows.features[chosen], labels, weights.astype(np.float32))


def kernel(machines: list[SVC], projection: NDArray[np.float32], points: NDArray[np.float32], gamma: float) -> Kernel:
    """Machines, one a class, as one head.

    :param projection: (D, P)
    :param points: what each machine was fitted on, (N, P)
    """
    coefficients = np.zeros((len(points), len(machines)))
    for c, machine in enumerate(machines):
        coefficients[machine.support_, c] = machine.dual_coef_[0]
    kept = coefficients.any(1)
    return Kernel(
        {
            "projection": _float(projection),
            "vectors": _float(points[kept]),
            "coefficients": _float(coefficients[kept]),
            "bias": _float(np.concatenate([machine.intercept_ for machine in machines])),
            "gamma": torch.tensor(gamma),
        }
    )


def decision_tree(rows: Rows, settings: Settings, seed: int) -> nn.Module:
    """One tree (CART)."""
    estimator = DecisionTreeClassifier(random_state=seed, **settings)
    return averaged([estimator.fit(rows.features, rows.labels, rows.weights)])


def random_forest(rows: Rows, settings: Settings, seed: int) -> nn.Module:
    """Trees on bootstrap samples and random features (Breiman 2001)."""
    estimator = RandomForestClassifier(random_state=seed, n_jobs=torch.get_num_threads(), **settings)
    return averaged(estimator.fit(rows.features, rows.labels, rows.weights).estimators_)


def averaged(estimators: list[Any]) -> Averaged:
    """Classification trees as one head."""
    return Averaged(_nodes(estimators, lambda tree: tree.value[:, 0] / tree.value[:, 0].sum(1, keepdims=True)))


def gradient_boosting(rows: Rows, settings: Settings, seed: int) -> nn.Module:
    """Boosted regression trees (Friedman 2001)."""
    estimator = GradientBoostingClassifier(random_state=seed, **settings)
    return boosted(estimator.fit(rows.features, rows.labels, rows.weights), rows.features[:1])


def boosted(estimator: GradientBoostingClassifier, row: NDArray[np.float32]) -> Boosted:
    """Gradient boosting as one head; of two classes the logits are minus and plus half of the score.

    :param row: any row of features (1, D): what the trees do not say of it is where boosting began
    """
    rate = estimator.learning_rate
    rounds: list[list[Any]] = estimator.estimators_.tolist()
    trees = [tree for several in rounds for tree in several]
    score = np.sum([[rate * tree.predict(row)[0] for tree in several] for several in rounds], axis=0)
    bias = np.atleast_1d(np.squeeze(estimator.decision_function(row))) - score
    nodes = _nodes(trees, lambda tree: rate * tree.value[:, :, 0])
    if len(bias) == 1:
        nodes = {name: array if array.ndim == 0 else array.repeat_interleave(2, 0) for name, array in nodes.items()}
        nodes["value"] = nodes["value"] * torch.tensor([-0.5, 0.5]).repeat(len(rounds)).view(-1, 1, 1)
        bias = np.array([-0.5, 0.5]) * bias
    return Boosted(nodes | {"bias": _float(bias)})


def _nodes(estimators: list[Any], value: Callable[[Any], NDArray[np.float64]]) -> dict[str, Tensor]:
    """The nodes of trees, padded to the most that one has; see :class:`nightsort.learning.classical.heads.Trees`.

    :param value: of a tree, (nodes, V)
    """
    trees = [estimator.tree_ for estimator in estimators]
    most = max(tree.node_count for tree in trees)
    tables = [_table(tree) | {"value": value(tree)} for tree in trees]
    stacked = {name: np.stack([_padded(table[name], most) for table in tables]) for name in tables[0]}
    depth = torch.tensor(max(tree.max_depth for tree in trees))
    return {name: torch.from_numpy(array) for name, array in stacked.items()} | {"depth": depth}


def _table(tree: Any) -> dict[str, NDArray[Any]]:
    """Where each node leads; a leaf leads to itself, whatever it compares."""
    own, leaf = np.arange(tree.node_count), tree.children_left < 0
    return {
        "feature": np.where(leaf, 0, tree.feature),
        "threshold": rounded_down(tree.threshold),
        "left": np.where(leaf, own, tree.children_left),
        "right": np.where(leaf, own, tree.children_right),
    }


def _padded(column: NDArray[Any], length: int) -> NDArray[Any]:
    return np.pad(column, [(0, length - len(column)), *[(0, 0)] * (column.ndim - 1)])


def rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 not above each: what float32 numbers are not above is the same for both."""
    nearest = thresholds.astype(np.float32)
    lower = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > thresholds, lower, nearest).astype(np.float32)


def _float(values: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


LEARN: dict[Classical, Callable[[Rows, Settings, int], nn.Module]] = {
    "logistic-regression": logistic_regression,
    "svm": svm,
    "decision-tree": decision_tree,
    "random-forest": random_forest,
    "gradient-boosting": gradient_boosting,
}
