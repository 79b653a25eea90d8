"""What torch computes, OpenVINO computes alike, whatever kind of model it is."""

import numpy as np
import pytest
import torch

from nightsort.learning.architecture import Architecture, Ensemble, Network
from nightsort.learning.predict import batch
from nightsort.learning.zoo import build
from nightsort.scoring.backends.conversion import convert
from nightsort.scoring.backends.openvino import Compiled
from nightsort.scoring.backends.runtime import core

SIDE = 16
SMALL, WHITENED = Network(name="small_resnet"), Network(name="whitened_net")
KINDS: dict[str, Architecture] = {
    "cosine": Network(name="small_resnet", head="cosine"),
    "resnet32": Network(name="resnet32"),
    "ensembles": Ensemble(combine="weighted", members=[Ensemble(combine="vote", members=[SMALL, WHITENED]), SMALL]),
}


@pytest.mark.parametrize("architecture", KINDS.values(), ids=KINDS)
def test_openvino_agrees_with_torch(architecture: Architecture) -> None:
    torch.manual_seed(0)
    network = build(architecture, 5).eval()
    pictures = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3), np.uint8)
    forms = convert(network, pictures[:2], ["fp32"])
    assert forms.refused == {}
    model = core().read_model(forms.files["fp32.xml"], forms.files["fp32.bin"])
    with torch.inference_mode():
        expected = network(batch(pictures)).numpy()
    np.testing.assert_allclose(Compiled(model, len(pictures), "f32", 1)(pictures), expected, rtol=1e-3, atol=1e-3)
