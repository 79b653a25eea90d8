"""Takes the digits of the demo in, with those of its three nights as the test split, ready to compare on.

    python benchmarks/accuracy/digits.py FOLDER

`make demo` learns from 429 long-tailed digits, and 539 of other pictures, all digits alike, are what it is tried on.
Here the latter are the test split, which a comparison of strategies may look at.

Then: nightsort compare --storage FOLDER/storage --image-size 32 --seeds 3 --strategies none,balanced_softmax,smote
"""

import csv
import shutil
import sys
from pathlib import Path

import numpy as np

from flows.actions.samples import write_digits
from flows.ingest import ingest
from nightsort.config.intake import IngestParams

VALIDATION = 0.2  # of the labelled, class by class


def main() -> None:
    """Write the pictures and a manifest, and ingest what it names."""
    into = Path(sys.argv[1])
    samples = write_digits(into)
    rng = np.random.default_rng(0)
    rows = []
    for folder in sorted(samples.labelled.iterdir()):
        names = rng.permutation(sorted(file.name for file in folder.iterdir()))
        held = max(1, round(VALIDATION * len(names)))
        splits = ["validation"] * held + ["train"] * (len(names) - held)
        rows += [(f"labelled/{folder.name}/{name}", folder.name, s) for name, s in zip(names, splits, strict=True)]
    shutil.unpack_archive(samples.drops[2] / "night.zip", samples.drops[2])
    for file in sorted(file for drop in samples.drops for file in drop.rglob("*.png") if file.name in samples.truth):
        rows.append((str(file.relative_to(into / "pictures")), samples.truth[file.name], "test"))
    manifest = into / "manifest.csv"
    with manifest.open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "label", "split"), *rows])
    source = str(into / "pictures")
    ingest(IngestParams(source=source, manifest=str(manifest), storage=str(into / "storage"), near_duplicates=-1))


if __name__ == "__main__":
    main()
