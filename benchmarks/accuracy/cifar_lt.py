"""Takes long-tailed CIFAR-10 in, by the protocol of the published tables (Cao et al. 2019), ready to train on.

    python benchmarks/accuracy/cifar_lt.py CIFAR.zip STORAGE [--imbalance 100] [--seed 0]

CIFAR.zip holds `train/<class>/NNNN.jpg` and `test/<class>/NNNN.jpg`. Of class c, in alphabetical order, 5000 *
imbalance ** (-c / 9) training pictures are drawn with the seed: 12,406 with an imbalance of 100. The test split is
the whole balanced test set. The protocol has no validation split, and Nightsort needs one: five pictures of each class
are taken from those 12,406, which is a slight handicap, and what else CIFAR-10 offers is not touched. Near-duplicates
are not looked for, since the protocol does not.

Then, for example: nightsort compare --storage STORAGE --strategies none,balanced_softmax --image-size 32
"""

import argparse
import csv
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from flows.ingest import ingest
from nightsort.config.intake import IngestParams

VALIDATION = 5  # pictures of each class


def main() -> None:
    """Write a manifest of the protocol, and ingest what it names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("storage", type=Path)
    parser.add_argument("--imbalance", type=float, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "manifest.csv"
        with manifest.open("w", newline="") as stream:
            csv.writer(stream).writerows(
                [("path", "label", "split"), *_rows(given.archive, given.imbalance, given.seed)]
            )
        report = ingest(
            IngestParams(
                source=str(given.archive), manifest=str(manifest), storage=str(given.storage), near_duplicates=-1
            )
        )
    assert report.ingest is not None
    for row in report.ingest.classes:
        print(f"{row.label:12} train {row.train:5}  validation {row.validation:3}  test {row.test:5}")


def _rows(archive: Path, imbalance: float, seed: int) -> Iterator[tuple[str, str, str]]:
    """Member, class and split of every picture of the protocol."""
    with zipfile.ZipFile(archive) as members:
        names = sorted(name for name in members.namelist() if name.endswith(".jpg"))
    classes = sorted({name.split("/")[1] for name in names})
    rng = np.random.default_rng(seed)
    for position, label in enumerate(classes):
        there = [name for name in names if name.startswith(f"train/{label}/")]
        count = int(len(there) * imbalance ** (-position / (len(classes) - 1)))
        drawn = rng.choice(there, count, replace=False).tolist()
        yield from ((name, label, "validation") for name in drawn[:VALIDATION])
        yield from ((name, label, "train") for name in drawn[VALIDATION:])
        yield from ((name, label, "test") for name in names if name.startswith(f"test/{label}/"))


if __name__ == "__main__":
    main()
