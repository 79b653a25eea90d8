"""The drawn figures: self-contained, repeatable, and safe with any label."""

import base64
import sys
import warnings
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from nightsort.reports import plots
from nightsort.reports.learned import TrainingPart
from nightsort.reports.sections import Pair


def svg(uri: str) -> str:
    """The SVG source of a data URI."""
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(encoded).decode()


def texts(uri: str) -> list[str]:
    """All text in a figure."""
    root = ElementTree.fromstring(svg(uri))
    return ["".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_curves_are_drawn_for_light_and_dark_and_load_nothing(training_part: Callable[..., TrainingPart]) -> None:
    part = training_part()
    figures = plots.loss_curves(part.history, part.best_epoch), plots.macro_f1_curve(part.history, part.best_epoch)
    for figure in figures:
        assert figure.light != figure.dark
        assert "epoch" in texts(figure.light)
        links = [v for node in ElementTree.fromstring(svg(figure.dark)).iter() for k, v in node.items() if "href" in k]
        assert all(link.startswith("#") for link in links)
    assert {"train", "validation"} <= set(texts(figures[0].light))


def test_the_same_data_give_the_same_bytes(training_part: Callable[..., TrainingPart]) -> None:
    part = training_part()
    assert plots.loss_curves(part.history, 3) == plots.loss_curves(part.history, 3)


def test_one_epoch_is_visible(training_part: Callable[..., TrainingPart]) -> None:
    history = training_part().history
    one, many = (plots.macro_f1_curve(rows, 1).light for rows in (history[:1], history))
    assert [svg(uri).count("<use ") for uri in (one, many)] == [1, 0]  # a mark, because a line has no length


@pytest.mark.parametrize("label", [r"$\frac{", "<script>alert(1)</script>", "狐", "a\x00b", "&amp;", "x" * 400])
def test_any_label_is_plain_text(label: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plots.distribution([Pair("plain", 20, 10), Pair(label, 3, 10)])
    assert "<script" not in svg(figure.light)
    assert any(text[:3] == label.replace("\x00", "\\u0000")[:3] for text in texts(figure.light))


def test_many_classes_are_drawn_over_their_rank() -> None:
    figure = plots.distribution([Pair(f"class {i}", 500 - i, 100) for i in range(400)])
    assert "classes, most frequent first" in texts(figure.light)
    assert not any(text.startswith("class ") for text in texts(figure.light))


def test_pyplot_is_never_loaded(training_part: Callable[..., TrainingPart]) -> None:
    part = training_part()
    loaded_before = "matplotlib.pyplot" in sys.modules
    plots.loss_curves(part.history, part.best_epoch)
    assert ("matplotlib.pyplot" in sys.modules) == loaded_before
