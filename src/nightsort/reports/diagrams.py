"""Owns the drawn figures of a judgement: reliability, coverage, ROC, precision-recall.

Invariant: however many classes there are, a few are named and the rest are grey. Does not know how a point
was computed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from nightsort.evaluation.scores import Bin, Curve
from nightsort.reports import plots
from nightsort.reports.formats import printable, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAMED = 4
"""Curves with a colour and a name of their own: the first."""

_COLORS = ("#c4553a", "#d6a13a", "#3f7fb0", "#8d7fb8")  # one of the two inks of a page is not enough
_DOTTED = (0, (2, 3))
_Style = Literal["default", "steps-pre"]


def reliability(bins: Sequence[Bin]) -> plots.Picture:
    """Accuracy over confidence, on the diagonal where confidence is honest, above the share of pictures in each bin.

    :param bins: some with pictures
    """
    filled = [bin for bin in bins if bin.pictures]
    total = sum(bin.pictures for bin in filled)

    def draw(figure: "Figure", ink: plots.Ink) -> None:
        axes = figure.subplots()
        axes.bar(
            [(bin.low + bin.high) / 2 for bin in filled],
            [bin.pictures / total for bin in filled],
            [0.9 * (bin.high - bin.low) for bin in filled],
            color=ink.grid,
            label="share of pictures",
        )
        axes.plot([0, 1], [0, 1], color=ink.text, linewidth=0.8, linestyle=_DOTTED)
        x, y = [bin.confidence for bin in filled], [bin.accuracy for bin in filled]
        axes.plot(x, y, color=ink.second, marker="o", markersize=4, label="accuracy")
        _square(axes)
        plots.dress(axes, ink, "Accuracy", "confidence")
        axes.legend(loc="upper left", frameon=False, labelcolor=ink.text)

    return plots.picture(draw, *plots.HALF)


def coverage(curve: Curve) -> plots.Picture:
    """Precision among the pictures answered, over the share that is answered."""

    def draw(figure: "Figure", ink: plots.Ink) -> None:
        axes = figure.subplots()
        axes.plot(curve.x, curve.y, color=ink.second, marker="o" if len(curve.x) < 3 else None)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(max(0, min(curve.y) - 0.05), 1.02)
        plots.dress(axes, ink, "Precision of the answers", "share of pictures answered, the surest first")

    return plots.picture(draw, *plots.HALF)


def roc(curves: Sequence[Curve]) -> plots.Picture:
    """ROC curves, one class against the rest; the dotted line is guessing."""

    def draw(figure: "Figure", ink: plots.Ink) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=ink.text, linewidth=0.8, linestyle=_DOTTED)
        _lines(figure, axes, ink, curves)
        plots.dress(axes, ink, "True positive rate", "false positive rate")

    return plots.picture(draw, *plots.HALF)


def precision_recall(curves: Sequence[Curve]) -> plots.Picture:
    """Precision over recall, one class against the rest."""

    def draw(figure: "Figure", ink: plots.Ink) -> None:
        axes = figure.subplots()
        _lines(figure, axes, ink, curves, "steps-pre")
        plots.dress(axes, ink, "Precision", "recall")

    return plots.picture(draw, *plots.HALF)


def _lines(figure: "Figure", axes: "Axes", ink: plots.Ink, curves: Sequence[Curve], style: _Style = "default") -> None:
    for curve in curves[MAX_NAMED:]:
        axes.plot(curve.x, curve.y, color=ink.first, linewidth=0.7, alpha=0.6, drawstyle=style)
    named = [
        axes.plot(curve.x, curve.y, color=color, linewidth=1.4, drawstyle=style)[0]
        for curve, color in zip(curves, _COLORS, strict=False)
    ]
    words = [_name(curve) for curve in curves[:MAX_NAMED]]
    legend = figure.legend(named, words, loc="outside lower left", ncols=2, frameon=False, labelcolor=ink.text)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a class called "$x$" is no formula
    _square(axes)


def _name(curve: Curve) -> str:
    """The area first: matplotlib leaves out what begins with an underscore."""
    area = "" if curve.area is None else f"{curve.area:.3f} "
    return f"{area or '· '}{printable(shorten(curve.label, 24))}"


def _square(axes: "Axes") -> None:
    axes.set_xlim(-0.01, 1.02)
    axes.set_ylim(-0.01, 1.02)
