"""The figures of a judgement: named curves first, nothing that a label could break, and figures of next to nothing."""

import base64
import warnings
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from nightsort.evaluation.scores import Bin, Curve
from nightsort.reports import diagrams, figures
from nightsort.reports.data import Report
from nightsort.reports.learned import TrainingPart

KNOWN = {"loss", "macro_f1", "distribution", "reliability", "coverage", "roc", "precision_recall"}


def texts(uri: str) -> list[str]:
    """All text in a figure."""
    root = ElementTree.fromstring(base64.b64decode(uri.partition(",")[2]))
    return ["".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")]


def curve(label: str = "a", area: float | None = 0.75) -> Curve:
    return Curve(label=label, x=[0.0, 0.5, 1.0], y=[0.0, 0.9, 1.0], area=area)


@pytest.mark.parametrize("draw", [diagrams.roc, diagrams.precision_recall])
def test_the_first_curves_are_named_with_their_area(draw: Callable[..., object]) -> None:
    words = texts(draw([curve(f"class {i}", 0.5 + i / 100) for i in range(12)]).light)
    named = [f"{0.5 + i / 100:.3f} class {i}" for i in range(diagrams.MAX_NAMED)]
    assert [word for word in words if "class" in word] == named


@pytest.mark.parametrize(
    ("labels", "area"),
    [([r"$\frac{", "_hidden", "<script>alert(1)</script>", "狐"], 0.5), (["_hidden", "a\x00b", "x" * 400], None)],
)
def test_any_label_is_plain_text(labels: list[str], area: float | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        words = texts(diagrams.roc([curve(label, area) for label in labels]).light)
    for label in labels:
        assert any(label.replace("\x00", "\\u0000")[:3] in word for word in words)


def test_next_to_nothing_can_be_drawn() -> None:
    one = Curve(label="all", x=[1.0], y=[1.0])
    for figure in (
        diagrams.coverage(one),
        diagrams.reliability([Bin(low=0.9, high=1, pictures=1, confidence=1, accuracy=1)]),
        diagrams.roc([Curve(label="a", x=[0.0, 1.0], y=[0.0, 1.0])]),
    ):
        assert figure.light.startswith("data:image/svg+xml;base64,") and figure.light != figure.dark


def test_a_full_report_has_every_figure_and_an_older_one_those_that_it_can(
    trained_report: Callable[..., Report], judged_part: Callable[..., TrainingPart]
) -> None:
    assert figures.of(trained_report(training=judged_part())).keys() == KNOWN
    assert figures.of(trained_report()).keys() == {"loss", "macro_f1", "distribution"}
