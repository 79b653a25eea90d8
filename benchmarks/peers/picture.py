"""What a contender does to one picture: bare, or with the very checks that Nightsort makes.

Equal checks are equal code: the contenders call Nightsort's own functions, so that what is compared
is everything around them: finding, reading, handing out, writing.
"""

import argparse
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nightsort.errors import PictureError
from nightsort.images.appearance import appearance
from nightsort.images.clean import Cleaning
from nightsort.images.preprocess import decode_original, encode_for_store

SIDE = 256
"""Shorter side that a picture is reduced to, as in a new dataset."""

_MAX_PIXELS = 100_000_000


def row(data: bytes, checks: bool) -> dict[str, Any] | None:
    """The columns of one picture; None if it cannot be decoded.

    :param checks: also hash, guard the decode, measure, and hash perceptually
    """
    if not checks:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        return None if picture is None else {"image": encode_for_store(data, picture, SIDE, changed=False)}
    try:
        decoded = decode_original(data, _MAX_PIXELS, SIDE, Cleaning())
    except PictureError:
        return None
    sha256 = hashlib.sha256(data).hexdigest()
    image = encode_for_store(data, decoded.pixels, SIDE, changed=not decoded.is_whole)
    return {"image": image, "sha256": sha256, **appearance(decoded)}


@dataclass(frozen=True)
class Job:
    """What every contender is told on its command line."""

    source: Path  # a folder of class folders, or a zip of one
    out: Path  # an empty folder; Parquet files go there
    workers: int
    checks: bool


def folder(job: Job) -> Path:
    """The source as a folder, for those who read no zip: unpacking it is part of their work."""
    if job.source.is_dir():
        return job.source
    with zipfile.ZipFile(job.source) as archive:
        archive.extractall(job.out / "unpacked")
    return job.out / "unpacked"


def job(description: str | None) -> Job:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--checks", action="store_true")
    return Job(**vars(parser.parse_args()))
