"""Owns the drawn figures of a report: learning curves and the class distribution.

Invariant: a figure is one self-contained SVG data URI with a transparent ground, drawn once for light
and once for dark pages, and the same data give the same bytes. Does not touch pyplot, and so leaves
no global figure behind. Does not know where the figure will stand.
"""

import base64
import io
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nightsort.learning.history import Epoch
from nightsort.reports.formats import printable, shorten
from nightsort.reports.sections import Pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAMED = 30
"""Classes that get a labelled bar pair; more are drawn as two curves over their rank."""


class Ink(NamedTuple):
    """Colours of one variant: text, grid lines, and two series told apart by colour-blind people."""

    text: str
    grid: str
    first: str
    second: str


class Picture(NamedTuple):
    """The two variants of a figure as data URIs, and their size in CSS pixels."""

    light: str
    dark: str
    width: int
    height: int


HALF = (4.8, 3.0)
"""Inches; two stand side by side on a desk, one fills a phone."""

_LIGHT = Ink("#4a5560", "#dde2e6", "#8b98a5", "#1f6f8b")
_DARK = Ink("#a9b4bf", "#343d46", "#7d8a97", "#5fb3cf")

# Text stays text (smaller, and set in the reader's fonts); a fixed salt keeps ids, and so bytes, stable.
_STYLE: dict[Any, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nightsort",
    "font.family": "sans-serif",
    "font.sans-serif": ["Segoe UI", "Helvetica Neue", "Arial", "Liberation Sans", "Noto Sans", "DejaVu Sans"],
    "font.size": 9.5,
}


def loss_curves(history: Sequence[Epoch], best_epoch: int) -> Picture:
    """Training and validation loss over epochs, the kept epoch marked.

    :param history: one record an epoch, in order; at least one
    """
    train, validation = [row.train_loss for row in history], [row.validation_loss for row in history]

    def draw(figure: "Figure", ink: Ink) -> None:
        axes = _epochs(figure, ink, "Loss a picture", best_epoch)
        _line(axes, history, train, ink.first, "train")
        _line(axes, history, validation, ink.second, "validation")
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2, frameon=False, labelcolor=ink.text)

    return picture(draw, *HALF)


def macro_f1_curve(history: Sequence[Epoch], best_epoch: int) -> Picture:
    """Validation macro-F1 over epochs, the kept epoch marked.

    :param history: one record an epoch, in order; at least one
    """

    def draw(figure: "Figure", ink: Ink) -> None:
        axes = _epochs(figure, ink, "Macro-F1 on validation", best_epoch)
        _line(axes, history, [row.validation_macro_f1 for row in history], ink.second, "validation")
        axes.set_ylim(0, 1.02)

    return picture(draw, *HALF)


def _epochs(figure: "Figure", ink: Ink, title: str, best_epoch: int) -> "Axes":
    from matplotlib.ticker import MaxNLocator

    axes = figure.subplots()
    axes.axvline(best_epoch, color=ink.text, linewidth=0.8, linestyle=(0, (2, 3)))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    dress(axes, ink, title, "epoch")
    return axes


def _line(axes: "Axes", history: Sequence[Epoch], values: Sequence[float], color: str, label: str) -> None:
    marker = "o" if len(history) < 3 else None  # a line through one point is invisible
    axes.plot([row.epoch for row in history], values, color=color, marker=marker, label=label)


def distribution(rows: Sequence[Pair]) -> Picture:
    """Training pictures of each class before and after balancing.

    :param rows: most frequent class first; at least one
    """
    if len(rows) > MAX_NAMED:
        return picture(lambda figure, ink: _ranks(figure, ink, rows), *HALF)
    return picture(lambda figure, ink: _bars(figure, ink, rows), HALF[0], 0.9 + 0.3 * len(rows))


def _bars(figure: "Figure", ink: Ink, rows: Sequence[Pair]) -> None:
    axes = figure.subplots()
    places = range(len(rows))
    axes.barh([y - 0.2 for y in places], [row.before for row in rows], 0.36, color=ink.first, label="before")
    axes.barh([y + 0.2 for y in places], [row.after for row in rows], 0.36, color=ink.second, label="after")
    # Without parse_math=False a class called "$5" or "$x$" would be read as a formula.
    axes.set_yticks(places, [str(printable(shorten(row.label, 24))) for row in rows], parse_math=False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    dress(axes, ink, "", "pictures in one epoch")
    axes.yaxis.grid(False)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, labelcolor=ink.text)


def _ranks(figure: "Figure", ink: Ink, rows: Sequence[Pair]) -> None:
    axes = figure.subplots()
    ranks = range(1, len(rows) + 1)
    axes.step(ranks, [row.before for row in rows], where="mid", color=ink.first, label="before")
    axes.step(ranks, [row.after for row in rows], where="mid", color=ink.second, label="after")
    axes.set_ylim(bottom=0)
    dress(axes, ink, "Pictures in one epoch", "classes, most frequent first")
    axes.legend(frameon=False, labelcolor=ink.text)


def dress(axes: "Axes", ink: Ink, title: str, along: str) -> None:
    """Title, axis label and grid, in the colours of the page."""
    axes.set_title(title, loc="left", color=ink.text, fontsize=10)
    axes.set_xlabel(along, color=ink.text)
    axes.grid(color=ink.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=ink.text, length=0)
    axes.spines[:].set_visible(False)


def picture(draw: Callable[["Figure", Ink], None], width: float, height: float) -> Picture:
    """Draw a figure for light and for dark pages.

    :param width: inches; so is `height`
    """
    light = dark = _svg(draw, width, height)
    for bright, dim in zip(_LIGHT, _DARK, strict=True):  # to lay it out again would take as long again
        dark = dark.replace(bright, dim)
    return Picture(_uri(light), _uri(dark), round(96 * width), round(96 * height))


def _svg(draw: Callable[["Figure", Ink], None], width: float, height: float) -> str:
    import matplotlib  # a second to import, and only reports of trainings need it
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    drawn = io.BytesIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's fonts set the text, not ours
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure, _LIGHT)
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    return drawn.getvalue().decode()


def _uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")
