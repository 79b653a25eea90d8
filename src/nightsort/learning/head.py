"""Owns what a strategy of balancing does to the head after training: a refit, or a shift of its bias.

Invariant: the body's weights do not change; only embeddings of the training split are interpolated, and only the
validation split chooses. Does not know how the body was trained.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.metrics import recall_score
from torch import Tensor, nn

from nightsort.balance.plan import ON_EMBEDDINGS, Plan
from nightsort.balance.synthesis import synthesise
from nightsort.learning import predict
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Feed, Pictures, each
from nightsort.learning.networks.heads import CosineHead
from nightsort.learning.validation import macro_f1, validate

PENALTY = 1e-3
"""L2 penalty on the head's weights, per squared unit; embeddings are standardised meanwhile."""

TAUS = tuple(step / 10 for step in range(21))
"""Strengths of logit adjustment that validation chooses from; 1 is what theory says (Menon et al. 2021)."""


def finish(
    model: Classifier, train: Feed, validation: Pictures, classes: list[str], plan: Plan, seed: int
) -> list[str]:
    """Do to a trained model what its strategy leaves for the end; most leave nothing, and so do all with even classes.

    :param model: changed in place, its head only
    :return: notes for the report
    """
    if plan.strategy not in (*ON_EMBEDDINGS, "logit_adjustment") or np.ptp(plan.before) == 0:
        return []
    head = model.head
    if not isinstance(head, nn.Linear | CosineHead) or head.bias is None:
        kind = type(head).__name__
        return [f"{plan.strategy}: needs a linear head with a bias, this one is {kind}; the model stays as trained"]
    if plan.strategy == "logit_adjustment":
        return [_adjust(model, head, validation, plan)]
    return _retrain(model, head, train, validation, classes, plan, seed)


def _adjust(model: Classifier, head: nn.Linear | CosineHead, validation: Pictures, plan: Plan) -> str:
    """Lower each logit by tau times the class's log prior (Menon et al. 2021, equation 9), tau by validation.

    Of equal taus by macro-F1, then balanced accuracy, the one nearest 1. The loss form with tau = 1 is balanced
    softmax, see :func:`nightsort.learning.losses.balanced_softmax`.
    """
    prior = np.log(plan.before / plan.before.sum())
    logits = predict.logits(model, validation.images).float().cpu().numpy()
    merits = {tau: _merit(validation.labels, (logits - tau * prior).argmax(1)) for tau in TAUS}
    tau = max(TAUS, key=lambda tau: (*merits[tau], -abs(tau - 1)))
    with torch.no_grad():
        head.bias -= torch.from_numpy(tau * prior).to(head.bias)
    return f"logit_adjustment: tau={tau:g}; validation macro-F1 {merits[0.0][0]:.3f} -> {merits[tau][0]:.3f}"


def _merit(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> tuple[float, float]:
    """Macro-F1 and balanced accuracy over the classes that the split holds."""
    recall = recall_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)
    return macro_f1(labels, predicted), float(recall)


def _retrain(
    model: Classifier,
    head: nn.Linear | CosineHead,
    train: Feed,
    validation: Pictures,
    classes: list[str],
    plan: Plan,
    seed: int,
) -> list[str]:
    """Fit the head anew on the training split's embeddings, balanced (decoupled training, Kang et al. 2020)."""
    before = validate(model, validation).macro_f1
    embedded = each(train, lambda images: predict.embeddings(model, images).float().cpu().numpy())
    rows, labels, notes = synthesise(plan.strategy, embedded, train.labels, plan.targets, classes, seed)
    fit = _linear if isinstance(head, nn.Linear) else _cosine
    fit(head, torch.from_numpy(rows), torch.from_numpy(labels))
    after = validate(model, validation).macro_f1
    return [
        f"{plan.strategy}: head retrained on {len(labels)} embeddings, {len(labels) - len(train)} of them synthetic; "
        f"validation macro-F1 {before:.3f} -> {after:.3f}",
        *notes,
    ]


def _linear(head: nn.Linear | CosineHead, rows: Tensor, labels: Tensor) -> None:
    """Multinomial logistic regression, starting from zero so that the seed has no say.

    :param rows: float32 (N, D)
    :param labels: int64 (N,)
    """
    mean, std = rows.mean(0), rows.std(0).clamp(min=1e-6)
    standard = (rows - mean) / std
    weight, bias = torch.zeros(head.weight.shape), torch.zeros(head.bias.shape)
    _minimise(
        lambda: F.cross_entropy(F.linear(standard, weight, bias), labels) + PENALTY * weight.square().sum(),
        [weight, bias],
    )
    with torch.no_grad():  # fold the standardisation into the head
        head.weight.copy_(weight / std)
        head.bias.copy_(bias - (weight / std) @ mean)


def _cosine(head: nn.Linear | CosineHead, rows: Tensor, labels: Tensor) -> None:
    """The same for a cosine head, starting from the mean direction of each class; its length has no say."""
    copy = CosineHead(rows.shape[1], len(head.weight))
    directions = F.normalize(rows)
    with torch.no_grad():
        copy.weight.copy_(torch.stack([directions[labels == c].mean(0) for c in range(len(copy.weight))]))
    _minimise(lambda: F.cross_entropy(copy(rows), labels), [copy.weight])
    with torch.no_grad():
        head.weight.copy_(copy.weight)


def _minimise(loss: Callable[[], Tensor], parameters: list[Tensor]) -> None:
    """L-BFGS on all rows at once."""
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.LBFGS(parameters, max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
