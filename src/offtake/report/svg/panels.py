"""Small panels side by side on one scale: grouped columns with lines over them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.axes import Plot, Series, frame
from offtake.report.svg.draw import FILLS, INK, PAPER, Drawing, shorten, tag, text, text_width
from offtake.report.svg.lines import line_marks
from offtake.report.svg.scale import extent

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Panel", "panels"]

_KEY_HEIGHT = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One plot of a row of panels.

    Parameters
    ----------
    title : str
    columns : tuple of Series    drawn beside one another in each band; a negative value hangs down
    steps : tuple of Series      drawn as a level across each band, a floor for instance
    lines : tuple of Series
    note : (index, words)        written at a point of the first line, its lowest for instance; None for nothing
    """

    title: str
    columns: tuple[Series, ...] = ()
    steps: tuple[Series, ...] = ()
    lines: tuple[Series, ...] = ()
    note: tuple[int, str] | None = None

    @property
    def all(self) -> tuple[Series, ...]:
        """Give every series."""
        return self.columns + self.steps + self.lines


def panels(drawing: Drawing, labels: Sequence[str], rows: Sequence[Panel], *, unit: str) -> str:
    """Draw panels side by side on one scale, with one key below.

    Series are told apart by name: the same name has the same look in every panel.
    """
    span = extent(v for p in rows for s in p.all for v in s.values)
    gap, width = 36.0, drawing.width
    each = (width - gap * (len(rows) - 1)) / max(len(rows), 1)
    for k, panel in enumerate(rows):
        left = k * (each + gap)
        drawing.add(text(left, 14, shorten(panel.title, each, 13, bold=True), size=13, bold=True))
        box = (left, 20.0, left + each, drawing.height - _KEY_HEIGHT)
        plot = frame(box, labels, span, unit=unit, padding=0.28)
        drawing.add(*plot.marks)
        _panel(drawing, plot, panel)
    _key(drawing, rows)
    return drawing.markup()


def _panel(drawing: Drawing, plot: Plot, panel: Panel) -> None:
    """Draw the series of one panel."""
    wide = plot.x.width / max(len(panel.columns), 1)
    for k, one in enumerate(panel.columns):
        fill = drawing.fill(one.colour, pattern=k % 5)
        for i, value in enumerate(one.values):
            if math.isfinite(value) and value != 0:
                top, bottom = sorted((plot.y(value), plot.y(0.0)))
                x = plot.x.left(i) + k * wide
                drawing.add(
                    tag(
                        "rect",
                        x=x,
                        y=top,
                        width=wide,
                        height=max(bottom - top, 0.75),
                        fill=fill,
                        stroke=PAPER,
                        stroke_width=0.5,
                    )
                )
    for one in panel.steps:
        colour = FILLS[one.colour % len(FILLS)]
        for i, value in enumerate(one.values):
            if math.isfinite(value):
                left = plot.x.left(i) - plot.x.step * 0.1
                d = f"M{left:.1f} {plot.y(value):.1f}h{plot.x.width + plot.x.step * 0.2:.1f}"
                drawing.add(tag("path", d=d, stroke=colour, stroke_width=2.5, stroke_dasharray=one.dash))
    for one in panel.lines:
        drawing.add(*line_marks(plot, one))
    if panel.note and panel.lines:
        _note(drawing, plot, panel)


def _note(drawing: Drawing, plot: Plot, panel: Panel) -> None:
    """Write a few words at a point of the first line."""
    index, words = panel.note or (0, "")
    x, y = plot.x.centre(index), plot.y(panel.lines[0].values[index])
    half = text_width(words, bold=True) / 2
    at = min(max(x, plot.left + half), plot.right - half)
    below = y + 18 if y + 20 < plot.bottom else y - 10
    drawing.add(tag("circle", cx=x, cy=y, r=3.5, fill=FILLS[panel.lines[0].colour], stroke=PAPER, stroke_width=1))
    drawing.add(
        tag("rect", x=at - half - 3, y=below - 12, width=2 * half + 6, height=16, fill=PAPER, fill_opacity=0.85),
        text(at, below, words, anchor="middle", fill=INK, bold=True),
    )


def _key(drawing: Drawing, rows: Sequence[Panel]) -> None:
    """Explain each look once, in a line at the bottom."""
    x, y = 0.0, drawing.height - 6
    seen: set[str] = set()
    for panel in rows:
        for kind, several in (("column", panel.columns), ("step", panel.steps), ("line", panel.lines)):
            for k, one in enumerate(several):
                if one.name in seen:
                    continue
                seen.add(one.name)
                colour = FILLS[one.colour % len(FILLS)]
                if kind == "column":
                    drawing.add(
                        tag("rect", x=x, y=y - 10, width=14, height=11, fill=drawing.fill(one.colour, pattern=k % 5))
                    )
                else:
                    thick = 2.5 if kind == "step" else one.width
                    path = f"M{x:.1f} {y - 4.5:.1f}h16"
                    drawing.add(tag("path", d=path, stroke=colour, stroke_width=thick, stroke_dasharray=one.dash))
                drawing.add(text(x + 21, y, one.name))
                x += 21 + text_width(one.name) + 22
