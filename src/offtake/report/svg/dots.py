"""The quantile dot plot: a distribution as twenty dots, each one chance in twenty, so that chances can be counted.

A dot stands at a quantile, dots that would overlap are stacked over their mean (Wilkinson's dot density), but never over a mark:
counting dots on one side of it gives its chance.

References
----------
Kay, Kola, Hullman and Munson, "When (ish) is My Bus? User-centered Visualizations of Uncertainty in Everyday, Mobile Predictive
Systems", CHI 2016, 5092-5103. Wilkinson, "Dot Plots", The American Statistician 53 (1999) 276-281.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.axes import spread
from offtake.report.svg.draw import FILLS, INK, MUTED, Drawing, tag, text, text_width
from offtake.report.svg.scale import Linear, extent, tick_label, ticks
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DOT_COUNT", "Mark", "dots", "dots_table"]

_TOP, _BOTTOM = 26.0, 42.0
_LARGEST = 26.0
"""Widest dot."""

DOT_COUNT = 20
"""Dots of a distribution; of fewer values each is shown as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A value to compare with: the one that the plan states, zero, a limit."""

    value: float
    name: str


def dots(drawing: Drawing, values: Sequence[float], *, unit: str, mark: Mark | None = None, each: str = "") -> str:
    """Draw equally likely values as stacked dots over a scale.

    Parameters
    ----------
    values : sequence of float    quantiles at equal steps of probability: each dot is as likely as another
    unit : str                    under the axis
    mark : Mark                   a line to count from
    each : str                    what one dot stands for, under the axis; a chance of one in so many if absent
    """
    if not values:
        return drawing.markup()
    at = sorted(values)
    span = extent([*at, *([mark.value] if mark else [])], zero=False)
    marks_at = ticks(*span)
    ends = [text_width(tick_label(t, marks_at), 11) / 2 + 4 for t in (marks_at[0], marks_at[-1])]
    x = Linear(marks_at[0], marks_at[-1], max(ends[0], _LARGEST), drawing.width - max(ends[1], _LARGEST))
    bottom = drawing.height - _BOTTOM
    _axis(drawing, x, marks_at, unit)
    edge = x(mark.value) if mark else 0.0
    below = [x(v) for v in at if mark and v < mark.value]
    above = [x(v) for v in at[len(below) :]]
    wide = _LARGEST
    while max(map(len, _stacks(below, wide) + _stacks(above, wide))) * wide > bottom - _TOP and wide > 2:
        wide *= 0.94
    if mark is not None:
        _mark(drawing, mark, x, (len(below), len(at)))
    _pile(drawing, _stacks(below, wide), wide, (0.0, edge))
    _pile(drawing, _stacks(above, wide), wide, (edge, drawing.width))
    drawing.add(text(x.end, drawing.height - 4, each or f"one dot: 1 in {len(at)}", size=11, anchor="end", fill=MUTED))
    return drawing.markup()


def dots_table(values: Sequence[float], name: str, *, unit: str, title: str) -> Table:
    """Give the dots as a table: each share of the chances and the value that it reaches."""
    count = len(values)
    shares = [(k + 0.5) / count for k in range(count)]
    columns = (Column("share", "frac", "Share of the paths below"), Column("value", unit))
    return Table(name, columns, {"share": shares, "value": sorted(values)}, title=title)


def _axis(drawing: Drawing, x: Linear, marks_at: Sequence[float], unit: str) -> None:
    bottom = drawing.height - _BOTTOM
    drawing.add(tag("path", d=f"M{x.start:.1f} {bottom:.1f}H{x.end:.1f}", stroke=INK, stroke_width=1))
    for t in marks_at:
        drawing.add(tag("path", d=f"M{x(t):.1f} {bottom:.1f}v4", stroke=MUTED, stroke_width=1))
        drawing.add(text(x(t), bottom + 17, tick_label(t, marks_at), size=11, anchor="middle", fill=MUTED))
    drawing.add(text(x.start, drawing.height - 4, unit, size=11, fill=MUTED))


def _stacks(places: Sequence[float], wide: float) -> list[list[float]]:
    """Gather places into stacks: each begins at the first place that is left and takes all within a dot's width of it."""
    stacks: list[list[float]] = []
    for place in places:
        if stacks and place < stacks[-1][0] + wide:
            stacks[-1].append(place)
        else:
            stacks.append([place])
    return stacks


def _pile(drawing: Drawing, stacks: Sequence[Sequence[float]], wide: float, side: tuple[float, float]) -> None:
    """Draw the stacks of one side, each over the mean of its places, moved apart where they would touch."""
    means = [sum(stack) / len(stack) for stack in stacks]
    middles = spread(means, wide, side[0] + wide / 2, side[1] - wide / 2)
    ground = drawing.height - _BOTTOM
    for middle, stack in zip(middles, stacks, strict=True):
        for k in range(len(stack)):
            drawing.add(tag("circle", cx=middle, cy=ground - wide * (k + 0.5), r=wide / 2 - 1, fill=FILLS[0]))


def _mark(drawing: Drawing, mark: Mark, x: Linear, counted: tuple[int, int]) -> None:
    """Draw the value to compare with; on top its name, and how many dots lie below it."""
    words = f"{mark.name}: {counted[0]} of {counted[1]} below"
    at, half = x(mark.value), text_width(words, bold=True) / 2
    middle = min(max(at, half), drawing.width - half)
    d = f"M{at:.1f} {_TOP - 8:.1f}V{drawing.height - _BOTTOM:.1f}"
    drawing.add(
        tag("path", d=d, stroke=FILLS[3], stroke_width=2, stroke_dasharray="7 4"),
        text(middle, _TOP - 13, words, anchor="middle", fill=FILLS[3], bold=True),
    )
