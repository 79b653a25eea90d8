"""Owns the small line that shows how a share went from night to night.

Invariant: a night without a figure is a gap, never a zero; the line is as wide however many nights there are.
Does not know what is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

WIDTH, HEIGHT = 120, 28

_EDGE = 3  # so that a dot, or a stroke at the top, is not cut off

Point = tuple[float, float]


@dataclass(frozen=True)
class Sparkline:
    """Lines and dots in a box of WIDTH by HEIGHT, y downwards."""

    lines: list[str]  # `points` of SVG polylines, one for each stretch of at least two nights
    dots: list[Point]  # nights between two gaps, and the last night


def of(shares: Sequence[float | None]) -> Sparkline:
    """The line of a class, which fills the height: the bottom is 0, the top its largest share.

    :param shares: 0 to 1, oldest first, None where nothing was counted
    """
    top = max((share for share in shares if share is not None), default=0.0) or 1.0
    step = (WIDTH - 2 * _EDGE) / max(len(shares) - 1, 1)
    points = [
        None if share is None else (round(_EDGE + i * step, 1), round(_down(share / top), 1))
        for i, share in enumerate(shares)
    ]
    stretches = [
        [point for point in stretch if point]
        for there, stretch in groupby(points, key=lambda point: point is not None)
        if there
    ]
    last = [points[-1]] if points and points[-1] else []
    alone = [stretch[0] for stretch in stretches if len(stretch) == 1 and stretch != last]
    return Sparkline([_line(stretch) for stretch in stretches if len(stretch) > 1], [*alone, *last])


def _down(height: float) -> float:
    return HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * height


def _line(points: Sequence[Point]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
