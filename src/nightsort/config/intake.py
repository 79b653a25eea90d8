"""Owns the knobs of the flows that read pictures: ingest and classify.

Invariant: a field that a dataset settles for good is None unless somebody asked for it.
Does not know where a value came from.
"""

import re
from typing import Any

from pydantic import Field, field_validator

from nightsort.config.run import RunParams
from nightsort.rules import RuleText
from nightsort.words import Backend, Colour, Crop


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
    crop: Crop | None = _settled(
        "Crop to the foreground, one object on a plain ground; by saliency, to what stands out of a cluttered scene; "
        "or none: leave the picture whole. Both leave it whole where they find nothing.",
        "none",
    )
    near_duplicates: int | None = _settled(
        "Pictures whose 64-bit perceptual hashes differ in at most this many bits, and look alike otherwise too, are "
        "kept in one split; -1 looks for none. A new dataset of which a tenth would be one cluster takes fewer by "
        "itself.",
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
    sample: int = Field(
        200,
        ge=0,
        le=5000,
        description="Pictures of a run, drawn at random, that are looked at more closely: for drift of embeddings, the "
        "newest challenger's opinion, activation maps; 0 is none.",
    )
    drift_alpha: float = Field(
        0.01, gt=0, lt=0.5, description="Share of nights without drift that may be reported as drifted, at most."
    )
    rescore: bool = Field(
        False, description="Classify again what an earlier champion classified; otherwise only what is new."
    )
