"""Owns the retraining of the head on embeddings that SMOTE balanced.

Invariant: the body's weights do not change, and only embeddings of the training split are interpolated.
Does not know how the body was trained.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nightsort.balance.plan import Plan
from nightsort.balance.synthesis import synthesis_notes, synthesise
from nightsort.learning import predict
from nightsort.learning.pictures import Pictures
from nightsort.learning.validation import validate
from nightsort.learning.zoo import Classifier

PENALTY = 1e-3
"""L2 penalty on the head's weights, per squared unit; embeddings are standardised meanwhile."""


def retrain_head(
    model: Classifier, train: Pictures, validation: Pictures, classes: list[str], plan: Plan, seed: int
) -> list[str]:
    """Fit the head anew on the training split's embeddings, balanced by SMOTE (decoupled training, Kang et al. 2020).

    :param model: changed in place, its head only
    :return: notes for the report
    """
    before = validate(model, validation).macro_f1
    embedded = predict.embeddings(model, train.images).numpy()
    rows, labels = synthesise(embedded, train.labels, plan.targets, seed)
    _fit_linear(model.head, torch.from_numpy(rows), torch.from_numpy(labels))
    after = validate(model, validation).macro_f1
    return [
        f"SMOTE: head retrained on {len(labels)} embeddings, {len(labels) - len(train)} of them synthetic; "
        f"validation macro-F1 {before:.3f} -> {after:.3f}",
        *synthesis_notes(plan.before, classes),
    ]


def _fit_linear(head: nn.Linear, rows: Tensor, labels: Tensor) -> None:
    """Multinomial logistic regression by L-BFGS, starting from zero so that the seed has no say.

    :param rows: float32 (N, D)
    :param labels: int64 (N,)
    """
    mean, std = rows.mean(0), rows.std(0).clamp(min=1e-6)
    standard = (rows - mean) / std
    weight = torch.zeros_like(head.weight, requires_grad=True)
    bias = torch.zeros_like(head.bias, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(standard, weight, bias), labels) + PENALTY * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():  # fold the standardisation into the head
        head.weight.copy_(weight / std)
        head.bias.copy_(bias - (weight / std) @ mean)
