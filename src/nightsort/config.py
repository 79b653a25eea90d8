"""Owns every knob of a run: one pydantic model of parameters for each flow.

Invariant: building a model reads nothing, writes nothing and refuses unknown keys, so the same
model serves the command line, pipelines.yaml and the form in the Prefect UI.
Does not know where a value came from.
"""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Balance = Literal["none", "class_weights", "balanced_sampler", "balanced_softmax", "smote"]


class RunParams(BaseModel):
    """What every flow takes: where to keep things and what computes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    storage: str = Field(
        "nightsort-data",
        min_length=1,
        description="Storage root, a folder: holds datasets, models, predictions, reports.",
    )
    workers: int = Field(
        0, ge=0, le=1024, description="Worker processes of the local Dask cluster; 0 means one per core."
    )
    scheduler: str | None = Field(
        None,
        pattern=r"^\w+://.+:\d+$",
        description="Address of an external Dask scheduler (tcp://host:8786); empty starts a local one.",
    )


class IntakeParams(RunParams):
    """What the flows that read pictures take."""

    source: str = Field(min_length=1, description="Folder or archive (zip, tar, tar.gz, tar.bz2, tar.xz) of pictures.")
    chunk_size: int = Field(256, ge=1, le=10_000, description="Pictures per unit of work and of retry.")
    settle_seconds: float = Field(
        2.0, ge=0, le=3600, description="A file younger than this is looked at twice; if it still grows it is deferred."
    )
    max_pixels: int = Field(
        100_000_000, ge=1, le=2**30, description="A picture that declares more pixels is quarantined unread."
    )
    max_bytes: int = Field(
        200_000_000, ge=1, le=2**31 - 1, description="A file or archive member with more bytes is quarantined unread."
    )
    max_quarantined: float = Field(
        0.5, ge=0, le=1, description="Largest share of quarantined pictures before the run counts as failed."
    )
    min_quarantined: int = Field(
        20, ge=0, description="The share is only looked at when at least this many were quarantined."
    )


class IngestParams(IntakeParams):
    """Parameters of the flow `ingest`: labelled pictures in, a new dataset version out."""

    store_side: int | None = Field(
        None,
        ge=8,
        le=4096,
        description="Pictures are kept with a shorter side of at most this many pixels. Empty: as the dataset was "
        "begun, 256 for a new one.",
    )
    validation: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="Share of groups in the validation split. Empty: as the dataset was begun, 0.15 for a new one.",
    )
    test: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="Share of groups in the test split, frozen for the gate. Empty: as the dataset was begun, "
        "0.15 for a new one.",
    )
    group_by: str | None = Field(
        None,
        description="Regular expression on the path; pictures with the same first group never straddle splits. "
        "Empty: as the dataset was begun; in a new one each picture is its own group.",
    )

    @field_validator("group_by")
    @classmethod
    def _is_expression(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"must be a regular expression ({error})") from None
        return value


class TrainParams(RunParams):
    """Parameters of the flow `train`: a dataset version in, a judged model out."""

    dataset_version: int | None = Field(
        None, ge=0, description="Dataset version to learn from; empty means the newest."
    )
    model: str = Field("small_resnet", description="small_resnet, or any torchvision classification model by name.")
    image_size: int = Field(96, ge=16, le=1024, description="Side in pixels of the square picture the model sees.")
    epochs: int = Field(60, ge=1, le=1000, description="Passes over the training split, at most.")
    patience: int = Field(
        20, ge=1, description="Stop after this many epochs without a better validation macro-F1 (at a tie, loss)."
    )
    batch_size: int = Field(64, ge=2, le=4096, description="Pictures per training step.")
    learning_rate: float = Field(3e-3, gt=0, le=10, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.02, ge=0, le=1, description="Weight decay of AdamW.")
    balance: Balance = Field("balanced_softmax", description="How rare classes are given their due in training.")
    mixup: float = Field(0.2, ge=0, le=10, description="Alpha of mixup's beta distribution; 0 turns mixup off.")
    flip: Literal["none", "horizontal", "both"] = Field(
        "none", description="Mirror training pictures at random; leave none where mirroring changes the class."
    )
    abstain_below: float = Field(
        0.5, ge=0, lt=1, description="A calibrated confidence below this is an abstention, for a person to look at."
    )
    promote: bool = Field(True, description="Let the gate move the champion if the new model wins.")
    max_class_loss: float = Field(
        0.05, ge=0, le=1, description="The gate refuses a model that loses more than this much recall in any class."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of every random choice in training.")


class ClassifyParams(IntakeParams):
    """Parameters of the flow `classify`: new pictures in, one outcome for each out."""

    batch_size: int = Field(64, ge=1, le=4096, description="Pictures per forward pass.")
    rescore: bool = Field(
        False, description="Classify again what an earlier champion classified; otherwise only what is new."
    )


class RetrainParams(TrainParams):
    """Parameters of the flow `retrain`: take in new labels if a source is given, then train and judge."""

    source: str | None = Field(None, min_length=1, description="Labelled pictures to ingest first; empty means none.")


PARAMS: dict[str, type[RunParams]] = {
    "ingest": IngestParams,
    "train": TrainParams,
    "classify": ClassifyParams,
    "retrain": RetrainParams,
}
