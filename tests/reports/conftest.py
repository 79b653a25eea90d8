"""Realistic reports of every kind, built without running anything."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightsort.dataset.policy import Policy
from nightsort.evaluation.scores import ClassScore, Decision, Scores
from nightsort.learning.history import Epoch
from nightsort.reports.data import ClassifyPart, IngestPart, IntakePart, Report, Setaside
from nightsort.reports.learned import TrainingPart
from nightsort.reports.shown import ClassCount, Thumbnail
from nightsort.reports.thumbnails import data_uri
from nightsort.tally import Tally

STARTED = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)
CLASSES = ["bolt", "bracket", "crack", "dent", "nut", "pinhole", "scratch", "spring", "stain", "washer"]


def build(flow: str, **parts: Any) -> Report:
    """A completed report of `flow`."""
    return Report.model_validate(
        {
            "run_id": f"20261121T020000Z-{flow}-3f2a",
            "flow": flow,
            "state": "completed",
            "started": STARTED,
            "finished": STARTED + timedelta(seconds=73.4),
            "storage": "/srv/nightsort/data",
            "parameters": {"source": "/srv/camera/2026-11-21", "batch_size": 64, "scheduler": None, "seed": 0},
            "seconds": {"list": 0.41, "fingerprint": 3.2, "work": 61.7, "commit": 0.8, "report": 2.1},
            **parts,
        }
    )


def intake(
    done: int = 312, quarantined: int = 4, duplicate: int = 3, deferred: int = 1, skipped: int = 0
) -> IntakePart:
    """An intake that balances, with at most 200 quarantined files listed."""
    kinds = ["truncated", "not_an_image", "empty", "corrupt"]
    rows = [
        Setaside(
            path=f"/srv/camera/2026-11-21/line-{i % 3}/frame_{i:05d}.jpg",
            reason=kinds[i % 4],
            detail=f"the JPEG ends at byte {4096 + i} without an end marker",
        )
        for i in range(min(quarantined, 200))
    ]
    reasons = {kind: sum(i % 4 == k for i in range(quarantined)) for k, kind in enumerate(kinds)}
    reasons |= {"same_bytes": duplicate, "still_written": deferred, "known": skipped}
    return IntakePart(
        source="/srv/camera/2026-11-21",
        tally=Tally(
            discovered=done + quarantined + duplicate + deferred + skipped,
            done=done,
            quarantined=quarantined,
            duplicate=duplicate,
            deferred=deferred,
            skipped=skipped,
        ),
        reasons={kind: n for kind, n in reasons.items() if n},
        quarantined=rows,
    )


def picture(seed: int, side: int = 160) -> np.ndarray:
    """(side, side * 3 // 2, 3) RGB uint8: a lit disc on a textured ground, never twice the same."""
    rng = np.random.default_rng(seed)
    height, width = side, side * 3 // 2
    y, x = np.mgrid[:height, :width]
    ground = 120 + 40 * np.sin(x / rng.uniform(4, 30)) + rng.normal(0, 12, (height, width))
    disc = np.hypot(y - height * rng.uniform(0.3, 0.7), x - width * rng.uniform(0.3, 0.7)) < rng.uniform(15, 60)
    grey = np.where(disc, 230 - 0.4 * ground, ground)
    return np.clip(grey[..., None] * rng.uniform(0.7, 1.1, 3), 0, 255).astype(np.uint8)


def thumbnails(n: int = 24) -> list[Thumbnail]:
    """The n least certain pictures, the smallest margin first."""
    return [
        Thumbnail(
            path=f"/srv/camera/2026-11-21/line-{i % 3}/frame_{i:05d}.jpg",
            label=CLASSES[i % 10],
            confidence=0.36 + 0.012 * i,
            runner_up=CLASSES[(i + 3) % 10],
            margin=0.004 + 0.013 * i,
            image=data_uri(picture(i)) if i != 5 else "",
        )
        for i in range(n)
    ]


def long_tail(largest: int = 840, ratio: float = 20.0) -> list[ClassCount]:
    """Ten classes whose counts fall off exponentially."""
    totals = [round(largest * ratio ** (-i / 9)) for i in range(10)]
    return [
        ClassCount(label=label, total=n, train=n - 2 * (n * 3 // 20), validation=n * 3 // 20, test=n * 3 // 20)
        for label, n in zip(CLASSES, totals, strict=True)
    ]


def classification(**changes: Any) -> Report:
    """A night: ten classes, 24 thumbnails, a few files set aside."""
    share = {row.label: row.total / sum(r.total for r in long_tail()) for row in long_tail()}
    counts = [101, 62, 60, 31, 24, 13, 11, 9, 1, 0]
    part = ClassifyPart(
        model_version=3,
        predicted=[ClassCount(label=c, total=n) for c, n in zip(CLASSES, counts, strict=True)],
        training_share=share,
        abstained=8,
        abstain_below=0.5,
        least_certain=thumbnails(),
    )
    return build("classify", **({"intake": intake(), "classify": part} | changes))


def ingestion(**changes: Any) -> Report:
    """An ingest of ten long-tailed classes."""
    part = IngestPart(dataset_version=2, classes=long_tail())
    return build("ingest", **({"intake": intake(done=2702, skipped=1204), "ingest": part} | changes))


def scored(classes: list[str], support: list[int], seed: int = 0) -> Scores:
    """Scores whose every figure follows from one random confusion matrix."""
    rng = np.random.default_rng(seed)
    size = len(classes)
    likely = rng.dirichlet(np.full(size, 0.15), size) * 0.18 + np.eye(size) * 0.82
    confusion = np.stack([rng.multinomial(n, row / row.sum()) for n, row in zip(support, likely, strict=True)])
    right = np.diag(confusion)
    recall = right / confusion.sum(1)
    precision = right / np.maximum(confusion.sum(0), 1)
    f1 = 2 * right / np.maximum(confusion.sum(0) + confusion.sum(1), 1)
    return Scores(
        pictures=int(confusion.sum()),
        accuracy=float(right.sum() / confusion.sum()),
        balanced_accuracy=float(recall.mean()),
        macro_f1=float(f1.mean()),
        calibration_error=0.0312,
        classes=[
            ClassScore(label=c, support=s, precision=float(p), recall=float(r), f1=float(f))
            for c, s, p, r, f in zip(classes, support, precision, recall, f1, strict=True)
        ],
        confusion=confusion.tolist(),
    )


def training(labels: list[str] = CLASSES, support: list[int] | None = None, promoted: bool = True) -> TrainingPart:
    """A training of thirty epochs that converges, judged against champion 3."""
    before = [ClassCount(label=c, total=round(600 * 20 ** (-i / len(labels)))) for i, c in enumerate(labels)]
    scores = scored(labels, support or [max(4, row.total // 5) for row in before])
    history = [
        Epoch(
            epoch=i,
            train_loss=0.3 + 2 * 0.85**i,
            validation_loss=0.42 + 1.9 * 0.84**i + 0.004 * i + 0.03 * (i % 3),
            validation_accuracy=0.93 - 0.6 * 0.8**i,
            validation_macro_f1=0.88 - 0.75 * 0.82**i - 0.012 * (i % 4),
            learning_rate=3e-3,
            seconds=1.9,
        )
        for i in range(1, 31)
    ]
    decision = Decision(
        promoted=promoted,
        reason="macro-F1 rose by 0.021, the interval excludes zero, and no class lost more than 0.05 recall",
        champion_version=3,
        champion_macro_f1=scores.macro_f1 - 0.021,
        challenger_macro_f1=scores.macro_f1,
        difference_low=0.006 if promoted else -0.013,
        difference_high=0.037,
    )
    return TrainingPart(
        model_version=4,
        model="small_resnet",
        parameters=2_777_290,
        dataset_version=2,
        balance="balanced_softmax",
        before=before,
        after=[ClassCount(label=c, total=sum(row.total for row in before) // len(labels)) for c in labels],
        history=history,
        best_epoch=max(history, key=lambda row: row.validation_macro_f1).epoch,
        temperature=1.31,
        scores=scores,
        decision=decision,
        notes=["Class stain has 4 test pictures: its figures are rough.", "Stopped at epoch 30, the last one."],
    )


def trained(**changes: Any) -> Report:
    """A training report."""
    return build("train", **({"training": training()} | changes))


class Shelf:
    """A dataset in memory; it gives pictures and policy as :class:`Dataset` does."""

    def __init__(self, images: dict[str, bytes], policy: Policy | None = None) -> None:
        self._images, self._policy = images, policy or Policy()

    def policy(self) -> Policy:
        return self._policy

    def pictures(self, sha256s: pa.Array) -> Iterator[pa.RecordBatch]:
        for name in sorted(set(sha256s.to_pylist()) & set(self._images), reverse=True):
            yield pa.RecordBatch.from_pylist([{"sha256": name, "image": self._images[name]}])


@pytest.fixture
def shelf() -> type[Shelf]:
    """Maker of a dataset that holds the given pictures: {sha256: bytes}."""
    return Shelf


@pytest.fixture
def classified_report() -> Callable[..., Report]:
    """Builder of a night's report; keyword arguments replace its fields."""
    return classification


@pytest.fixture
def ingested_report() -> Callable[..., Report]:
    """Builder of an ingest's report."""
    return ingestion


@pytest.fixture
def trained_report() -> Callable[..., Report]:
    """Builder of a training's report."""
    return trained


@pytest.fixture
def training_part() -> Callable[..., TrainingPart]:
    """Builder of the training part alone."""
    return training


@pytest.fixture
def intake_part() -> Callable[..., IntakePart]:
    """Builder of the intake part alone."""
    return intake
