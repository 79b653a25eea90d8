"""Temperature scaling: finds the factor the logits were off by."""

import pytest
import torch

from nightsort.learning.temperature import fit_temperature


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_it_finds_how_much_too_sure_the_logits_are(factor):
    generator = torch.Generator().manual_seed(0)
    honest = 2 * torch.randn(8_000, 5, generator=generator)
    labels = torch.multinomial(honest.softmax(1), 1, generator=generator).squeeze(1)
    assert fit_temperature(honest * factor, labels) == pytest.approx(factor, rel=0.08)


def test_a_few_right_answers_do_not_make_every_confidence_one():
    logits = torch.eye(4) * 2
    scaled = (logits / fit_temperature(logits, torch.arange(4))).softmax(1)
    assert 0.8 < scaled.max() < 0.95
