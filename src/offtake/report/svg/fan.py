"""The fan: where the middle half and the middle 80 % of the paths lie over time, the median, and a few paths as they run.

Time is to scale: a year is as wide as another, however many periods it has. A flow or a mean stands at the middle of its period, a
balance where it is struck.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.axes import Plot, frame, spread
from offtake.report.svg.draw import FILLS, GRID, INK, MUTED, Drawing, tag, text, text_width
from offtake.report.svg.scale import Linear, extent
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Fan", "fan", "fan_table"]

_KEY_ROOM = 42.0
"""Width of a mark in the key, and of the space before the next."""

_MEDIAN, _STATED = 0, 3
"""Colours, numbers of the fills."""

_QUANTILES = (("p90", "90 %"), ("p75", "75 %"), ("p50", "median"), ("p25", "25 %"), ("p10", "10 %"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """Quantiles over paths by period, all of the same length.

    Parameters
    ----------
    periods : tuple of str        labels, for the table
    edges_y : tuple of float      calendar years at the edges of the periods, one more than periods: 2026.5
    p10, p25, p50, p75, p90 : tuple of float
    samples : tuple of tuples     a few paths
    paths : int                   how many paths there are
    stated : tuple of float       what the scenario states; empty: not drawn
    at_y : tuple of float         calendar years at which the values stand; empty: the middles of the periods
    """

    periods: tuple[str, ...]
    edges_y: tuple[float, ...]
    p10: tuple[float, ...]
    p25: tuple[float, ...]
    p50: tuple[float, ...]
    p75: tuple[float, ...]
    p90: tuple[float, ...]
    samples: tuple[tuple[float, ...], ...] = ()
    paths: int = 0
    stated: tuple[float, ...] = ()
    at_y: tuple[float, ...] = ()

    @property
    def places_y(self) -> tuple[float, ...]:
        """Give the calendar years at which the values stand."""
        return self.at_y or tuple((a + b) / 2 for a, b in itertools.pairwise(self.edges_y))


def fan(drawing: Drawing, shown: Fan, *, unit: str, zero: bool = False) -> str:
    """Draw the bands, the median and the sample paths, the quantiles named at their right ends.

    Parameters
    ----------
    shown : Fan
    unit : str       over the axis
    zero : bool      whether the axis reaches to zero
    """
    drawn = [shown.p10, shown.p90, *shown.samples, shown.stated]
    span = extent(itertools.chain.from_iterable(drawn), zero=zero)
    room = max(text_width(words, bold=True) for words in _names(shown)) + 22
    key = _key_of(shown, drawing.width)
    box = (0, 0, drawing.width - room, drawing.height - 7 - 17 * len(key))
    plot = frame(box, ("",), span, unit=unit, padding=0.0)
    years = Linear(shown.edges_y[0], shown.edges_y[-1], plot.left, plot.right)
    drawing.add(*plot.marks)
    drawing.add(*_years(plot, years))
    x = [years(at) for at in shown.places_y]
    for low, high, opacity in ((shown.p10, shown.p90, 0.16), (shown.p25, shown.p75, 0.22)):
        drawing.add(_band(plot, x, (low, high), opacity))
    for path in shown.samples:
        drawing.add(_line(plot, x, path, MUTED, width=0.9, dash=None))
    for edge in (shown.p10, shown.p90):
        drawing.add(_line(plot, x, edge, FILLS[_MEDIAN], width=1.0, dash="2 3"))
    drawing.add(_line(plot, x, shown.p50, FILLS[_MEDIAN], width=2.6, dash=None))
    if shown.stated:  # on top: it often runs along the median
        drawing.add(_line(plot, x, shown.stated, FILLS[_STATED], width=2.0, dash="5 7"))
    drawing.add(*_ends(plot, x[-1], shown))
    _key(drawing, 0.0, key)
    return drawing.markup()


def fan_table(shown: Fan, name: str, *, unit: str, title: str) -> Table:
    """Give the figures of a fan as a table, one row for each period."""
    columns = [Column("period", kind="text")]
    values: dict[str, Sequence[object]] = {"period": shown.periods}
    for key, words in sorted(_QUANTILES, key=lambda both: both[0]):
        columns.append(Column(key, unit, words.capitalize()))
        values[key] = getattr(shown, key)
    if shown.stated:
        columns.append(Column("stated", unit, "As stated"))
        values["stated"] = shown.stated
    for k, path in enumerate(shown.samples, start=1):
        columns.append(Column(f"sample_{k}", unit, f"Sample path {k}"))
        values[f"sample_{k}"] = path
    return Table(name, columns, values, title=title)


def _names(shown: Fan) -> list[str]:
    return [words for _, words in _QUANTILES] + (["as stated"] if shown.stated else [])


def _years(plot: Plot, years: Linear) -> list[str]:
    """Write the years where they begin, thinned where they would touch."""
    first, last = math.ceil(years.low - 1e-6), math.floor(years.high + 1e-6)
    room = text_width("2026", 11) + 8
    wide = years(years.low + 1.0) - years.start
    every = max(1, math.ceil(room / wide))
    marks = []
    for year in range(first, last + 1):
        x = years(float(year))
        marks.append(tag("path", d=f"M{x:.1f} {plot.bottom:.1f}v4", stroke=MUTED, stroke_width=1))
        if (year - first) % every == 0 and plot.left + room / 2 - 6 <= x <= plot.right + 12:
            marks.append(text(x, plot.bottom + 17, str(year), size=11, anchor="middle", fill=MUTED))
    return marks


def _band(plot: Plot, x: Sequence[float], ends: tuple[Sequence[float], Sequence[float]], opacity: float) -> str:
    low, high = ends
    upper = [f"{at:.1f} {plot.y(v):.1f}" for at, v in zip(x, high, strict=True)]
    lower = [f"{at:.1f} {plot.y(v):.1f}" for at, v in zip(x, low, strict=True)]
    d = "M" + "L".join([*upper, *reversed(lower)]) + "Z"
    return tag("path", d=d, fill=FILLS[_MEDIAN], fill_opacity=opacity, stroke="none")


def _line(
    plot: Plot, x: Sequence[float], values: Sequence[float], colour: str, *, width: float, dash: str | None
) -> str:
    d = "M" + "L".join(f"{at:.1f} {plot.y(v):.1f}" for at, v in zip(x, values, strict=True))
    return tag(
        "path", d=d, fill="none", stroke=colour, stroke_width=width, stroke_dasharray=dash, stroke_linejoin="round"
    )


def _ends(plot: Plot, x: float, shown: Fan) -> list[str]:
    """Name the quantiles, and what is stated, at their last values, with hairlines where they had to move."""
    named = [(getattr(shown, key)[-1], words, _MEDIAN) for key, words in _QUANTILES]
    if shown.stated:
        named.append((shown.stated[-1], "as stated", _STATED))
    ends = [plot.y(value) for value, _, _ in named]
    places = spread(ends, 15.0, plot.top, plot.bottom)
    marks = []
    for (_, words, colour), end, place in zip(named, ends, places, strict=True):
        d = f"M{x + 3:.1f} {end:.1f}L{plot.right + 10:.1f} {place:.1f}"
        marks.append(tag("path", d=d, stroke=GRID, fill="none", stroke_width=1))
        marks.append(text(plot.right + 13, place + 4, words, fill=FILLS[colour], bold=words in {"median", "as stated"}))
    return marks


def _key_of(shown: Fan, width: float) -> list[list[tuple[str, float]]]:
    """Lay the key out in lines: words, and the opacity of their band or 0 for the thin lines."""
    count = len(shown.samples)
    of = f" of {shown.paths:,}" if shown.paths else ""
    entries = [("middle 50 % of paths", 0.38), ("middle 80 %", 0.16)]
    if count == shown.paths > 1:
        entries.append((f"all {count} paths", 0.0))
    elif count:
        entries.append((f"{count} sample paths{of}" if count > 1 else f"1 sample path{of}", 0.0))
    lines: list[list[tuple[str, float]]] = [[]]
    for entry in entries:
        if sum(_KEY_ROOM + text_width(words, 11) for words, _ in [*lines[-1], entry]) > width and lines[-1]:
            lines.append([])
        lines[-1].append(entry)
    return lines


def _key(drawing: Drawing, left: float, lines: list[list[tuple[str, float]]]) -> None:
    """Explain the bands and the thin lines under the plot."""
    for row, line in enumerate(reversed(lines)):
        x, y = left, drawing.height - 7 - 17 * row
        for words, opacity in line:
            if opacity:
                mark = tag("rect", x=x, y=y - 10, width=16, height=11, fill=FILLS[_MEDIAN], fill_opacity=opacity)
            else:
                mark = tag("path", d=f"M{x:.1f} {y - 4:.1f}h16", stroke=MUTED, stroke_width=0.9)
            drawing.add(mark, text(x + 22, y, words, size=11, fill=INK))
            x += _KEY_ROOM + text_width(words, 11)
