"""Owns the words that a knob, a file or a report may use where only some are allowed.

Invariant: a word is added, never given another meaning; what each means, :mod:`nightsort.glossary` says. Does not
know what is done with them.
"""

from typing import Literal

Colour = Literal["rgb", "grey"]
Crop = Literal["none", "foreground", "saliency"]
Operation = Literal["rotate", "scale", "crop", "flip", "jitter", "noise", "erase", "blur"]
Balance = Literal[
    "none",
    "class_weights",
    "effective_number",
    "oversampling",
    "undersampling",
    "square_root_sampling",
    "deferred_sampling",
    "focal",
    "balanced_softmax",
    "logit_adjustment",
    "ldam_drw",
    "smote",
    "borderline_smote",
    "adasyn",
    "pixel_smote",
]
"""How rare classes are given their due in training."""

Classical = Literal["logistic-regression", "svm", "decision-tree", "random-forest", "gradient-boosting"]
"""Models of scikit-learn, on features."""

Feature = Literal["hog", "sift", "colour", "embedding"]
Augment = Literal["none", "gentle", "trivial", "rand", "auto"]
Flip = Literal["none", "horizontal", "both"]
Optimizer = Literal["adamw", "sgd"]
Precision = Literal["auto", "fp32", "bf16"]
Keep = Literal["best", "last"]
Loading = Literal["auto", "decoded", "stream"]
Combine = Literal["vote", "mean", "weighted", "soup"]
Tunable = Literal[
    "model",
    "learning_rate",
    "weight_decay",
    "batch_size",
    "balance",
    "mixup",
    "cutmix",
    "erasing",
    "augment",
    "label_smoothing",
    "optimizer",
    "ema",
]
"""Knobs of a training that can be searched."""

Flow = Literal["ingest", "train", "classify", "retrain", "compare", "tune", "ensemble", "augment", "audit", "promote"]
"""What a pipeline does; :data:`nightsort.config.catalogue.PARAMS` has the parameters of each."""

Trigger = Literal["labels", "drift"]
"""What starts a pipeline by itself: labels that arrived, pictures that drifted."""

Occasion = Literal["failed", "crashed", "refused", "drift"]
"""What people want to be told of: a run failed, its process died, the gate refused a model, pictures drifted."""

Verdict = Literal["label", "skip", "unusable"]
"""What a person said of a picture in review: its label, nothing, or that no label fits."""

Backend = Literal[
    "torch-fp32", "torch-bf16", "openvino-fp32", "openvino-bf16", "openvino-int8", "cuda-fp32", "cuda-bf16"
]
"""What can compute a model's answers. torch-fp32 is the one that the others are held against."""
