"""A night that is held against the nights before it, every list of it full, for the tests of what a report shows."""

from collections.abc import Callable
from typing import Any

import pytest

from nightsort.reports.changes import MAX_CHANGES
from nightsort.reports.data import Report
from nightsort.reports.night import MAX_ASIDE, MAX_BAND, MAX_NIGHTS, Band, NightPart, Seen, Trend
from nightsort.reports.shown import MAX_THUMBNAILS, ClassCount, Thumbnail

REASONS = [
    "poor_quality",
    "label_conflict",
    "straddles_splits",
    "decoder_disagrees",
    "no_label",
    "truncated",
    "corrupt",
]


def trend(label: str, count: int, total: int, **changes: Any) -> Trend:
    """A class that goes up and down, with a night on which nothing was classified."""
    shares = [None if i == 4 else (i % 7 + 1) * count / total / 5 for i in range(MAX_NIGHTS)]
    facts = {"label": label, "count": count, "share": count / total, "trained": 0.1, "usual": 0.08}
    return Trend(**facts | {"shares": [*shares, count / total]} | changes)


def night_part(labels: list[str], image: str, text: str) -> NightPart:
    """Everything that a night can show, `text` wherever text of others stands."""

    def seen(i: int) -> Thumbnail:
        return Thumbnail(
            path=f"/srv/{i}/{text}", label=text, confidence=0.71, runner_up=text, margin=0.2, note=text, image=image
        )

    counts = [3 * (len(labels) - i) for i in range(len(labels))]
    return NightPart(
        previous="20261120T020000000Z-classify-1a2b",
        nights=MAX_NIGHTS,
        changes=[f"{text}: {i} of 900 files; before, 1 of 880." for i in range(MAX_CHANGES)],
        trends=[trend(label, n, sum(counts)) for label, n in zip(labels, counts, strict=True)],
        appeared=labels[:2],
        vanished=labels[-20:],
        bands=[
            Band(name=name, total=100, pictures=[Seen(picture=seen(i), activation=image) for i in range(MAX_BAND)])
            for name in ("confident", "almost", "abstained")
        ],
        aside={reason: [seen(i) for i in range(MAX_ASIDE)] for reason in REASONS},
        notes=[text],
    )


@pytest.fixture
def watched_report(classified_report: Callable[..., Report]) -> Callable[..., Report]:
    """Builder of a night's report with every list full.

    `labels` are the classes, `image` is every picture, `text` stands wherever text of others can.
    """

    def build(labels: list[str], image: str, text: str = "frame.jpg") -> Report:
        report = classified_report()
        report.classify.predicted = [ClassCount(label=label, total=3) for label in labels]
        report.classify.training_share = dict.fromkeys(labels, 1 / len(labels))
        shown = Thumbnail(path=text, label=text, confidence=0.4, runner_up=text, margin=0.1, image=image)
        report.classify.least_certain = [shown] * MAX_THUMBNAILS
        report.night = night_part(labels, image, text)
        return report

    return build
