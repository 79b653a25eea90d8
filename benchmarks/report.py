"""The report of a large night: how large it is, and how long it takes to make.

    python benchmarks/report.py [--pictures 60000] [--classes 10 100 1000]

Predictions are drawn at random and go, chunk by chunk, through what a run keeps of them; 2,000 pictures lie on disk and
are read again for the galleries, thirty nights lie behind. Activation maps are pictures of the size of real ones.
"""

import argparse
import hashlib
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from nightsort.config.intake import ClassifyParams
from nightsort.drift.look import Look
from nightsort.learning.card import Card
from nightsort.reports import digest
from nightsort.reports.account import Account
from nightsort.reports.data import ClassifyPart, Report
from nightsort.reports.gallery import thumbnails
from nightsort.reports.night import MAX_NIGHTS
from nightsort.reports.predicted import Predicted
from nightsort.reports.render import to_html, to_markdown
from nightsort.reports.shown import ClassCount
from nightsort.reports.thumbnails import data_uri
from nightsort.schema import LISTING, PREDICTIONS
from nightsort.sources.files import Access
from nightsort.tally import Tally
from tasks.night import choose_shown, describe_night
from tasks.runs import Run

_FILES = 2_000
_CHUNK = 512
_ACCESS = Access(max_bytes=10**9)


def main() -> None:
    """Render one report for each number of classes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000])
    asked = parser.parse_args()
    print(f"{'classes':>8} {'describe s':>10} {'html s':>7} {'html MB':>8} {'json MB':>8} {'markdown kB':>11}")
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        files = _write_pictures(Path(folder))
        for classes in asked.classes:
            _render(Path(folder) / f"root-{classes}", files, asked.pictures, [f"class {i}" for i in range(classes)])


def _write_pictures(folder: Path) -> list[str]:
    """Photographs of 480 by 320 pixels, as large as photographs are, for what is on them: noise of every scale."""
    rng = np.random.default_rng(0)
    files = []
    for i in range(_FILES):
        scales = [
            cv2.resize(rng.normal(0, s, (s, s, 3)), (480, 320), interpolation=cv2.INTER_CUBIC) for s in (4, 16, 64)
        ]
        files.append(str(folder / f"{i:05d}.jpg"))
        cv2.imwrite(files[-1], np.clip(128 + sum(scales), 0, 255).astype(np.uint8))
    return files


def _predictions(files: list[str], pictures: int, labels: list[str]) -> Iterator[pa.Table]:
    """Chunks of predictions of a long-tailed mix."""
    rng = np.random.default_rng(1)
    shares = np.geomspace(1, 0.01, len(labels))
    drawn = rng.choice(len(labels), pictures, p=shares / shares.sum())
    confidences = rng.beta(4, 1, pictures)
    for start in range(0, pictures, _CHUNK):
        rows = []
        for i in range(start, min(start + _CHUNK, pictures)):
            confidence = float(confidences[i])
            answer = {"label": labels[drawn[i]], "runner_up": labels[drawn[i] - 1], "confidence": confidence}
            more = {"margin": confidence / 2, "abstained": confidence < 0.5, "size": 1}
            place = {"sha256": hashlib.sha256(b"%d" % i).hexdigest(), "path": files[i % _FILES], "member": ""}
            rows.append(answer | more | place)
        yield pa.Table.from_pylist(rows, PREDICTIONS)


def _earlier(run: Run, labels: list[str]) -> None:
    """As many nights as a report looks back at."""
    rng = np.random.default_rng(2)
    for night in range(MAX_NIGHTS):
        moment = run.started - timedelta(days=night + 1)
        counts = dict(zip(labels, rng.poisson(60_000 / len(labels), len(labels)).tolist(), strict=True))
        done = sum(counts.values())
        written = digest.Digest(
            run_id=f"{moment:%Y%m%dT%H%M%S}000Z-classify-{night:04x}", flow="classify", state="completed", title="",
            started=moment, finished=moment, verdict="", tone="good", tally=Tally(discovered=done, done=done),
            model_version=1, predicted=counts,
        )  # fmt: skip
        digest.write(run.storage, written)


def _render(root: Path, files: list[str], pictures: int, labels: list[str]) -> None:
    card = Card.model_construct(abstain_below=0.5, thresholds={}, classes=labels, version=1)
    params = ClassifyParams(source=str(root), storage=str(root))
    run = Run("classify", params)
    run.storage.prepare()
    _earlier(run, labels)
    predicted, account = Predicted(), Account("/srv/camera", pictures, LISTING.empty_table())
    for rows in _predictions(files, pictures, labels):
        predicted.add(rows)
    account.add("done", pictures)
    began = time.perf_counter()
    map_ = data_uri(cv2.cvtColor(cv2.imread(files[0]), cv2.COLOR_BGR2RGB))
    look = Look([], np.empty((0, 1), np.float32), activations=dict.fromkeys(choose_shown(predicted, card), map_))
    part = run.parts["classify"] = ClassifyPart(
        model_version=1, predicted=[ClassCount(label=label, total=predicted.counts[label]) for label in labels],
        training_share=dict.fromkeys(labels, 1 / len(labels)), abstained=predicted.abstained, abstain_below=0.5,
        least_certain=thumbnails(predicted.least_certain, params.max_pixels, _ACCESS),
    )  # fmt: skip
    run.parts["night"] = describe_night(run, params, card, predicted, part, look, account)
    described = time.perf_counter()
    now = datetime.now(UTC)
    report = Report(
        run_id=run.id, flow="classify", state="completed", started=run.started, finished=now, storage=str(root),
        parameters={}, intake=account.part(), **run.parts,
    )  # fmt: skip
    html = to_html(report)
    rendered = time.perf_counter()
    sizes = len(html.encode()) / 1e6, len(report.model_dump_json(indent=1)) / 1e6, len(to_markdown(report)) / 1e3
    figures = f"{described - began:10.2f} {rendered - described:7.2f} {sizes[0]:8.2f} {sizes[1]:8.2f} {sizes[2]:11.1f}"
    print(f"{len(labels):8,} {figures}", flush=True)


if __name__ == "__main__":
    main()
