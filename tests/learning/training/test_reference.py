"""A tiny training gives the losses that were recorded when it was known to be right.

A change that is meant to alter them records them anew: python tests/learning/training/test_reference.py
"""

import json
from pathlib import Path

import pytest
import torch

from nightsort.learning.fit import fit
from tests.learning.shapes import CLASSES, TRAIN, VALIDATION, params

RECORD = Path(__file__).with_name("reference_losses.json")


def losses() -> dict[str, list[float]]:
    """Losses of the epochs of a training in fp32 on one thread of the processor."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        history = fit(TRAIN, VALIDATION, CLASSES, params(epochs=3, learning_rate=0.002, ema=0.5)).history
    finally:
        torch.set_num_threads(threads)
    return {
        "train": [round(epoch.train_loss, 6) for epoch in history],
        "validation": [round(epoch.validation_loss, 6) for epoch in history],
    }


@pytest.mark.skipif(torch.cuda.is_available(), reason="recorded on a processor; a GPU draws other random numbers")
def test_the_losses_are_those_on_record() -> None:
    recorded, found = json.loads(RECORD.read_text(encoding="utf-8")), losses()
    assert found["train"] == pytest.approx(recorded["train"], rel=0.02)
    assert found["validation"] == pytest.approx(recorded["validation"], rel=0.02)


if __name__ == "__main__":
    RECORD.write_text(json.dumps(losses(), indent=1) + "\n", encoding="utf-8")
