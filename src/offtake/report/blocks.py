"""Pieces of the page as HTML: a figure with its table twin, a table over years, an empty place with its reason."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from offtake.tables import MINUS, NOTHING, Column, Table, escape, scale_of, significant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["cellwise", "empty", "figure", "paragraph", "table", "tied", "twin", "years"]

_DAY = re.compile(r"<td>(?=\d{4}-\d\d-\d\d</td>)")
_LONG = re.compile(r"(?<=>)[\w.\[\]-]{24,}(?=</td>)")
_UNIT = re.compile(r"(?<=\d) (?=(?:bn|M|k|T|GW|MW)\b|%)|(?<=×) (?=\d)")


def paragraph(words: str, kind: str = "") -> str:
    """Write a paragraph."""
    return f"<p{_kind(kind)}>{tied(words)}</p>"


def tied(words: str) -> str:
    r"""Escape a text and keep each figure on one line with its unit.

    Examples
    --------
    >>> tied("adds $1.24 bn; 2 of 3"), tied("from × 0.7")
    ('adds $1.24\xa0bn; 2 of 3', 'from ×\xa00.7')
    """
    return escape(_UNIT.sub("\N{NO-BREAK SPACE}", words).replace(f"{MINUS}$", f"{MINUS}\N{WORD JOINER}$"))


def empty(reason: str) -> str:
    """Say why there is nothing."""
    return paragraph(reason, "empty")


def table(shown: Table, *, kind: str = "") -> str:
    """Write a table that may scroll sideways on a narrow screen; a day stays on one line, long names break at dots and underscores."""
    markup = _DAY.sub('<td class="day">', shown.to_html())
    markup = _LONG.sub(lambda found: re.sub(r"(?<=[._])", "<wbr>", found[0]), markup)
    if kind:
        markup = markup.replace("<table>", f'<table class="{escape(kind)}">', 1)
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(shown.title or shown.name)}">{markup}</div>'


def cellwise(shown: Table, *names: str) -> Table:
    """Write columns of mixed units cell by cell, with three significant digits each: one count of decimals would not fit all.

    Examples
    --------
    >>> prices = Table("t", (Column("price"), Column("unit")), [(0.54, "USD/Mtok"), (3_635_251.0, "USD/MW-year"), (None, "")])
    >>> cellwise(prices, "price")["price"].tolist()
    ['0.54', '3,640,000', '–']
    """
    columns = tuple(Column(c.name, c.unit, c.heading, "text") if c.name in names else c for c in shown.columns)
    cells = {n: [significant(float(v)) for v in a.tolist()] if n in names else a for n, a in shown.arrays().items()}
    return Table(shown.name, columns, cells, shown.title, shown.note)


def twin(markup: str, summary: str = "The figures as a table") -> str:
    """Fold a table under its chart."""
    return f'<details class="twin"><summary>{escape(summary)}</summary>{markup}</details>'


def figure(ident: str, claim: str, *, sub: str, body: str, twins: str = "", number: str = "") -> str:
    """Set a chart: number, sentence, what is shown, the picture, its table twin; without a picture the sentence stands alone."""
    below = f'<p class="sub">{escape(sub)}</p>\n' if body else ""
    above = f'<p class="number">{escape(number)}</p>' if number else ""
    return (
        f'<section class="figure" id="{escape(ident)}">{above}<h3 class="claim">{tied(claim)}</h3>\n'
        f"{below}{body}\n{twins}</section>\n"
    )


def years(
    rows: Iterable[tuple[Sequence[str], str, Mapping[int, float]]],
    heads: Sequence[str],
    *,
    unit: str,
    caption: str = "",
) -> str:
    """Write a table with years as columns, one power of a thousand and one count of decimals for all.

    Parameters
    ----------
    rows : (labels, class, year → value)    class is a row's look: total, sub, line or empty
    heads : sequence of str                 over the labels
    unit : str                              of every value
    """
    kept = list(rows)
    found = sorted({y for _, _, values in kept for y in values})
    finite = [abs(v) for _, _, values in kept for v in values.values() if math.isfinite(v)]
    factor, shown_unit = scale_of(max(finite, default=0.0), unit)
    largest = max(finite, default=0.0) / factor
    decimals = 0 if largest >= 100 or largest == 0 else 1 if largest >= 10 else 2
    label = f"{caption}, {shown_unit}" if caption else shown_unit
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
    head += "".join(f'<th scope="col" class="n">{y}</th>' for y in found)
    body = "".join(
        f"<tr{_kind(kind)}>"
        + "".join(f'<th scope="row">{escape(w)}</th>' for w in labels)
        + "".join(f'<td class="n">{_cell(values.get(y), factor, decimals)}</td>' for y in found)
        + "</tr>\n"
        for labels, kind, values in kept
    )
    region = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
    return (
        f'{region}<table class="years"><caption>{escape(label)}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _cell(value: float | None, factor: float, decimals: int) -> str:
    """Write one figure; zero is a plain 0, nothing a dash, what rounds to zero keeps its sign away."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    words = f"{abs(value) / factor:,.{decimals}f}"
    return f"{MINUS}{words}" if value < 0 and float(words.replace(",", "")) else words


def _kind(kind: str) -> str:
    return f' class="{escape(kind)}"' if kind else ""
