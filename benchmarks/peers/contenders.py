"""The contenders: how each is installed, started, and what it left behind."""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from peers.command import Measured, measure
from peers.sources import Source

REPOSITORY = Path(__file__).resolve().parents[2]
PATHS = [REPOSITORY / "src", REPOSITORY, REPOSITORY / "benchmarks"]

_SAME = [f"{name}=={version(name)}" for name in ("opencv-python-headless", "pillow", "pyarrow", "numpy")]
_TORCH = [f"{name}=={version(name).partition('+')[0]}" for name in ("torch", "torchvision")]
_NEEDS = {
    "img2dataset": ["img2dataset==1.47.0", f"pillow=={version('pillow')}"],  # wants OpenCV below 5, so it has its own
    "datasets": ["datasets==5.2.0", "pydantic", *_SAME],
    "loader": ["datasets==5.2.0", "webdataset==1.0.2", *_SAME, *_TORCH],
    "scoring": ["timm==1.0.31", "ray[data]==2.60.0", "pandas", *_SAME, *_TORCH],
}


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    :param module: below `peers`; empty for Nightsort itself
    :param environment: of `_NEEDS`; empty for the one that this program runs in
    :param limit: prints its rate, and leaves nothing behind
    """

    name: str
    module: str = ""
    environment: str = ""
    checks: bool = True
    limit: bool = False


OURS = Contender("nightsort")
CONTENDERS = [
    OURS,
    Contender("img2dataset", "img2dataset_local", "img2dataset"),
    Contender("img2dataset, bare", "img2dataset_local", "img2dataset", checks=False),
    Contender("datasets", "hf_datasets", "datasets"),
    Contender("datasets, bare", "hf_datasets", "datasets", checks=False),
    Contender("loop, Pillow", "pillow_loop"),
    Contender("loop", "loop"),
    Contender("loop, bare", "loop", checks=False),
    Contender("limit with checks", "limit", limit=True),
    Contender("limit", "limit", checks=False, limit=True),
]


def install(environment: str, folder: Path) -> None:
    """Make the virtual environment of a peer, unless it is there."""
    home = folder / environment
    if not environment or (home / "bin" / "python").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", *_NEEDS[environment]], check=True)


def python(environment: str, environments: Path = Path()) -> str:
    """The interpreter of an environment; of this program where it is empty."""
    return str(environments / environment / "bin" / "python") if environment else sys.executable


def run(contender: Contender, source: Source, out: Path, workers: int, environments: Path) -> Measured:
    """Run a contender on a source as one whole command; what it leaves lies in `out`."""
    out.mkdir(parents=True)
    if contender.module:
        interpreter = python(contender.environment, environments)
        command = [interpreter, "-m", f"peers.{contender.module}", str(source.path), str(out)]
        command += ["--workers", str(workers), *(["--checks"] if contender.checks else [])]
    else:
        start = "from flows.cli import main; main()"
        command = [sys.executable, "-c", start, "ingest", str(source.path), "--storage", str(out)]
        command += ["--workers", str(workers), "--settle-seconds", "0"]  # the sources were made just now
    return measure(command, PATHS)


def stored(contender: Contender, out: Path) -> int:
    """Pictures that a contender kept: the proof that it did the work."""
    if not contender.module:
        return int(report(out)["intake"]["tally"]["done"])
    return sum(_pictures(file) for file in out.rglob("*.parquet"))


def report(storage: Path) -> dict:
    """Nightsort's own report of the run."""
    return json.loads(next(storage.rglob("report.json")).read_text())


def _pictures(file: Path) -> int:
    data = pq.ParquetFile(file)
    names = [name for name in ("image", "jpg") if name in data.schema_arrow.names]
    return sum(len(batch) - batch.column(0).null_count for batch in data.iter_batches(columns=names[:1]))
