"""Pictures whose class is their colour, a storage root that has learned them, and a fan-out without processes."""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.config.training import TrainParams
from nightsort.reports.data import Report
from tasks.compute import Done, Workers

CHANNEL = {"blue": 0, "green": 1, "red": 2, "amber": None}
QUICK: dict[str, Any] = {
    "image_size": 16,
    "epochs": 5,
    "batch_size": 16,
    "learning_rate": 0.01,
    "mixup": 0.0,
    "patience": 5,
    "backends": ["torch-fp32"],  # tests that want others say so
}


def picture(label: str, seed: int, suffix: str = ".png") -> bytes:
    """One 20 px picture of noise in a colour; no two seeds give the same bytes."""
    rng = np.random.default_rng([seed, *label.encode()])
    pixels = rng.integers(0, 60, (20, 20, 3), dtype=np.uint8)
    channel = CHANNEL[label]
    pixels[..., slice(1, 3) if channel is None else channel] += 180  # amber is red and green
    return bytes(cv2.imencode(suffix, pixels)[1])


@dataclass(frozen=True)
class Drop:
    """A folder of new pictures, the class of each good one by `path name` or `member name`, and the sums to expect."""

    folder: Path
    truth: dict[str, str]
    tally: dict[str, int]
    reasons: dict[str, int]


class Pictures:
    """Writes folders of pictures."""

    one = staticmethod(picture)

    @staticmethod
    def labelled(folder: Path, counts: dict[str, int], start: int = 0) -> Path:
        """Class folders of so many pictures each."""
        for label, count in counts.items():
            (folder / label).mkdir(parents=True)
            for seed in range(start, start + count):
                (folder / label / f"{seed:03d}.png").write_bytes(picture(label, seed))
        return folder

    @staticmethod
    def plain(folder: Path, count: int, start: int = 1000) -> Drop:
        """Good pictures only, the classes in turn."""
        folder.mkdir(parents=True)
        truth = {}
        for number in range(count):
            label = ("red", "blue", "green")[number % 3]
            truth[f"{number:02d}.png"] = label
            (folder / f"{number:02d}.png").write_bytes(picture(label, start + number))
        return Drop(folder, truth, {"discovered": count, "done": count}, {})

    @classmethod
    def mixed(cls, folder: Path) -> Drop:
        """Nine good files, three good members of a zip, and everything else that a real drop holds."""
        truth = cls.plain(folder, 9).truth
        jpeg = picture("red", 1, ".jpg")
        (folder / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
        (folder / "notes.png").write_text("the camera was cleaned today\n")
        (folder / "nothing.png").write_bytes(b"")
        (folder / "copy.png").write_bytes((folder / "04.png").read_bytes())
        (folder / "growing.png.part").write_bytes(picture("red", 2))
        (folder / "Thumbs.db").write_bytes(b"windows was here")
        with zipfile.ZipFile(folder / "more.zip", "w") as archive:
            for number, label in enumerate(("green", "red", "blue")):
                truth[f"m{number}.png"] = label
                archive.writestr(f"m{number}.png", picture(label, 2000 + number))
            archive.writestr("twin.png", (folder / "00.png").read_bytes())
        outcomes = {"done": 12, "quarantined": 3, "duplicate": 2, "deferred": 1, "skipped": 1}
        reasons = {"truncated": 1, "not_an_image": 1, "empty": 1}
        others = {"same_bytes": 2, "still_written": 1, "ignored_name": 1}
        return Drop(folder, truth, {"discovered": 19, **outcomes}, reasons | others)


class Inline(Workers):
    """Computes in this process: what a cluster does with chunks is proved in tests/tasks/test_compute.py."""

    def start(self) -> Any:
        return None

    def map(self, function: Callable[..., Any], chunks: Iterable[pa.Table], *args: Any) -> Iterator[Done[Any]]:
        for chunk in chunks:
            yield Done(chunk, function(chunk, *args))


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    return Pictures()


@pytest.fixture(scope="session")
def inline_workers() -> type[Workers]:
    return Inline


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes in flows that this test runs."""
    for flow in ("ingest", "classify", "augment"):
        monkeypatch.setattr(f"flows.{flow}.Workers", Inline)


@dataclass(frozen=True)
class Trained:
    """A storage root with 120 pictures of three classes and a champion, and how it came about."""

    root: Path
    labelled: Path
    ingested: Report
    learned: Report


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> Trained:
    """Made once; tests that write take the copy `root` instead."""
    from flows.ingest import ingest
    from flows.train import train

    folder = tmp_path_factory.mktemp("trained")
    labelled = pictures.labelled(folder / "labelled", {"red": 40, "green": 40, "blue": 40})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.ingest.Workers", Inline)
        asked = IngestParams(source=str(labelled), storage=str(folder / "root"), settle_seconds=0, chunk_size=32)
        ingested = ingest(asked)
    # Workers that classify with it start sooner than with torch.
    served = {**QUICK, "backends": ["openvino-fp32"]}
    learned = train(TrainParams(storage=str(folder / "root"), workers=1, **served))
    return Trained(folder / "root", labelled, ingested, learned)


@pytest.fixture
def root(trained: Trained, tmp_path: Path) -> Path:
    """A copy of the trained storage root."""
    return Path(shutil.copytree(trained.root, tmp_path / "root"))


@pytest.fixture(scope="session")
def quick() -> dict[str, Any]:
    """Settings of a training that takes a second."""
    return dict(QUICK)


@pytest.fixture
def classify_params(root: Path) -> Callable[..., ClassifyParams]:
    """Parameters of `classify` on the copied root; no closer look, which takes a process that loads torch."""

    def make(source: Path, **changes: Any) -> ClassifyParams:
        quick = {"settle_seconds": 0, "workers": 1, "sample": 0}
        return ClassifyParams(**{"source": str(source), "storage": str(root), **quick} | changes)

    return make


@pytest.fixture(scope="session")
def fingerprint() -> Callable[[Path], dict[str, str]]:
    """Every file below a folder and the hash of its bytes: equal when nothing was written."""

    def look(folder: Path) -> dict[str, str]:
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    return look


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Environment of a subprocess that runs the checkout: no Prefect server of anybody's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
