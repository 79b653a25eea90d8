"""Owns the words that a knob, a file or a report may use where only some are allowed.

Invariant: a word is added, never given another meaning. Does not know what is done with them.
"""

from typing import Literal

Colour = Literal["rgb", "grey"]
Crop = Literal["none", "foreground"]
Operation = Literal["rotate", "scale", "crop", "flip", "jitter", "noise", "erase", "blur"]
Balance = Literal["none", "class_weights", "balanced_sampler", "balanced_softmax", "smote"]
Backend = Literal[
    "torch-fp32", "torch-bf16", "openvino-fp32", "openvino-bf16", "openvino-int8", "cuda-fp32", "cuda-bf16"
]
"""What can compute a model's answers. torch-fp32 is the one that the others are held against."""
