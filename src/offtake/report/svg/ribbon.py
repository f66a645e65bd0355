"""The bottleneck ribbon: limits × periods, coloured where a limit binds, with prices in the cells and worth at the right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.draw import GRID, INK, MUTED, Drawing, shorten, tag, text, text_width
from offtake.report.svg.wrap import both_ends, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cell", "RibbonRow", "height_of_ribbon", "ribbon"]

_ROW, _TOP, _LEGEND = 38.0, 34.0, 30.0
_FULL, _HALF = 1 - 1e-9, 0.5
"""From which share on a cell is full, and from which its fill is high enough to write on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One limit in one period: does it bind, its price in a few characters (empty: none to show), on which share of the paths."""

    binds: bool
    price: str = ""
    size: float = 0.0
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RibbonRow:
    """One limit: name, unit of its prices, kind (an index into the fills), a cell per period, what relief is worth."""

    name: str
    unit: str
    kind: str
    colour: int
    cells: tuple[Cell, ...]
    worth: str = ""
    step: str = ""


def height_of_ribbon(rows: int) -> float:
    """Give the height that so many rows need."""
    return _TOP + _ROW * max(rows, 1) + _LEGEND


def ribbon(
    drawing: Drawing, periods: Sequence[str], rows: Sequence[RibbonRow], *, head: str = "Worth of one step more"
) -> str:
    """Draw the ribbon; a cell is filled from below as far as the share of the paths on which the limit binds.

    A price stands in its cell where it fits, otherwise the largest price of a run of binding periods stands over the run.
    """
    left, right = 252.0, drawing.width - 194.0
    step = (right - left) / max(len(periods), 1)
    drawing.add(*_heads(periods, left, step))
    drawing.add(text(right + 14, _TOP - 12, head, size=11, fill=MUTED))
    for k, row in enumerate(rows):
        y = _TOP + k * _ROW
        drawing.add(*_name(row, y, left - 12))
        drawing.add(tag("path", d=f"M0 {y + _ROW - 1:.1f}H{drawing.width:.1f}", stroke=GRID))
        _cells(drawing, row, (left, y + 4, step))
        lines = wrapped(row.step, 178, 10.5)
        first = y + (15 if len(lines) == 1 else 10)
        drawing.add(text(right + 14, first, shorten(row.worth, 178, 12.5, bold=True), size=12.5, bold=True))
        for n, line in enumerate(lines, start=1):
            drawing.add(text(right + 14, first + 1 + 11.5 * n, line, size=10.5, fill=MUTED))
    _legend(drawing, rows, left)
    return drawing.markup()


def _name(row: RibbonRow, y: float, room: float) -> list[str]:
    """Write a limit and the unit of its prices; a long name smaller, on two lines."""
    if text_width(row.name, 12.5, bold=True) <= room:
        names, size, first, below = [row.name], 12.5, 15.0, 29.0
    else:
        names, size, first, below = both_ends(row.name, room / _BOLD, 11), 11.0, 10.0, 33.0
    marks = [text(0, y + first + 12 * n, words, size=size, bold=True) for n, words in enumerate(names)]
    return [*marks, text(0, y + below, shorten(row.unit, room, 11), size=11, fill=MUTED)]


_BOLD = 1.11
"""How much wider bold letters are, at the most."""


def _heads(periods: Sequence[str], left: float, step: float) -> list[str]:
    """Write years once, and the part of the year below where there is room."""
    marks, last = [], ""
    for i, period in enumerate(periods):
        year, _, part = period.partition("-")
        x = left + i * step
        if year != last:
            room = step * periods_of(periods, year) - 3
            short = (w for w in (year, year[2:] if "/" in year else year, f"’{year[2:4]}") if text_width(w, 11) < room)
            if words := next(short, ""):
                marks.append(text(x + 2, 11, words, size=11, fill=INK))
            marks.append(tag("path", d=f"M{x:.1f} 2V{_TOP - 4:.1f}", stroke=GRID))
            last = year
        if part and text_width(part, 10) < step - 2:
            marks.append(text(x + 2, 24, part, size=10, fill=MUTED))
    return marks


def periods_of(periods: Sequence[str], year: str) -> int:
    """Count the periods of a year."""
    return sum(p.partition("-")[0] == year for p in periods)


def _cells(drawing: Drawing, row: RibbonRow, place: tuple[float, float, float]) -> None:
    """Draw the cells of a row, then the prices on top."""
    left, y, step = place
    fits = all(text_width(c.price, 10) <= step - 3 for c in row.cells)
    fill = drawing.fill(row.colour, pattern=0)
    for i, cell in enumerate(row.cells):
        x = left + i * step
        if cell.binds:
            whole = _ROW - 10
            high = whole if cell.share > _FULL else max(2.0, whole * cell.share)
            if high < whole:
                drawing.add(
                    tag("rect", x=x + 0.5, y=y, width=step - 1, height=whole, fill=fill, fill_opacity=0.14, rx=1.5)
                )
            drawing.add(tag("rect", x=x + 0.5, y=y + whole - high, width=step - 1, height=high, fill=fill, rx=1.5))
            if fits and cell.price:
                drawing.add(_price(x + step / 2, y, cell.price, cell.share))
        else:
            drawing.add(tag("rect", x=x + 0.5, y=y + 12, width=step - 1, height=4, fill=GRID, rx=1.5))
    if not fits:
        for start, end in _binding_runs(row.cells):
            largest = max(row.cells[start:end], key=lambda c: c.size)
            words = f"≤ {largest.price}" if end - start > 1 else largest.price
            if largest.price and text_width(words, 10) < step * (end - start) - 2:
                least = min(c.share for c in row.cells[start:end])
                drawing.add(_price(left + step * (start + end) / 2, y, words, least))


def _price(x: float, y: float, words: str, share: float) -> str:
    """Write a price on its cell: light on the fill where that is high enough, else dark above it."""
    whole = _ROW - 10
    filled = whole * min(share, 1.0)
    if share > _HALF:
        return text(x, y + whole - filled / 2 + 4, words, size=10, anchor="middle", fill="#ffffff")
    return text(x, y + (whole - filled) / 2 + 4, words, size=10, anchor="middle", fill=INK, halo=True)


def _binding_runs(cells: Sequence[Cell]) -> list[tuple[int, int]]:
    """Find the runs of periods in which a limit binds, as half-open ranges."""
    edges = [False, *(c.binds for c in cells), False]
    starts = [i for i in range(len(cells)) if edges[i + 1] and not edges[i]]
    ends = [i for i in range(1, len(cells) + 1) if edges[i] and not edges[i + 1]]
    return list(zip(starts, ends, strict=True))


def _legend(drawing: Drawing, rows: Sequence[RibbonRow], left: float) -> None:
    """Name the kinds by colour, and say what a cell is."""
    y = drawing.height - 8
    x = left
    for kind, colour in dict.fromkeys((r.kind, r.colour) for r in rows if any(c.binds for c in r.cells)):
        drawing.add(tag("rect", x=x, y=y - 10, width=14, height=11, fill=drawing.fill(colour, pattern=0), rx=1.5))
        drawing.add(text(x + 20, y, kind, size=11))
        x += 20 + text_width(kind, 11) + 18
    drawing.add(tag("rect", x=x, y=y - 6, width=14, height=4, fill=GRID, rx=1.5))
    drawing.add(text(x + 20, y, "does not bind", size=11, fill=MUTED))
    if any(c.binds and c.share <= _FULL for r in rows for c in r.cells):
        x += 20 + text_width("does not bind", 11) + 18
        drawing.add(tag("rect", x=x, y=y - 12, width=14, height=14, fill=MUTED, fill_opacity=0.14, rx=1.5))
        drawing.add(tag("rect", x=x, y=y - 5, width=14, height=7, fill=MUTED, rx=1.5))
        drawing.add(text(x + 20, y, "binds on half of the paths", size=11, fill=MUTED))
