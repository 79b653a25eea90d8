"""What models reach on class-imbalanced industrial pictures, in folds that respect near-duplicates and in random ones.

    python benchmarks/accuracy/tiles.py FOLDER_OR_ARCHIVE [--weights mobilenet_v2.safetensors] [--only svm] [--folds 5]

The source holds one folder a class, such as the magnetic-tile defects of Huang et al. (2018), where each tile was
photographed several times in a row. Groups are what the near-duplicate search of an ingest ties together, and what the
audit calls near-twins by embedding (cosine of whitened descriptors, 0.85). Each fold is tested once; of the rest a
sixth, split the same way, is the validation split. A row is the mean and the deviation over the folds.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from flows.ingest import ingest
from nightsort.config.intake import IngestParams
from nightsort.config.training import FitParams
from nightsort.curation.embedding import descriptor, embed
from nightsort.curation.leak import whiten
from nightsort.dataset.versions import Dataset
from nightsort.evaluation.metrics import evaluate
from nightsort.evaluation.scores import Scores
from nightsort.images.preprocess import Preprocessing, load_stored
from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.fit import fit
from nightsort.learning.predict import probabilities
from nightsort.learning.pretrained import from_file
from nightsort.storage import Storage

SIMILARITY = 0.85
RECIPES = {
    "HOG and colour, SVM": {"model": "svm", "features": ["hog", "colour"], "balance": "class_weights"},
    "frozen MobileNetV2, SVM": {
        "model": "svm", "features": ["embedding"], "embedder": "mobilenet_v2", "balance": "class_weights"
    },
    "small_resnet, none": {"balance": "none"},
    "small_resnet, balanced_softmax": {"balance": "balanced_softmax"},
}  # fmt: skip


def main() -> None:
    """Ingest, find the groups, then every recipe on every fold, of both kinds."""
    given = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(str(Path(folder) / "storage"))
        ingest(IngestParams(source=str(given.source), storage=storage.root))
        pictures, groups, classes = _load(storage, Path(folder), given.side)
        sizes = np.bincount(groups)
        print(f"{len(pictures)} pictures, {(sizes > 1).sum()} groups of several, the largest {sizes.max()}")
        print(f"{'recipe':32} {'folds':8} {'macro-F1':>16} {'balanced accuracy':>18} {'accuracy':>16} {'s a fold':>9}")
        for name, recipe in RECIPES.items():
            if given.only not in name or ("embedding" in recipe.get("features", ()) and given.weights is None):
                continue
            params = FitParams(image_size=given.side, epochs=given.epochs, patience=given.epochs, **recipe)
            for kind, tied in (("grouped", groups), ("random", np.arange(len(groups)))):
                _row(name, kind, pictures, tied, classes, params, given)


def _row(
    name: str, kind: str, pictures: Pictures, groups: NDArray[np.int64], classes: list[str], params: FitParams,
    given: argparse.Namespace,
) -> None:  # fmt: skip
    start, found = time.perf_counter(), list[Scores]()
    initial = from_file(given.weights) if "embedding" in params.features and params.model == "svm" else None
    for train, validation, test in _folds(pictures.labels, groups, given.folds):
        fitted = fit(pictures.take(train), pictures.take(validation), classes, params, initial=initial)
        scored = probabilities(fitted.model, pictures.images[test], fitted.temperature)
        found.append(evaluate(scored, pictures.labels[test], classes))
    columns = [_spread([getattr(s, key) for s in found]) for key in ("macro_f1", "balanced_accuracy", "accuracy")]
    seconds = (time.perf_counter() - start) / given.folds
    print(f"{name:32} {kind:8} {columns[0]:>16} {columns[1]:>18} {columns[2]:>16} {seconds:9.0f}", flush=True)


def _folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], folds: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Rows of train, validation and test, a group in one of them only."""
    for rest, test in StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(labels, labels, groups):
        inner = StratifiedGroupKFold(6, shuffle=True, random_state=0).split(rest, labels[rest], groups[rest])
        train, validation = next(inner)
        yield rest[train], rest[validation], test


def _load(storage: Storage, folder: Path, side: int) -> tuple[Pictures, NDArray[np.int64], list[str]]:
    """Every picture, decoded, with its group and the classes."""
    dataset = Dataset(storage)
    version = dataset.resolve(None)
    rows = dataset.examples(["sha256", "label", "group"], None, version).sort_by("sha256")
    names = rows["sha256"].combine_chunks()
    policy = dataset.policy()
    preprocessing = Preprocessing(policy.store_side, side, policy.cleaning)
    images = np.empty((len(rows), side, side, 3), np.uint8)
    for batch, places in dataset.placed(names):
        for place, encoded in zip(places.to_pylist(), batch["image"].to_pylist(), strict=True):
            images[place] = load_stored(encoded, preprocessing)
    classes, labels = np.unique(np.array(rows["label"].to_pylist()), return_inverse=True)
    declared = np.unique(np.array(rows["group"].to_pylist()), return_inverse=True)[1]
    groups = _tied(whiten(embed(dataset, names, descriptor(storage), folder)), declared)
    return Pictures(images, labels.astype(np.int64), names.to_pylist()), groups, classes.tolist()


def _tied(vectors: NDArray[np.float32], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups joined wherever two pictures of them are near-twins."""
    one, other = np.nonzero(np.triu(vectors @ vectors.T >= SIMILARITY, 1))
    count = groups.max() + 1
    graph = coo_matrix((np.ones(len(one)), (groups[one], groups[other])), shape=(count, count))
    joined = connected_components(graph, directed=False)[1]
    return np.asarray(joined[groups], np.int64)


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} +- {statistics.stdev(values) if len(values) > 1 else 0:.3f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--weights", type=Path, help="torchvision's mobilenet_v2, pretrained, as safetensors")
    parser.add_argument("--only", default="", help="recipes whose name holds this")
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--folds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
