"""A training that was judged in full, for the tests of what a report shows of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightsort.evaluation.metrics import evaluate
from nightsort.evaluation.thresholds import for_precision
from nightsort.reports.data import Report
from nightsort.reports.learned import MAX_MISTAKES, Mistake, TrainingPart


@pytest.fixture
def judged_part(
    training_part: Callable[..., TrainingPart], classified_report: Callable[..., Report]
) -> Callable[..., TrainingPart]:
    """Builder of a training part with every figure; the last class has no test picture."""

    def judged(
        labels: list[str] | None = None, pictures: int = 300, mistakes: int = MAX_MISTAKES, **changes: Any
    ) -> TrainingPart:
        part = training_part(labels, [5] * len(labels)) if labels else training_part()
        names, rng = [row.label for row in part.before], np.random.default_rng(0)
        true = rng.integers(0, len(names) - 1, pictures)
        likely = rng.dirichlet(np.full(len(names), 0.3), pictures) + 0.6 * np.eye(len(names))[true]
        probabilities = (likely / likely.sum(1, keepdims=True)).astype(np.float32)
        thresholds, notes = for_precision(probabilities, true, names, 0.9, 0.5)
        shown = (2 * classified_report().classify.least_certain)[:mistakes]
        found = {
            "scores": evaluate(probabilities, true, names, np.array([row.total for row in part.before])),
            "thresholds": thresholds,
            "notes": notes,
            "mistakes": [Mistake(picture=item, activation=shown[0].image) for item in shown],
        }
        return part.model_copy(update=found | changes)

    return judged
