"""The contenders of scoring: how each is started, and how many predictions it left behind."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from peers.command import Measured, measure
from peers.contenders import REPOSITORY
from peers.scoring_bench import Bench, timm_name

_CORES = os.cpu_count() or 1
_OURS = [REPOSITORY / "src", REPOSITORY, REPOSITORY / "benchmarks"]


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    :param module: below `peers`; "timm" for its inference.py, "" for Nightsort itself
    :param words: added to its command
    """

    name: str
    module: str = ""
    words: tuple[str, ...] = ()


OURS = Contender("nightsort")
LIMIT = Contender("limit", "scoring_limit")
TIMM = "timm"
CONTENDERS = [
    OURS,
    Contender("nightsort, bf16", words=("--backend", "openvino-bf16")),
    Contender("nightsort, fp32", words=("--backend", "openvino-fp32")),
    LIMIT,
    Contender("timm", TIMM),
    Contender("timm, bf16", TIMM, ("--amp", "--amp-dtype", "bfloat16", "--channels-last")),
    Contender("ray", "scoring_ray"),
    Contender("torchvision", "scoring_torchvision"),
    Contender("torchvision, bf16", "scoring_torchvision", ("--bf16",)),
]


def run(contender: Contender, bench: Bench, network: str, source: Path, out: Path, inference: Path | None) -> Measured:
    """Run a contender as one whole command; what it leaves lies in `out`.

    :param inference: timm's inference.py
    :raises SystemExit: if it failed
    """
    if contender.module == "":
        return classify(bench.root(network), source, out, *contender.words)
    out.mkdir(parents=True)
    if contender == LIMIT:
        return _measure(sys.executable, "-m", f"peers.{contender.module}", bench.root(network), source)
    if contender.module == TIMM:
        return _measure(bench.python, inference, *_timm(bench, network), *contender.words, "--results-dir", out, source)
    words = ["--network", network, "--classes", bench.classes, "--workers", _CORES, *contender.words]
    return _measure(bench.python, "-m", f"peers.{contender.module}", source, out, *words, paths=_OURS[-1:])


def classify(root: Path, source: Path, out: Path, *words: object) -> Measured:
    """Our whole command, on a fresh copy of a storage root."""
    shutil.copytree(root, out)
    start = "from flows.cli import main; main()"
    return _measure(sys.executable, "-c", start, "classify", source, "--storage", out, *words)


def classified(out: Path) -> int:
    """Pictures that our command classified, by its own account."""
    reports = (json.loads(file.read_text()) for file in out.rglob("report.json"))
    return sum(int(report["intake"]["tally"]["done"]) for report in reports if report["flow"] == "classify")


def stored(contender: Contender, out: Path) -> int:
    """Predictions that a contender left: the proof that it did the work."""
    if contender.module == "":
        return classified(out)
    return sum(pq.ParquetFile(file).metadata.num_rows for file in out.rglob("*.parquet"))


def _timm(bench: Bench, network: str) -> list[object]:
    """Its defaults but for the device, which has to be named, and our networks' classes and size."""
    given = ["--model", timm_name(network), "--checkpoint", bench.weights(network), "--num-classes", bench.classes]
    form = ["--input-size", 3, bench.side, bench.side, "--device", "cpu"]
    return [*given, *form, "--include-index", "--no-console-results", "--results-format", "parquet"]


def _measure(*command: object, paths: list[Path] = _OURS) -> Measured:
    return measure([str(word) for word in command], paths)
