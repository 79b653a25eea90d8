"""Owns every knob of a run: one pydantic model of parameters for each flow.

Invariant: building a model reads nothing, writes nothing and refuses unknown keys, so the same
model serves the command line, pipelines.yaml and the form in the Prefect UI.
Does not know where a value came from.
"""

import re
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nightsort.rules import RuleText
from nightsort.words import Backend, Balance, Colour, Crop, Operation


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

    source: str = Field(
        min_length=1,
        description="Pictures: a folder, a bucket (s3://, gs://, az://, https://), an archive (zip, tar, tar.gz, .bz2, "
        ".xz, .zst), a video, MNIST's IDX or CIFAR's binary files.",
    )
    chunk_size: int = Field(
        512, ge=1, le=10_000, description="Pictures per unit of work, of retry and of commit, at most."
    )
    settle_seconds: float = Field(
        2.0, ge=0, le=3600, description="A file younger than this is looked at twice; if it still grows it is deferred."
    )
    max_pixels: int = Field(
        100_000_000, ge=1, le=2**30, description="A picture that declares more pixels is quarantined unread."
    )
    max_bytes: int = Field(
        200_000_000, ge=1, le=2**31 - 1, description="A file or archive member with more bytes is quarantined unread."
    )
    max_members: int = Field(
        5_000_000, ge=1, description="Members of an archive that are looked at; what is beyond them is quarantined."
    )
    max_ratio: float = Field(
        200.0, ge=1, description="An archive member that unpacks to more than this many times its size is quarantined."
    )
    frames_per_second: float = Field(1.0, gt=0, le=1000, description="Frames taken of each second of a video.")
    strict: bool = Field(
        False, description="Decode with a second decoder too, and quarantine where the two see different pictures."
    )
    worker_memory: int = Field(
        0, ge=0, description="Memory of a worker process in MB, at most; 0 means its share of the machine's."
    )
    max_quarantined: float = Field(
        0.5, ge=0, le=1, description="Largest share of quarantined pictures, 0 to 1; with more the run stops as failed."
    )
    max_quarantined_chunk: float = Field(
        0.95,
        ge=0,
        le=1,
        description="The same share of one chunk of pictures, so that a source that goes bad is named at once.",
    )
    min_quarantined_chunk: int = Field(
        100,
        ge=1,
        description="With fewer quarantined in a chunk than this, max_quarantined_chunk does not stop the run.",
    )
    min_quarantined: int = Field(
        20, ge=0, description="With fewer quarantined than this, max_quarantined does not stop the run."
    )


def _settled(description: str, default: str, **bounds: float) -> Any:
    """A field that a dataset's first ingest settles for good; see :class:`nightsort.dataset.policy.Policy`."""
    text = f"{description} Empty: as the dataset was begun, {default} for a new one."
    return Field(None, description=text, **bounds)  # type: ignore[call-overload]


class IngestParams(IntakeParams):
    """Parameters of the flow `ingest`: labelled pictures in, a new dataset version out."""

    chunk_size: int = Field(
        4096, ge=1, le=100_000, description="Pictures per unit of work and of retry, at most; and at most 32 MB."
    )
    manifest: str | None = Field(
        None,
        min_length=1,
        description="CSV, Parquet or JSON Lines with path, label and, if wanted, group, split, weight, roi; or COCO "
        "image labels (.json). Empty: the class is the folder.",
    )
    rules: list[RuleText] = Field(
        default_factory=list,
        description="Rules of quality, such as 'sharpness < 20: flag' or 'brightness < 5: quarantine'; measures are "
        "width, height, aspect, sharpness, brightness, contrast, entropy.",
    )
    folder_splits: bool | None = _settled("Take the folders train, validation and test as the splits.", "false")
    colour: Colour | None = _settled("Keep pictures as rgb or as grey.", "rgb")
    orient: bool | None = _settled("Turn pictures upright as EXIF says.", "true")
    denoise: float | None = _settled("Strength of non-local-means denoising, 0 is none.", "0", ge=0, le=30)
    equalize: float | None = _settled(
        "Clip limit of the local contrast equalisation CLAHE, 0 is none.", "0", ge=0, le=40
    )
    crop: Crop | None = _settled("Crop to the foreground, or leave the picture whole.", "none")
    near_duplicates: int | None = _settled(
        "Pictures whose 64-bit perceptual hashes differ in at most this many bits, and look alike otherwise too, are "
        "kept in one split; -1 looks for none.",
        "10",
        ge=-1,
        le=12,
    )
    store_side: int | None = _settled(
        "Pictures are kept with a shorter side of at most this many pixels.", "256", ge=8, le=4096
    )
    validation: float | None = _settled("Share of groups in the validation split.", "0.15", gt=0, lt=0.5)
    test: float | None = _settled("Share of groups in the test split, frozen for the gate.", "0.15", gt=0, lt=0.5)
    group_by: str | None = _settled(
        "Regular expression on the path; pictures with the same first group never straddle splits.", "none"
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


class ClassifyParams(IntakeParams):
    """Parameters of the flow `classify`: new pictures in, one outcome for each out."""

    workers: int = Field(
        0,
        ge=0,
        le=1024,
        description="Worker processes of the local Dask cluster; 0 means one for every 16 cores. Each holds the model "
        "once and decodes and classifies on a thread per core.",
    )
    batch_size: int | None = Field(
        None, ge=1, le=4096, description="Pictures per forward pass; empty means what suits the backend."
    )
    backend: Backend | None = Field(
        None, description="What computes the answers; empty means the fastest that agrees with torch-fp32."
    )
    rescore: bool = Field(
        False, description="Classify again what an earlier champion classified; otherwise only what is new."
    )


class AugmentParams(RunParams):
    """Parameters of the flow `augment`: rare classes filled up with varied copies of their training pictures."""

    below: int = Field(ge=1, description="Classes with fewer training pictures are filled up to this many.")
    operations: list[Operation] = Field(
        default_factory=lambda: [name for name in get_args(Operation) if name != "flip"],
        min_length=1,
        description="What may be done to a picture, two or three at a time; add flip where mirroring keeps the class.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of every random choice.")


class AuditParams(RunParams):
    """Parameters of the flow `audit`: what in the dataset a person should look at."""

    dataset_version: int | None = Field(None, ge=0, description="Dataset version to audit; empty means the newest.")
    similarity: float = Field(
        0.85, gt=0, le=1, description="Pictures whose whitened embeddings have this cosine or more are near-twins."
    )
    outliers: float = Field(
        4.0, gt=0, description="A picture this many robust deviations further from its class than usual is an outlier."
    )
    label_noise: bool = Field(
        False, description="Look for wrong labels with cleanlab (the extra 'label-noise'): takes a cross-validation."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of the random split and of the cross-validation.")


class RetrainParams(TrainParams):
    """Parameters of the flow `retrain`: take in new labels if a source is given, then train and judge."""

    source: str | None = Field(None, min_length=1, description="Labelled pictures to ingest first; empty means none.")
    manifest: str | None = Field(None, min_length=1, description="Their manifest, if the class is not the folder.")


PARAMS: dict[str, type[RunParams]] = {
    "ingest": IngestParams,
    "train": TrainParams,
    "classify": ClassifyParams,
    "retrain": RetrainParams,
    "augment": AugmentParams,
    "audit": AuditParams,
}
