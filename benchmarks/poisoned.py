"""How often a training on arrivals with wrong labels is vetoed: handwritten digits, labels flipped at random.

    python benchmarks/poisoned.py FOLDER [--trials 200]

FOLDER keeps the root. The digits are the 1,797 that scikit-learn ships (Alpaydin & Kaynak 1998). A quarter of them
trains the champion; of the others, which arrive later, every trial draws some with replacement and flips the label of
each with a given probability to another digit. 0 % is the rate of false vetoes.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from flows.ingest import ingest
from flows.train import train
from nightsort.config.gate import GateParams
from nightsort.config.intake import IngestParams
from nightsort.config.training import TrainParams
from nightsort.curation import suspicion
from nightsort.curation.arrived import arrived
from nightsort.dataset.versions import Dataset
from nightsort.evaluation.opinion import opinion
from nightsort.learning import bundle
from nightsort.storage import Storage

_SIZES = (30, 50, 100, 300, 1000)
_FLIPPED = (0.0, 0.05, 0.1, 0.2)
_MOST = GateParams(storage="unused").max_suspect_labels


def main() -> None:
    """Print how many trials are vetoed, by number of arrivals and share of wrong labels."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--trials", type=int, default=200)
    arguments = asked.parse_args()
    said, labels, usual = _champion(_root(arguments.folder))
    print(f"vetoes in {arguments.trials} trials, by number of arrivals: {', '.join(map(str, _SIZES))}")
    for share in _FLIPPED:
        rng = np.random.default_rng(0)
        row = [sum(_vetoed(said, labels, usual, n, share, rng) for _ in range(arguments.trials)) for n in _SIZES]
        print(f"{share:5.0%} flipped: " + " ".join(f"{count:4}" for count in row), flush=True)


def _vetoed(
    said: NDArray[np.float32],
    labels: NDArray[np.int64],
    usual: suspicion.Usual,
    size: int,
    share: float,
    rng: np.random.Generator,
) -> bool:
    rows = rng.integers(len(labels), size=size)
    given, flipped = labels[rows].copy(), rng.random(size) < share
    given[flipped] = (given[flipped] + rng.integers(1, said.shape[1], flipped.sum())) % said.shape[1]
    lots = suspicion.lots(suspicion.denials(said[rows], given), ["one"] * size, usual)
    return suspicion.oddest(lots, _MOST) is not None


def _champion(storage: Storage) -> tuple[NDArray[np.float32], NDArray[np.int64], suspicion.Usual]:
    """What the champion says of the arrivals, their labels, and what it does on pictures held out from it."""
    dataset, model = Dataset(storage), bundle.load(storage, 1)
    came = arrived(dataset, 1, 2)
    said, labels = _said(model, dataset, came.labels)
    return said, labels, suspicion.usual(*_said(model, dataset, came.held_out))


def _said(model: bundle.Bundle, dataset: Dataset, rows: pa.Table) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    labels = pc.index_in(rows["label"], pa.array(model.card.classes)).to_numpy().astype(np.int64)
    return opinion(model, dataset, rows["sha256"].combine_chunks()), labels


def _root(folder: Path) -> Storage:
    """A storage root with a champion of a quarter of the digits, and the others ingested after it."""
    root = str(folder / "storage")
    if not (folder / "storage" / "models" / "1" / "bundle.json").exists():
        early, late = _write(folder / "early", slice(0, 450)), _write(folder / "late", slice(450, None))
        ingest(IngestParams(source=early, storage=root))
        train(TrainParams(storage=root, image_size=32, epochs=30, backends=["torch-fp32"]))
        ingest(IngestParams(source=late, storage=root))
    return Storage(root)


def _write(folder: Path, part: slice) -> str:
    from sklearn.datasets import load_digits

    digits = load_digits()
    for row in np.random.default_rng(0).permutation(len(digits.target))[part]:
        (folder / str(digits.target[row])).mkdir(parents=True, exist_ok=True)
        picture = cv2.resize((digits.images[row] / 16 * 255).astype(np.uint8), (64, 64), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / str(digits.target[row]) / f"{row}.png"), picture)
    return str(folder)


if __name__ == "__main__":
    main()
