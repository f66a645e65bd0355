"""Columns over labels: stacked shares of a whole, or a few groups beside one another, with a legend in order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from offtake.report.svg.axes import Series, frame
from offtake.report.svg.draw import PAPER, Drawing, shorten, tag, text, text_width
from offtake.report.svg.scale import extent

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["legend", "stacked_columns"]


def stacked_columns(drawing: Drawing, labels: Sequence[str], series: Sequence[Series], *, unit: str) -> str:
    """Draw columns that stack, the first series at the bottom; the legend at the right in the order of the stack.

    Values must not be negative; a missing one is left out.
    """
    room = min(max((text_width(s.name, 12) for s in series), default=0.0) + 36, drawing.width * 0.38)
    totals = [sum(s.values[i] for s in series if math.isfinite(s.values[i])) for i in range(len(labels))]
    plot = frame((0, 0, drawing.width - room, drawing.height), labels, extent(totals), unit=unit)
    drawing.add(*plot.marks)
    base = [0.0] * len(labels)
    for k, one in enumerate(series):
        fill = drawing.fill(one.colour, pattern=k % 4)
        for i, value in enumerate(one.values):
            if math.isfinite(value) and value > 0:
                top, bottom = plot.y(base[i] + value), plot.y(base[i])
                drawing.add(
                    tag(
                        "rect",
                        x=plot.x.left(i),
                        y=top,
                        width=plot.x.width,
                        height=bottom - top,
                        fill=fill,
                        stroke=PAPER,
                        stroke_width=0.75,
                    )
                )
                base[i] += value
    entries = [(drawing.fill(s.colour, pattern=k % 4), s.name) for k, s in enumerate(series)]
    drawing.add(*legend(plot.right + 14, plot.top + 4, entries[::-1], width=room - 32))
    return drawing.markup()


def legend(x: float, y: float, entries: Sequence[tuple[str, str]], *, width: float) -> list[str]:
    """List fills with their names, one below the other."""
    marks = []
    for k, (fill, name) in enumerate(entries):
        top = y + 19 * k
        marks.append(tag("rect", x=x, y=top, width=12, height=12, fill=fill))
        marks.append(text(x + 18, top + 10, shorten(name, width)))
    return marks
