"""Pages as a parser sees them, and reports with every new part at its maximum."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from nightsort.reports import data
from nightsort.reports.data import AuditPart, AugmentPart, Histogram, IngestPart, Leak, Report, Setaside, Sheet, Twins
from nightsort.reports.shown import MAX_THUMBNAILS, ClassCount, Thumbnail
from nightsort.reports.thumbnails import data_uri
from nightsort.schema import MEASURES

GREY = data_uri(np.full((1, 1, 3), 128, np.uint8))


class Page(HTMLParser):
    """Elements, attributes and text of a page; `problems` holds tags that do not nest."""

    VOID = frozenset({"meta", "link", "img", "source", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.problems: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.problems += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(tag)

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page() -> type[Page]:
    """Parser of a page."""
    return Page


def thumbnail(i: int, image: str, **more: Any) -> Thumbnail:
    """The i-th picture of line 3."""
    return Thumbnail(path=f"/srv/line-3/frame_{i:05d}.jpg", label=f"class_{i % 5}", image=image, **more)


def counted(classes: int) -> list[ClassCount]:
    """Classes of falling size, each with a picture in dispute."""
    return [
        ClassCount(label=f"class_{i}", total=3 * n + 1, train=n, validation=n, test=n, withheld=1)
        for i, n in enumerate(range(classes + 1, 1, -1))
    ]


def sheets(image: str) -> list[Sheet]:
    """As many full sheets as there may be."""
    return [Sheet(label=f"class_{i}", total=90 + i, images=[image] * data.MAX_SHEET) for i in range(data.MAX_SHEETS)]


def pairs(image: str) -> list[Twins]:
    """As many pairs as there may be; the first has two labels."""
    return [
        Twins(left=thumbnail(i, image), right=thumbnail(i + (5 if i else 1), image), note=f"distance {i} of 64")
        for i in range(data.MAX_TWINS)
    ]


def ingest(image: str = GREY, classes: int = 1000) -> IngestPart:
    """An ingest of very many classes, every list full."""
    edges = [0.5 * i for i in range(data.MAX_BARS + 1)]
    drawn = [
        Histogram(measure=name, edges=edges, counts=list(range(data.MAX_BARS)), median=3.0) for name in MEASURES.names
    ]
    flags = {f"sharpness < {20 - i}": 500 - i for i in range(30)}
    return IngestPart(
        dataset_version=7,
        classes=counted(classes),
        seconds=9.3,
        stages={"decode": 12.1, "read": 2.0, "write": 0.4},
        sheets=sheets(image),
        histograms=drawn,
        near_duplicates=812,
        clusters=301,
        largest_cluster=400,
        admitted=2_702,
        twins=pairs(image),
        disputed=237,
        withheld=[Setaside(path=f"/srv/{i}.jpg", reason="label_conflict", detail="cat or dog") for i in range(200)],
        flags=flags,
        flagged=[thumbnail(i, image, note=list(flags)[i % 4]) for i in range(MAX_THUMBNAILS)],
    )


def audit(image: str = GREY, classes: int = 1000) -> AuditPart:
    """An audit that found something everywhere."""
    leaks = [
        Leak(
            splitting=way, criterion=criterion, test=800, leaking=n, by_class={f"class_{i}": 1 for i in range(classes)}
        )
        for way, criterion, n in (
            ("random", "perceptual hash", 62),
            ("ours", "perceptual hash", 0),
            ("random", "embedding", 80),
            ("ours", "embedding", 14),
        )
    ]
    shown = [
        thumbnail(i, image, margin=9.5 - i / 10, confidence=0.031, runner_up="other") for i in range(MAX_THUMBNAILS)
    ]
    return AuditPart(
        dataset_version=7,
        embedding="model 3",
        leaks=leaks,
        torn=pairs(image),
        twins=pairs(image),
        outliers=31,
        outlying=shown,
        label_issues=44,
        mislabelled=shown,
    )


def augment(image: str = GREY, classes: int = 1000) -> AugmentPart:
    """An augmentation that fills most classes up to 400."""
    before = [ClassCount(label=f"class_{i}", total=n) for i, n in enumerate(range(classes + 1, 1, -1))]
    after = [ClassCount(label=row.label, total=max(400, row.total)) for row in before]
    operations = {"rotate": 700, "noise": 410}
    return AugmentPart(dataset_version=8, before=before, after=after, operations=operations, sheets=sheets(image))


@pytest.fixture
def full_ingest_report(ingested_report: Callable[..., Report]) -> Callable[..., Report]:
    """Builder of an ingest's report with every list full: `image` is every picture, `classes` how many there are."""
    return lambda **options: ingested_report(ingest=ingest(**options))


@pytest.fixture
def audited_report(ingested_report: Callable[..., Report]) -> Callable[..., Report]:
    """Builder of an audit's report with every list full."""
    plain = ingested_report(intake=None, ingest=None).model_copy(update={"flow": "audit"})
    return lambda **options: plain.model_copy(update={"audit": audit(**options)})


@pytest.fixture
def augmented_report(ingested_report: Callable[..., Report]) -> Callable[..., Report]:
    """Builder of an augmentation's report with every list full."""
    plain = ingested_report(intake=None, ingest=None).model_copy(update={"flow": "augment"})
    return lambda **options: plain.model_copy(update={"augment": augment(**options)})
