"""Owns the knobs of a training: the model, how it learns, what it sees, how it is judged.

Invariant: what a knob means does not depend on the flow that takes it. Does not know where a value came from.
"""

from typing import get_args

from pydantic import Field

from nightsort.config.gate import GateParams
from nightsort.config.run import RunParams
from nightsort.rules import RuleText
from nightsort.words import Augment, Backend, Balance, Feature, Flip, Keep, Loading, Optimizer, Precision

_SEEN: list[Feature] = ["hog", "colour"]


class JudgedParams(GateParams):
    """What every flow takes that publishes a model: how its answers are read, measured and judged."""

    dataset_version: int | None = Field(
        None, ge=0, description="Dataset version to learn from; empty means the newest."
    )
    abstain_below: float = Field(
        0.5, ge=0, lt=1, description="A calibrated confidence below this is an abstention, for a person to look at."
    )
    target_precision: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Abstain, class by class, below the confidence that reaches this precision on the validation "
        "split; empty means abstain_below alone.",
    )
    promote: bool = Field(True, description="Let the gate move the champion if the new model wins.")
    robustness: bool = Field(
        False, description="Measure the model under 15 corruptions, occlusion and two attacks, for the report."
    )
    backends: list[Backend] = Field(
        default_factory=lambda: list(get_args(Backend)),
        description="What may compute the model's answers: each that this machine has is measured, and the fastest "
        "that agrees with torch-fp32 is used.",
    )
    min_agreement: float = Field(
        0.995, ge=0, le=1, description="A backend that agrees with torch-fp32 on fewer validation pictures is refused."
    )
    max_backend_loss: float = Field(
        0.01, ge=0, le=1, description="A backend that loses more than this much recall in any class is refused."
    )


class PictureParams(RunParams):
    """How training pictures are varied, so that the model learns what stays the same."""

    augment: Augment = Field(
        "gentle",
        description="How pictures are varied: gentle moves and colours them a little; trivial, rand and auto are "
        "torchvision's policies, for natural pictures.",
    )
    flip: Flip = Field(
        "none", description="Mirror training pictures at random; leave none where mirroring changes the class."
    )
    mixup: float = Field(0.2, ge=0, le=10, description="Alpha of mixup's beta distribution; 0 turns mixup off.")
    cutmix: float = Field(
        0.0, ge=0, le=10, description="Alpha of CutMix; with mixup too, each batch takes one of both."
    )
    erasing: float = Field(
        0.0, ge=0, le=1, description="Share of training pictures that lose a random rectangle, against occlusion."
    )
    noise: float = Field(
        0.0, ge=0, le=100, description="Standard deviation of noise added to training pictures, in grey levels of 255."
    )
    adversarial: float = Field(
        0.0, ge=0, le=32, description="Train on pictures changed by FGSM by this many grey levels of 255; 0 is off."
    )


class FitParams(PictureParams):
    """How a model learns."""

    model: str = Field(
        "small_resnet",
        description="A network: small_resnet, resnet32, whitened_net, or any torchvision classification model; or a "
        "classical model: logistic-regression, svm, decision-tree, random-forest, gradient-boosting.",
    )
    image_size: int = Field(96, ge=16, le=1024, description="Side in pixels of the square picture the model sees.")
    weights: str | None = Field(
        None,
        min_length=1,
        description="Weights to start from: imagenet (torchvision's, by name), champion, or a file.safetensors; "
        "empty means random.",
    )
    frozen_epochs: int = Field(
        0, ge=0, le=1000, description="Epochs in which the head alone learns; with as many as epochs the body stays."
    )
    features: list[Feature] = Field(
        default_factory=lambda: list(_SEEN),
        min_length=1,
        description="What a classical model sees: hog, sift, colour, or the embedding of a network with weights.",
    )
    embedder: str = Field("resnet18", description="Network that makes the feature embedding, from the given weights.")
    balance: Balance = Field("balanced_softmax", description="How rare classes are given their due in training.")
    epochs: int = Field(60, ge=1, le=1000, description="Passes over the training split, at most.")
    patience: int = Field(
        20, ge=1, description="Stop after this many epochs without a better validation macro-F1 (at a tie, loss)."
    )
    keep: Keep = Field(
        "best",
        description="Keep the weights of the best epoch on validation, or of the last, where that split is tiny.",
    )
    batch_size: int | None = Field(
        None, ge=2, le=4096, description="Pictures per training step; empty chooses by the size of the training split."
    )
    accumulate: int = Field(1, ge=1, le=64, description="Forward passes per step, to hold less in memory at a time.")
    optimizer: Optimizer = Field("adamw", description="What changes the weights.")
    learning_rate: float = Field(3e-3, gt=0, le=10, description="Peak learning rate, after the warm-up.")
    warmup: float = Field(0.25, ge=0, lt=1, description="Share of the steps in which the learning rate rises.")
    weight_decay: float = Field(0.02, ge=0, le=1, description="Weight decay, of weights only.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Share of each target that goes to all classes alike.")
    max_gradient_norm: float = Field(1.0, gt=0, description="Gradients longer than this are shortened to it.")
    ema: float = Field(
        0.0, ge=0, lt=1, description="Decay a step of the moving average of the weights that is kept; 0 is off."
    )
    precision: Precision = Field(
        "auto", description="Of the forward pass; auto is bf16 on a GPU that has it, else fp32."
    )
    compile: bool = Field(False, description="Compile the network with torch.compile; needs a C++ compiler.")
    processes: int = Field(1, ge=1, le=64, description="Processes that train together; with GPUs, one for each.")
    loading: Loading = Field(
        "auto", description="Keep decoded pictures in a file, or stream them from the shards; auto does what fits."
    )
    checkpoint_seconds: float = Field(
        60.0, gt=0, description="Write down the state of a training this often; a killed one goes on from there."
    )
    tensorboard: bool = Field(
        False, description="Log to TensorBoard (the extra 'tensorboard'), below the storage root."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of every random choice in training.")


class TrainParams(FitParams, JudgedParams):
    """Parameters of the flow `train`: a dataset version in, a judged model out."""


class RetrainParams(TrainParams):
    """Parameters of the flow `retrain`: take in new labels if a source is given, then train and judge."""

    source: str | None = Field(None, min_length=1, description="Labelled pictures to ingest first; empty means none.")
    manifest: str | None = Field(None, min_length=1, description="Their manifest, if the class is not the folder.")
    rules: list[RuleText] = Field(
        default_factory=list, description="Rules of quality for them, such as 'sharpness < 20: flag'; see ingest."
    )
    if_needed: bool = Field(
        False, description="Do nothing unless enough labels arrived since the last training, or pictures drifted."
    )
    min_new_labels: int = Field(100, ge=1, description="With if_needed: as many labels as this are enough.")
    on_drift: bool = Field(
        True, description="With if_needed: new labels and drift since the last training are enough, too, however few."
    )
    cool_down_hours: float = Field(
        20.0,
        ge=0,
        description="With if_needed: do nothing so soon after the last training began. Less than a day, so that a "
        "nightly question is not put off by a minute.",
    )
    rescore: str | None = Field(
        None, min_length=1, description="Pictures to classify again if a new champion comes of it, such as an archive."
    )
