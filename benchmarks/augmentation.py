"""When does augmentation into shards pay? Offline copies, online augmentation, both and neither, on a long tail.

    python benchmarks/augmentation.py [--source FOLDER_OR_ARCHIVE] [--seeds 3] [--epochs 30]

Without a source: the handwritten digits of scikit-learn, the training split falling off exponentially, twenty
to one, from digit 0 to digit 9, validation and test alike for all digits. A source of your own is split as an
ingest splits it. Every row trains with the same seeds on the same originals, through the same flows that a user
runs, and sees as many pictures in all: with copies an epoch is longer, so without them there are more epochs.
A row is the mean and the spread
over the seeds on the test split, which holds no copies.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from flows.augment import augment
from flows.ingest import ingest
from flows.train import train
from nightsort.config.curation import AugmentParams
from nightsort.config.intake import IngestParams
from nightsort.config.training import TrainParams

SIDE = 64  # pixels; the digits come as 8 x 8
TAIL = 20  # the commonest digit has this many times the training pictures of the rarest
HELD_OUT = {"test": 50, "validation": 20}  # of each digit


def main() -> None:
    """Ingest and augment once, then train every combination with every seed."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(folder) / "storage")
        own = arguments.source is not None
        source = arguments.source or write_digits(Path(folder) / "digits")
        # Digits of one class look alike to a perceptual hash; each is another drawing all the same.
        splits = {} if own else {"folder_splits": True, "near_duplicates": -1}
        taken = ingest(IngestParams(source=str(source), storage=root, settle_seconds=0, **splits))
        assert taken.ingest is not None
        counts = {item.label: item.train for item in taken.ingest.classes}
        print("training pictures:", ", ".join(f"{label} {count}" for label, count in counts.items()))
        below = arguments.below or max(counts.values())
        start = time.perf_counter()
        made = augment(AugmentParams(storage=root, below=below))
        assert made.augment is not None
        added = sum(item.total for item in made.augment.after) - sum(counts.values())
        print(f"{added} copies up to {below} a class in {time.perf_counter() - start:.1f} s\n")
        print(
            "| balance | offline | online | macro-F1 | accuracy | macro-F1 of the rarest third | seconds a training |"
        )
        print("|---|---|---|---|---|---|---|")
        rare = sorted(counts, key=lambda label: counts[label])[: max(1, len(counts) // 3)]
        longer = round(arguments.epochs * (1 + added / sum(counts.values())))
        versions = {
            "no": (taken.ingest.dataset_version, longer),
            "yes": (made.augment.dataset_version, arguments.epochs),
        }
        for balance in arguments.balance:
            for offline, (version, epochs) in versions.items():
                for online in (False, True):
                    asked = {"storage": root, "dataset_version": version, "balance": balance, "promote": False}
                    asked |= {"epochs": epochs, "patience": epochs, "flip": arguments.flip}
                    asked |= {"image_size": arguments.image_size}
                    figures = _row(asked, online, arguments.seeds, rare)
                    print(f"| {balance} | {offline} | {'yes' if online else 'no'} | {figures} |", flush=True)


def write_digits(into: Path) -> Path:
    """Folders train, validation and test of the 1,797 digits (Alpaydin & Kaynak 1998), the first long-tailed."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    for digit in range(10):
        members = [index for index in order if digits.target[index] == digit]
        start = 0
        kept = round((len(members) - sum(HELD_OUT.values())) * TAIL ** (-digit / 9))
        for split, count in {**HELD_OUT, "train": kept}.items():
            folder = into / split / str(digit)
            folder.mkdir(parents=True)
            for index in members[start : start + count]:
                grey = (digits.images[index] / 16 * 255).astype(np.uint8)
                cv2.imwrite(
                    str(folder / f"{index:04d}.png"), cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
                )
            start += count
    return into


def _row(asked: dict[str, Any], online: bool, seeds: int, rare: list[str]) -> str:
    start = time.perf_counter()
    pictures = "gentle" if online else "none"
    reports = [train(TrainParams(**asked, augment=pictures, seed=seed)) for seed in range(seeds)]
    seconds = (time.perf_counter() - start) / seeds
    scores = [report.training.scores for report in reports if report.training]
    tails = [statistics.mean(item.f1 or 0.0 for item in score.classes if item.label in rare) for score in scores]
    columns = ([score.macro_f1 for score in scores], [score.accuracy for score in scores], tails)
    return " | ".join([*map(_spread, columns), f"{seconds:.0f}"])


def _spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} +- {deviation:.3f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="labelled pictures of your own")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30, help="with copies")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--below", type=int, default=0, help="copies up to this many a class; 0: up to the largest")
    parser.add_argument("--flip", choices=["none", "horizontal", "both"], default="none", help="online only")
    parser.add_argument("--balance", nargs="+", default=["none", "balanced_softmax"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
