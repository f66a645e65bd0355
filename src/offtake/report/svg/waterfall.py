"""A waterfall lying on its side: from a total, step by step, to what is left."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.draw import FILLS, GRID, INK, MUTED, PAPER, Drawing, tag, text, text_width
from offtake.report.svg.scale import Linear, extent
from offtake.report.svg.wrap import both_ends

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Step", "height_of_waterfall", "waterfall"]

_ROW, _HEAD, _SMALL = 30.0, 26.0, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One bar: `total` starts from zero, `less` is taken off where the last bar ended, `result` starts from zero."""

    name: str
    role: str
    amount: float
    label: str


def height_of_waterfall(groups: Sequence[tuple[str, Sequence[Step]]]) -> float:
    """Give the height that these groups need."""
    return sum(_HEAD + _ROW * len(steps) + 12 for _, steps in groups) or _HEAD


def waterfall(drawing: Drawing, groups: Sequence[tuple[str, Sequence[Step]]]) -> str:
    """Draw one waterfall below the other on one scale; groups are never added up."""
    names = [s.name for _, steps in groups for s in steps]
    left = min(max((text_width(n, bold=True) for n in names), default=0.0) + 14, drawing.width * 0.45)
    room = max((text_width(s.label, bold=True) for _, steps in groups for s in steps), default=0.0) + 12
    low, high = extent(v for _, steps in groups for a, b in _spans(steps) for v in (a, b))
    x = Linear(low, high, left, drawing.width - room)
    y = 0.0
    for title, steps in groups:
        drawing.add(text(0, y + 15, title, size=12, fill=MUTED, bold=True))
        y += _HEAD
        spans = _spans(steps)
        for k, (step, (a, b)) in enumerate(zip(steps, spans, strict=True)):
            if math.isfinite(step.amount):
                _bar(drawing, step, (x(min(a, b)), x(max(a, b)), y + k * _ROW))
                if k + 1 < len(steps):
                    end = x(b) if step.role == "less" else x(max(a, b))
                    d = f"M{end:.1f} {y + k * _ROW + 23:.1f}v{_ROW - 20:.1f}"
                    drawing.add(tag("path", d=d, stroke=MUTED, stroke_width=1))
            _name(drawing, step, y + k * _ROW, left - 10)
        y += _ROW * len(steps) + 12
    drawing.add(tag("path", d=f"M{x(0.0):.1f} 4V{drawing.height - 8:.1f}", stroke=GRID))
    return drawing.markup()


def _name(drawing: Drawing, step: Step, y: float, width: float) -> None:
    """Write a step's name on one line, or on two smaller ones that keep its beginning and its end."""
    bold = step.role != "less"
    if text_width(step.name, bold=bold) <= width:
        drawing.add(text(0, y + 18, step.name, bold=bold))
        return
    lines = both_ends(step.name, width, _SMALL)
    for k, words in enumerate(lines):
        drawing.add(text(0, y + (18 if len(lines) == 1 else 12 + 12 * k), words, size=_SMALL, bold=bold))


def _bar(drawing: Drawing, step: Step, place: tuple[float, float, float]) -> None:
    """Draw one bar and its label."""
    left, right, y = place
    fill = {"total": FILLS[7], "less": drawing.hatched(FILLS[7], 4), "result": FILLS[0]}.get(step.role, FILLS[7])
    drawing.add(
        tag("rect", x=left, y=y + 3, width=max(right - left, 1), height=20, fill=fill, stroke=PAPER, stroke_width=0.5)
    )
    drawing.add(text(right + 6, y + 18, step.label, fill=INK, bold=step.role == "result"))


def _spans(steps: Sequence[Step]) -> list[tuple[float, float]]:
    """Give where each bar starts and ends."""
    spans, level = [], 0.0
    for step in steps:
        amount = step.amount if math.isfinite(step.amount) else 0.0
        start, end = (level, level - amount) if step.role == "less" else (0.0, amount)
        spans.append((start, end))
        level = end
    return spans
