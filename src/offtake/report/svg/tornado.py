"""The tornado: how far each assumption, at its low and its high end, moves one value; where the sign turns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.draw import FILLS, GRID, INK, MUTED, PAPER, Drawing, shorten, tag, text, text_width
from offtake.report.svg.scale import Linear, extent, tick_label, ticks
from offtake.report.svg.wrap import wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Swing", "height_of_tornado", "tornado"]

_ROW, _TOP, _BOTTOM = 36.0, 44.0, 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """One assumption: its ends in words, the value at each (NaN where it could not be solved), where the sign turns."""

    name: str
    low: str
    high: str
    at_low: float
    at_high: float
    switch: str = ""


def height_of_tornado(rows: int) -> float:
    """Give the height that so many rows need."""
    return _TOP + _ROW * max(rows, 1) + _BOTTOM


def tornado(drawing: Drawing, swings: Sequence[Swing], *, base: float, unit: str) -> str:
    """Draw the bars around the base value, with a strong line where the value is zero."""
    left, right = 250.0, drawing.width - 140.0
    values = [v for s in swings for v in (s.at_low, s.at_high)]
    marks_at = ticks(*extent([*values, base]))
    x = Linear(marks_at[0], marks_at[-1], left + 34, right - 34)
    bottom = _TOP + _ROW * len(swings)
    for t in marks_at:
        zero = t == 0
        drawing.add(tag("path", d=f"M{x(t):.1f} {_TOP - 4:.1f}V{bottom:.1f}", stroke=INK if zero else GRID))
        drawing.add(text(x(t), bottom + 16, tick_label(t, marks_at), size=11, anchor="middle", fill=MUTED))
    drawing.add(text(right + 14, _TOP - 12, "Sign turns at", size=11, fill=MUTED))
    drawing.add(text(x(0.0), _TOP - 26, "no alliance", size=11, anchor="middle", fill=INK))
    drawing.add(text(left + 34, drawing.height - 4, unit, size=11, fill=MUTED))
    for k, swing in enumerate(swings):
        _row(drawing, swing, x, (base, _TOP + k * _ROW, right))
    if math.isfinite(base):
        drawing.add(
            tag("path", d=f"M{x(base):.1f} {_TOP - 8:.1f}V{bottom:.1f}", stroke=INK, stroke_dasharray="3 3"),
            text(x(base), _TOP - 12, "base", size=11, anchor="middle", fill=INK, bold=True),
        )
    return drawing.markup()


def _row(drawing: Drawing, swing: Swing, x: Linear, place: tuple[float, float, float]) -> None:
    """Draw the two bars of an assumption with its ends written beside them."""
    base, y, right = place
    lines = wrapped(swing.name, 236)
    for n, line in enumerate(lines):
        drawing.add(text(0, y + (22 if len(lines) == 1 else 15 + 14 * n), line, bold=False))
    drawing.add(
        text(right + 14, y + 22, shorten(swing.switch or "not in range", 126), fill=INK if swing.switch else MUTED)
    )
    looks = (
        (swing.at_low, swing.low, drawing.hatched(FILLS[3], 1)),
        (swing.at_high, swing.high, FILLS[0]),
    )
    for value, words, fill in looks:
        if not (math.isfinite(value) and math.isfinite(base)):
            continue
        a, b = sorted((x(value), x(base)))
        both_one_side = (swing.at_low - base) * (swing.at_high - base) > 0
        top, tall = (y + (8 if words == swing.low else 18), 10) if both_one_side else (y + 9, 18)
        drawing.add(
            tag("rect", x=a, y=top, width=max(b - a, 1), height=tall, fill=fill, stroke=PAPER, stroke_width=0.5)
        )
        anchor, at = ("end", a - 5) if value < base else ("start", b + 5)
        shown = shorten(words, 110, 11)
        if not both_one_side and text_width(shown, 11) > 0:
            drawing.add(text(at, top + tall / 2 + 4, shown, size=11, anchor=anchor, fill=MUTED, halo=True))
    if (swing.at_low - base) * (swing.at_high - base) > 0:
        drawing.add(
            text(
                max(x(swing.at_low), x(swing.at_high), x(base)) + 5,
                y + 22,
                f"{swing.low} | {swing.high}",
                size=11,
                anchor="start",
                fill=MUTED,
                halo=True,
            )
        )
