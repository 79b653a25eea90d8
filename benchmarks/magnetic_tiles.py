"""What the default training reaches on a class-imbalanced industrial data set, for each balancing strategy.

    python benchmarks/magnetic_tiles.py FOLDER_OR_ARCHIVE [--seeds 3] [--strategies none smote ...]

The source holds one folder a class, such as the magnetic-tile defects of Huang et al. (2018). Each
strategy trains with the same seeds on the same splits, through the same flows that a user runs; a
row is the mean and the spread over the seeds on the frozen test split. Photographs of one tile are kept
in one split as far as they are found (docs/benchmarks.md says how far), so read the figures as an upper end.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from flows.ingest import ingest
from flows.train import train
from nightsort.config.intake import IngestParams
from nightsort.config.training import TrainParams


def main() -> None:
    """Ingest once, then train every strategy with every seed."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(folder) / "storage")
        taken = ingest(IngestParams(source=str(arguments.source), storage=root))
        assert taken.intake is not None
        print(f"{taken.intake.tally.done} pictures ingested")
        print(f"{'strategy':18} {'macro-F1':>16} {'balanced accuracy':>20} {'accuracy':>16} {'seconds':>8}")
        for strategy in arguments.strategies:
            _row(strategy, root, arguments.seeds)


def _row(strategy: str, root: str, seeds: int) -> None:
    start = time.perf_counter()
    reports = [train(TrainParams(storage=root, balance=strategy, seed=seed, promote=False)) for seed in range(seeds)]
    scores = [report.training.scores for report in reports if report.training]
    names = ("macro_f1", "balanced_accuracy", "accuracy")
    columns = [_spread([getattr(score, name) for score in scores]) for name in names]
    seconds = (time.perf_counter() - start) / seeds
    print(f"{strategy:18} {columns[0]:>16} {columns[1]:>20} {columns[2]:>16} {seconds:8.0f}", flush=True)


def _spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} +- {deviation:.3f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    strategies = ["none", "class_weights", "oversampling", "balanced_softmax", "smote"]
    parser.add_argument("--strategies", nargs="+", choices=strategies, default=strategies)
    return parser.parse_args()


if __name__ == "__main__":
    main()
