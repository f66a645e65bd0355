"""The frame of a plot: horizontal grid lines with labels, labels under the bands, direct labels that do not collide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.draw import GRID, INK, MUTED, tag, text, text_width
from offtake.report.svg.scale import Band, Linear, tick_label, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Plot", "Series", "frame", "spread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One named row of values, one for each label of the axis; NaN where there is none.

    Parameters
    ----------
    name : str
    values : tuple of float
    colour : int            index into the fills
    dash : str | None       SVG dash pattern
    width : float           of the line
    area : bool             fill down to zero
    """

    name: str
    values: tuple[float, ...]
    colour: int = 0
    dash: str | None = None
    width: float = 2.0
    area: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The inner rectangle of a chart and its scales."""

    left: float
    right: float
    top: float
    bottom: float
    x: Band
    y: Linear
    marks: tuple[str, ...]


def frame(
    box: tuple[float, float, float, float],
    labels: Sequence[str],
    span: tuple[float, float],
    *,
    unit: str,
    padding: float = 0.3,
    count: int = 6,
) -> Plot:
    """Lay out a plot inside a box: grid lines and their labels left, labels below, the unit on top.

    Parameters
    ----------
    box : (left, top, right, bottom)    all of the room, labels included
    labels : sequence of str            under the bands; thinned where they would touch
    span : (low, high)                  of the values; widened to round ticks
    """
    left, top, right, bottom = box
    marks_at = ticks(*span, count=count)
    words = [tick_label(t, marks_at) for t in marks_at]
    inner_left = left + max(text_width(w, 11) for w in words) + 8
    top, bottom = top + 26, bottom - 22
    y = Linear(marks_at[0], marks_at[-1], bottom, top)
    x = Band(len(labels), inner_left, right, padding)
    marks = [text(left, top - 13, unit, size=11, fill=MUTED)] if unit else []
    for value, word in zip(marks_at, words, strict=True):
        strong = value == 0
        marks.append(
            tag(
                "path",
                d=f"M{inner_left:.1f} {y(value):.1f}H{right:.1f}",
                stroke=INK if strong else GRID,
                stroke_width=1,
            )
        )
        marks.append(text(inner_left - 6, y(value) + 4, word, size=11, anchor="end", fill=MUTED))
    every = next(
        n for n in range(1, len(labels) + 2) if x.step * n > max(map(text_width, labels), default=0) * 0.95 + 6
    )
    for i, label in enumerate(labels):
        if i % every == 0:
            marks.append(text(x.centre(i), bottom + 16, label, size=11, anchor="middle", fill=MUTED))
    return Plot(left=inner_left, right=right, top=top, bottom=bottom, x=x, y=y, marks=tuple(marks))


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart to at least `gap`, each as near to its place as the others allow, within [low, high].

    Examples
    --------
    >>> spread([10.0, 12.0, 40.0], 10.0, 0.0, 100.0)
    [6.0, 16.0, 40.0]
    >>> spread([75.0, 84.0, 98.0, 99.0], 10.0, 0.0, 100.0)      # held at the edge, a label pushes the next
    [70.0, 80.0, 90.0, 100.0]
    """
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    blocks: list[tuple[float, list[int]]] = []  # mean place of the block's members, members

    def middle(mean: float, members: Sequence[int]) -> float:
        half = gap * (len(members) - 1) / 2
        return min(max(mean, low + half), max(high - half, low + half))

    for i in order:
        mean, members = places[i], [i]
        while blocks and middle(*blocks[-1]) + gap * (len(blocks[-1][1]) + len(members)) / 2 > middle(mean, members):
            before, earlier = blocks.pop()
            total = len(earlier) + len(members)
            mean = (before * len(earlier) + mean * len(members)) / total
            members = earlier + members
        blocks.append((mean, members))
    found = [0.0] * len(places)
    for mean, members in blocks:
        for k, i in enumerate(members):
            found[i] = middle(mean, members) + gap * (k - (len(members) - 1) / 2)
    return found
