"""Chips side by side: the table, the page, and the picture of a Pareto front."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from offtake.report.blocks import figure, paragraph, table, twin
from offtake.report.css import CSS
from offtake.report.svg.draw import FILLS, GRID, INK, MUTED, Drawing, shorten, tag, text
from offtake.tables import Column, Table, escape, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.perf.best import FrontPoint
    from offtake.perf.compare import Compared

__all__ = ["bars_svg", "comparison_page", "comparison_table", "front_svg"]

_MOST_PICTURES = 6
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def comparison_table(found: Sequence[Compared], about: str) -> Table:
    """Return one line a pair that has an estimate, the most tokens/s per MW of each model first."""
    nothing = float("nan")
    rows = [
        (
            one.model, one.chip, one.tok_per_s_per_chip, one.interval.low if one.interval else nothing,
            one.interval.high if one.interval else nothing, one.tok_per_j, one.it_w_per_chip,
            nothing if one.tok_per_usd is None else one.tok_per_usd / 1e6, one.tok_per_s_per_mw / 1e6,
        )
        for one in _ordered(found)
    ]  # fmt: skip
    columns = (
        Column("model", kind="text"), Column("chip", kind="text"), Column("rate", "tok/s", title="of a chip"),
        Column("low", "tok/s", title="80 %: from"), Column("high", "tok/s", title="to"), Column("per_watt", "tok/J", title="of a watt"),
        Column("watts", "W", title="draw"), Column("per_dollar", "M tok/USD", title="of a dollar"),
        Column("per_mw", "M tok/s", title="of a MW of facility"),
    )  # fmt: skip
    return Table("comparison", columns, rows, title=f"Chips compared: {about}")


def _ordered(found: Sequence[Compared]) -> list[Compared]:
    """Return the pairs with an estimate: models as asked, in each the most tokens of a megawatt first."""
    place = {name: i for i, name in enumerate(dict.fromkeys(one.model for one in found))}
    return sorted((one for one in found if not one.refusal), key=lambda one: (place[one.model], -one.tok_per_s_per_mw))


def comparison_page(found: Sequence[Compared], about: str) -> str:
    """Write a page of its own: a picture for each of the first models, and the table of all.

    Examples
    --------
    >>> "No pair has an estimate" in comparison_page([], "nothing asked")
    True
    """
    ordered = _ordered(found)
    names = list(dict.fromkeys(one.model for one in ordered))
    body = "" if ordered else paragraph("No pair has an estimate.", "empty")
    for k, name in enumerate(names[:_MOST_PICTURES]):
        mine = [one for one in ordered if one.model == name]
        best = mine[0]
        claim = f"{name}: {best.chip} makes the most of a megawatt, {significant(best.tok_per_s_per_mw / 1e6)} M tok/s"
        body += figure(
            f"chips-{k}", claim, sub=f"Tokens/s of one MW of facility, with the 80 % interval; {about}",
            body=bars_svg(mine, f"chips-{k}", name), twins=twin(table(comparison_table(mine, name))),
        )  # fmt: skip
    if len(names) > _MOST_PICTURES:
        body += twin(table(comparison_table(ordered, about)), "All models as a table")
    title = "Chips compared"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} · Offtake</title>\n<style>{CSS}</style></head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        f"{paragraph(about + '.')}{body}</main>\n"
        "<footer><p>Estimates fitted to public measurements. An interval holds four in five of the points that were measured; a chip or a "
        "model without any is less sure than its interval says.</p></footer>\n</body></html>\n"
    )


def bars_svg(rows: Sequence[Compared], ident: str, name: str) -> str:
    """Draw a bar a chip, tokens/s of a megawatt, with the interval as a line."""
    high = max((one.mw_interval.high if one.mw_interval else one.tok_per_s_per_mw for one in rows), default=1.0) or 1.0
    left, right, step = 210.0, 860.0, 22.0
    drawing = Drawing(
        ident,
        960.0,
        30.0 + step * len(rows),
        f"{name}: tokens/s of a megawatt",
        "One bar a chip; lines are 80 % intervals.",
    )

    def x(value: float) -> float:
        return left + (right - left) * min(max(value, 0.0), high) / high

    for k, one in enumerate(rows):
        top = 8.0 + step * k
        drawing.add(text(left - 8, top + 12, shorten(one.chip, left - 16), anchor="end"))
        drawing.add(
            tag("rect", x=left, y=top, width=max(0.5, x(one.tok_per_s_per_mw) - left), height=14, fill=FILLS[0])
        )
        if one.mw_interval is not None:
            low, top_value = x(one.mw_interval.low), x(one.mw_interval.high)
            drawing.add(tag("path", d=f"M{low:.1f} {top + 7:.1f}H{top_value:.1f}", stroke=FILLS[3], stroke_width=3))
            drawing.add(
                text(top_value + 8, top + 12, f"{significant(one.tok_per_s_per_mw / 1e6)} M", fill=MUTED, halo=True)
            )
    drawing.add(tag("path", d=f"M{left} 4V{10 + step * len(rows):.1f}", stroke=INK, stroke_width=1))
    return drawing.markup()


def front_svg(front: Sequence[FrontPoint], *, title: str, train: bool) -> str:
    """Draw a Pareto front: latency to the right, tokens/s of a chip upwards, both from nought.

    Examples
    --------
    >>> from offtake.perf.best import FrontPoint
    >>> front_svg([FrontPoint(latency_s=0.02, tok_per_s_per_chip=100.0, words="tp 8")], title="a", train=False).startswith("<svg")
    True
    """
    scale, unit = (1.0, "s a step") if train else (1e3, "ms a token")
    points = [(scale * p.latency_s, p.tok_per_s_per_chip, p.words) for p in front if math.isfinite(p.latency_s)]
    most_x = 1.05 * max((p[0] for p in points), default=1.0) or 1.0
    most_y = 1.05 * max((p[1] for p in points), default=1.0) or 1.0
    drawing = Drawing(
        "front", 820.0, 460.0, f"Pareto front: {title}", "No plan on the line is beaten in both latency and rate."
    )
    left, bottom, width, height = 90.0, 400.0, 690.0, 350.0

    def at(one: tuple[float, float, str]) -> tuple[float, float]:
        return left + width * one[0] / most_x, bottom - height * one[1] / most_y

    for share in (0.25, 0.5, 0.75, 1.0):
        y, x = bottom - height * share, left + width * share
        drawing.add(
            tag("path", d=f"M{left} {y:.1f}H{left + width}", stroke=GRID),
            tag("path", d=f"M{x:.1f} {bottom - height}V{bottom}", stroke=GRID),
        )
        drawing.add(text(left - 8, y + 4, significant(share * most_y), anchor="end", fill=MUTED))
        drawing.add(text(x, bottom + 18, significant(share * most_x), anchor="middle", fill=MUTED))
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(at, points))
    drawing.add(tag("path", d=f"M{left} {bottom - height}V{bottom}H{left + width}", stroke=INK, fill="none"))
    if points:
        drawing.add(tag("path", d=f"M{path}", stroke=FILLS[0], fill="none", stroke_width=2))
    for one in points:
        x, y = at(one)
        words = f"{one[2]}: {significant(one[0])} {unit}, {significant(one[1])} tok/s per chip"
        drawing.add(tag("circle", tag("title", escape(words)), cx=x, cy=y, r=4, fill=FILLS[0]))
    drawing.add(
        text(left, 26, title, size=15, bold=True), text(left, bottom - height - 6, "tok/s per chip", fill=MUTED)
    )
    drawing.add(text(left + width, bottom + 38, unit, anchor="end", fill=MUTED))
    return drawing.markup()
