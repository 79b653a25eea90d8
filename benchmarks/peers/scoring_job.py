"""What each scoring contender is told on its command line, and how it stores what it found."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SIDE = 224  # pixels
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # those of ImageNet, as the examples have them


@dataclass(frozen=True)
class Job:
    """One run of a contender."""

    source: Path  # a flat folder of JPEG files
    out: Path  # a folder; Parquet goes there
    network: str  # as torchvision names it
    classes: int
    workers: int  # processes or actors that load pictures
    batch: int
    bf16: bool  # and channels-last with it


def job(description: str | None) -> Job:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--bf16", action="store_true")
    return Job(**vars(parser.parse_args()))


def write(job: Job, paths: list[str], labels: list[int], confidences: list[float]) -> None:
    """One Parquet file with a row a picture."""
    table = pa.table({"path": paths, "label": labels, "confidence": confidences})
    pq.write_table(table, job.out / "predictions.parquet")
