"""A Gantt chart: what is ordered, built and in use when, one row each, on a scale of years."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.draw import FILLS, GRID, INK, MUTED, Drawing, shorten, tag, text, text_width
from offtake.report.svg.scale import Linear

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Row", "gantt", "height_of_gantt"]

_ROW, _TOP, _KEY = 24.0, 26.0, 26.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that is built: when ordered, first in power, accepted; None where it is not known."""

    name: str
    ordered: dt.date | None
    energised: dt.date | None
    accepted: dt.date | None
    label: str = ""


def height_of_gantt(rows: int) -> float:
    """Give the height that so many rows need."""
    return _TOP + _ROW * max(rows, 1) + _KEY


def gantt(
    drawing: Drawing, rows: Sequence[Row], *, words: tuple[str, str] = ("ordered to first power", "to accepted")
) -> str:
    """Draw the rows from the first year to the last that occurs."""
    dates = [d for r in rows for d in (r.ordered, r.energised, r.accepted) if d is not None]
    if not dates:
        return drawing.markup()
    first, last = min(dates).year, max(dates).year + 1
    left = min(max(text_width(r.name) for r in rows) + 14, drawing.width * 0.4)
    room = max(text_width(r.label) for r in rows) + 14
    x = Linear(dt.date(first, 1, 1).toordinal(), dt.date(last, 1, 1).toordinal(), left, drawing.width - room)
    bottom = _TOP + _ROW * len(rows)
    for year in range(first, last + 1):
        at = x(dt.date(year, 1, 1).toordinal())
        drawing.add(tag("path", d=f"M{at:.1f} {_TOP - 6:.1f}V{bottom:.1f}", stroke=GRID))
        if year < last and x(dt.date(first + 1, 1, 1).toordinal()) - left > 32:
            drawing.add(text(at + 3, _TOP - 10, str(year), size=11, fill=MUTED))
    for k, row in enumerate(rows):
        y = _TOP + k * _ROW
        drawing.add(text(0, y + 16, shorten(row.name, left - 8)))
        ends = [row.ordered, row.energised, row.accepted]
        for start, end, fill in ((ends[0], ends[1], drawing.hatched(FILLS[3], 4)), (ends[1], ends[2], FILLS[0])):
            if start is not None and end is not None:
                a, b = x(start.toordinal()), x(end.toordinal())
                drawing.add(tag("rect", x=a, y=y + 5, width=max(b - a, 1.5), height=14, fill=fill))
        known = [d for d in ends if d is not None]
        if known:
            drawing.add(text(x(max(known).toordinal()) + 6, y + 16, row.label, fill=INK))
    key = drawing.height - 6
    drawing.add(
        tag("rect", x=left, y=key - 10, width=14, height=11, fill=drawing.hatched(FILLS[3], 4)),
        text(left + 20, key, words[0], size=11),
    )
    then = left + 20 + text_width(words[0], 11) + 20
    drawing.add(
        tag("rect", x=then, y=key - 10, width=14, height=11, fill=FILLS[0]), text(then + 20, key, words[1], size=11)
    )
    return drawing.markup()
