"""Lines over labels, named at their right ends; areas where a series fills down to zero."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from offtake.report.svg.axes import Plot, Series, frame, spread
from offtake.report.svg.draw import FILLS, GRID, Drawing, tag, text, text_width
from offtake.report.svg.scale import extent

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["line_chart", "line_marks"]


def line_chart(
    drawing: Drawing, labels: Sequence[str], series: Sequence[Series], *, unit: str, ends: Sequence[str] = ()
) -> str:
    """Draw lines, each with its name at the right end in its colour.

    Parameters
    ----------
    labels : sequence of str      of the axis, one for each value
    series : sequence of Series   areas first, they lie below
    unit : str                    over the axis
    ends : sequence of str        what to write at the right ends; by default the names
    """
    names = list(ends) or [s.name for s in series]
    room = max((text_width(n, 12, bold=True) for n in names), default=0.0) + 14
    span = extent(v for s in series for v in s.values)
    plot = frame((0, 0, drawing.width - room, drawing.height), labels, span, unit=unit, padding=0.0)
    drawing.add(*plot.marks)
    for one in series:
        drawing.add(*line_marks(plot, one))
    drawing.add(*_end_labels(plot, series, names))
    return drawing.markup()


def line_marks(plot: Plot, series: Series) -> list[str]:
    """Draw one line with dots, broken where values are missing."""
    colour = FILLS[series.colour % len(FILLS)]
    marks = []
    for run in _runs(series.values):
        points = [(plot.x.centre(i), plot.y(series.values[i])) for i in run]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        if series.area:
            zero = plot.y(0.0)
            closed = f"{path}L{points[-1][0]:.1f} {zero:.1f}L{points[0][0]:.1f} {zero:.1f}Z"
            marks.append(tag("path", d=closed, fill=colour, fill_opacity=0.16))
        marks.append(
            tag(
                "path",
                d=path,
                fill="none",
                stroke=colour,
                stroke_width=series.width,
                stroke_dasharray=series.dash,
                stroke_linejoin="round",
            )
        )
        if len(run) == 1:
            marks.append(tag("circle", cx=points[0][0], cy=points[0][1], r=3, fill=colour))
    return marks


def _end_labels(plot: Plot, series: Sequence[Series], names: Sequence[str]) -> list[str]:
    """Name each line at its last value, moved apart where they would touch, with a hairline back to the line."""
    known = [
        (s, n, [i for i, v in enumerate(s.values) if math.isfinite(v)]) for s, n in zip(series, names, strict=True)
    ]
    shown = [(s, n, found[-1]) for s, n, found in known if found]
    ends = [plot.y(s.values[i]) for s, _, i in shown]
    places = spread(ends, 15.0, plot.top, plot.bottom)
    marks = []
    for (s, name, i), end, place in zip(shown, ends, places, strict=True):
        at = plot.x.centre(i)
        marks.append(
            tag(
                "path",
                d=f"M{at + 3:.1f} {end:.1f}L{plot.right + 6:.1f} {place:.1f}",
                stroke=GRID,
                fill="none",
                stroke_width=1,
            )
        )
        marks.append(text(plot.right + 9, place + 4, name, fill=FILLS[s.colour % len(FILLS)], bold=True))
    return marks


def _runs(values: Sequence[float]) -> list[list[int]]:
    """Split positions into runs of finite values."""
    runs: list[list[int]] = [[]]
    for i, value in enumerate(values):
        if math.isfinite(value):
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
    return [r for r in runs if r]
