"""Owns converting a torch network to OpenVINO's forms, fp32 and int8.

Invariant: equal networks and pictures give equal bytes; nothing is written to the terminal or sent
anywhere; a conversion that fails is an answer, not an error.
Does not know bundles or storage.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import rich
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nightsort.learning.classifier import Classifier
from nightsort.scoring.backends.runtime import get_logger_state, ov, restore_logger_state

_BATCH = 8
_REASON = 300  # characters of a converter's complaint that are kept


@dataclass(frozen=True)
class Forms:
    """What became of a conversion."""

    files: dict[str, bytes]  # fp32.xml, fp32.bin, int8.xml, int8.bin
    refused: dict[str, str]  # form -> why not


def convert(network: Classifier, calibration: NDArray[np.uint8], wanted: list[str]) -> Forms:
    """Convert a network, which stays as it is.

    :param calibration: RGB, uint8 (n, S, S, 3), n at least 1; at most 300 of them, evenly spread, are looked at
    :param wanted: of fp32 and int8
    """
    forms = Forms({}, {})
    with _quiet():
        try:
            model = _to_openvino(network, calibration.shape[1])
        except Exception as error:  # tracing runs the network's own code, and the converter refuses in many ways
            reason = _reason(error)
            return Forms({}, dict.fromkeys(wanted, reason))
        if "fp32" in wanted:
            forms.files.update(_files(model, "fp32"))
        if "int8" in wanted:
            try:
                forms.files.update(_files(_quantised(model, network, calibration), "int8"))
            except Exception as error:  # likewise
                forms.refused["int8"] = _reason(error)
    return forms


class _OfPictures(nn.Module):
    """A network that takes pictures as they lie in memory, uint8 (B, S, S, 3)."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits, float32 (B, C)."""
        logits: Tensor = self.network(pictures.permute(0, 3, 1, 2))
        return logits


def _to_openvino(network: Classifier, side: int) -> ov.Model:
    # Two pictures: a batch of one would be traced as a constant.
    example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    with torch.inference_mode():
        shape = [([-1, side, side, 3], ov.Type.u8)]
        return ov.convert_model(_OfPictures(network).eval(), example_input=example, input=shape)


def _quantised(model: ov.Model, network: Classifier, calibration: NDArray[np.uint8]) -> ov.Model:
    """Post-training quantisation of weights and activations (NNCF).

    Of a small ResNet on CIFAR-10, int8 gave the labels of fp32 to 95.3 % of the pictures with NNCF's defaults, to
    96.4 % with ranges taken over batches of 8, and to 98.9 % with the slower correction of biases too; the speed is
    the same.
    """
    import nncf

    nncf.set_log_level(logging.ERROR)
    attends = any(isinstance(layer, nn.MultiheadAttention | nn.LayerNorm) for layer in network.modules())
    batches = [calibration[i : i + _BATCH] for i in range(0, len(calibration), _BATCH)]
    return nncf.quantize(
        model,
        nncf.Dataset(batches),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(batches),
        fast_bias_correction=attends,  # the slower one is meant for convolutions, and a transformer is slow enough
        model_type=nncf.ModelType.TRANSFORMER if attends else None,
    )


def _files(model: ov.Model, form: str) -> dict[str, bytes]:
    """The two files of a model, its parts named by their order: OpenVINO counts on through the whole process."""
    model.set_friendly_name(form)
    for number, part in enumerate(model.get_ordered_ops()):
        part.set_friendly_name(f"{part.get_type_name()}_{number}")
    with TemporaryDirectory(prefix="nightsort-") as folder:
        ov.save_model(model, Path(folder) / f"{form}.xml", compress_to_fp16=False)
        return {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:_REASON] or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converters from the terminal: warnings, log and progress bars."""
    console = rich.get_console()  # NNCF draws its bars on it; Nightsort's have a console of their own
    log = logging.getLogger("torch")
    before = console.quiet, log.level
    root = get_logger_state()  # OpenVINO makes it its own where it fails: everybody's warnings would be lost
    console.quiet = True
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        console.quiet = before[0]
        log.setLevel(before[1])
        restore_logger_state(root)
