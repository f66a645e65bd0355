"""Charts of page 1: each takes the data and gives the markup of a chart, or nothing where there is nothing to draw."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.report import sentences
from offtake.report.data import KINDS
from offtake.report.svg.axes import Series
from offtake.report.svg.draw import Drawing
from offtake.report.svg.lines import line_chart
from offtake.report.svg.panels import Panel, panels
from offtake.report.svg.ribbon import Cell, RibbonRow, height_of_ribbon, ribbon
from offtake.report.svg.tornado import Swing, height_of_tornado, tornado
from offtake.report.svg.waterfall import Step, height_of_waterfall, waterfall
from offtake.report.words import compact, percent, power, usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from offtake.report.data import ReportData

__all__ = [
    "FULL",
    "HALF",
    "bottleneck_ribbon",
    "cash_chart",
    "circularity_chart",
    "commitment_chart",
    "firm_chart",
    "power_chart",
    "tornado_chart",
]

FULL, WIDE, HALF = 1040.0, 700.0, 498.0
_MOST_LIMITS, _MOST_SWINGS, _MOST_COMMITMENTS = 10, 12, 3
_MOST_OF_A_KIND = 3  # limits of one kind in the ribbon, before a kind may fill what room is left

_POWER = (
    ("accepted", Series(name="", values=(), colour=0, width=2.5, area=True)),
    ("used", Series(name="", values=(), colour=1, width=2.0, area=True, dash="7 3")),
    ("energised", Series(name="", values=(), colour=4, width=1.5)),
    ("interconnected", Series(name="", values=(), colour=5, width=1.5, dash="1.5 2.5")),
    ("contracted", Series(name="", values=(), colour=7, width=1.5, dash="8 3 2 3")),
    ("announced", Series(name="", values=(), colour=7, width=1.5)),
    ("demand", Series(name="", values=(), colour=2, width=2.5, dash="6 4")),
)


def _scaled(values: NDArray[Any], by: float) -> tuple[float, ...]:
    return tuple(float(v) / by for v in values.tolist())


def power_chart(data: ReportData) -> str:
    """Draw GW by year: nested areas of what is used and accepted, lines of what is promised, demand dashed."""
    table = data.table("power_by_year")
    series, ends = [], []
    for word, look in _POWER:
        values = table[f"{word}_facility_mw"]
        if np.isfinite(values).any():
            last = float(values[np.isfinite(values)][-1])
            series.append(_like(look, word, _scaled(values, 1000.0)))
            ends.append(f"{word} {power(last)}")
    if not series:
        return ""
    drawing = Drawing("power", WIDE, 290.0, "Facility power by year", sentences.gigawatts(data))
    return line_chart(drawing, [str(y) for y in table["year"]], series, unit="GW, facility", ends=ends)


def _like(look: Series, name: str, values: tuple[float, ...]) -> Series:
    return Series(name=name, values=values, colour=look.colour, dash=look.dash, width=look.width, area=look.area)


def bottleneck_ribbon(data: ReportData) -> str:
    """Draw the limits that bind or are worth relieving, most worth first; over paths, those that bind most often."""
    table = data.table("bottlenecks")
    periods = list(dict.fromkeys(table["period"]))
    reliefs = {r["limit"]: r for r in data.table("reliefs").rows()}
    shares = {(r["limit"], r["period"]): r for r in data.table("binding").rows()}
    rows = []
    for limit in sentences.ranked_limits(data):
        own = table.where(limit=limit).rows()
        if not any(r["binding"] for r in own) and limit not in reliefs:
            continue
        kind = own[0]["kind"] if own[0]["kind"] in KINDS else "other"
        by_period = {r["period"]: r for r in own}
        worth, step = _aside(limit, reliefs, shares)
        rows.append(
            RibbonRow(
                name=data.limit(limit),
                unit=next((r["unit"] for r in own if r["unit"]), ""),
                kind=kind,
                colour=KINDS.index(kind),
                cells=tuple(_ribbon_cell(by_period.get(p), shares.get((limit, p))) for p in periods),
                worth=worth,
                step=step,
            )
        )
    rows = _mixed(rows)
    if not rows or not periods:
        return ""
    title = "Which limits bind in which period" + (", and on how many paths" if shares else "")
    drawing = Drawing("ribbon", FULL, height_of_ribbon(len(rows)), title, sentences.bottleneck(data))
    return ribbon(
        drawing, periods, rows, head="How often it binds" if shares and not reliefs else "Worth of one step more"
    )


def _aside(limit: str, reliefs: Mapping[str, Any], shares: Mapping[tuple[str, str], Any]) -> tuple[str, str]:
    """Say at the right what relief is worth, or over paths how often the limit binds and how its price spreads."""
    relief = reliefs.get(limit)
    if relief or not shares:
        return (usd(relief["relief_usd"]), relief["step"]) if relief else ("", "not computed")
    own = [r for (name, _), r in shares.items() if name == limit]
    top = max(own, key=lambda r: (r["share_frac"], abs(r["price"] or 0.0)))
    low, high = compact(top["price_low"]), compact(top["price_high"])
    spread = f"price {low} to {high} in {top['period']}" if high and low != high else f"most in {top['period']}"
    return f"up to {percent(top['share_frac'])} of paths", spread


def _mixed(rows: list[RibbonRow]) -> list[RibbonRow]:
    """Keep the first few rows of every kind and show kind by kind, so that one kind does not crowd out the others."""
    kept: list[RibbonRow] = []
    for most in (_MOST_OF_A_KIND, _MOST_LIMITS):
        for row in rows:
            if row not in kept and len(kept) < _MOST_LIMITS and sum(r.kind == row.kind for r in kept) < most:
                kept.append(row)
    return sorted(kept, key=lambda row: row.colour)


def _ribbon_cell(row: dict[str, Any] | None, over_paths: dict[str, Any] | None) -> Cell:
    if row is None or not row["binding"]:
        return Cell(binds=False)
    price = row["price"]
    share = 1.0 if over_paths is None else over_paths["share_frac"]
    return Cell(binds=True, price=compact(price), size=abs(price or 0.0), share=share)


def cash_chart(data: ReportData) -> str:
    """Draw for each party: cumulative cash before funding as a line, the funding gap of each year as columns."""
    table = data.table("cash_by_year")
    years = sorted(set(table["year"].tolist()))
    rows = []
    for party in ("offtaker", "provider"):
        own = table.where(party=party)
        if not len(own):
            continue
        line = _over(years, own["year"], own["cumulative_before_funding_usd"])
        gap = _over(years, own["year"], own["funding_gap_usd"])
        known = [i for i, v in enumerate(line) if math.isfinite(v)]
        at = min(known, key=lambda i, line=line: line[i]) if known else None  # type: ignore[misc]
        note = (at, f"lowest {usd(line[at] * 1e9)}") if at is not None and line[at] < 0 else None
        rows.append(
            Panel(
                title=_upper(data.party(party)),
                columns=(Series(name="funding gap of the year", values=gap, colour=3),),
                lines=(Series(name="cumulative cash before funding", values=line, colour=0, width=2.5, area=True),),
                note=note,
            )
        )
    if not rows:
        return ""
    drawing = Drawing("cash", FULL, 330.0, "Cash by year and party", sentences.cash(data))
    return panels(drawing, [_short_year(y) for y in years], rows, unit="bn USD, nominal")


def _over(years: Sequence[int], at: NDArray[Any], values: NDArray[Any]) -> tuple[float, ...]:
    """Bring values to the given years, in billions; NaN where there is none, sums where there are several."""
    found: dict[int, float] = {}
    for year, value in zip(at.tolist(), values.tolist(), strict=True):
        found[year] = found.get(year, 0.0) + value / 1e9
    return tuple(found.get(y, math.nan) for y in years)


def commitment_chart(data: ReportData) -> str:
    """Draw for each commitment: planned and low-case spend as columns, true-ups beside them, the floor as a level."""
    table = data.table("commitments_by_year")
    years = sorted(set(table["year"].tolist()))
    rows = []
    for name in list(dict.fromkeys(table["commitment"]))[:_MOST_COMMITMENTS]:
        own = table.where(commitment=name)

        def over(column: str, own: Any = own) -> tuple[float, ...]:  # noqa: ANN401
            return _over(years, own["year"], own[column])

        columns = [
            Series(name="planned", values=over("planned_usd"), colour=0),
            Series(name="low case", values=over("low_usd"), colour=4),
            Series(name="true-up", values=over("true_up_usd"), colour=2),
            Series(name="true-up, low case", values=over("low_true_up_usd"), colour=2),
        ]
        rows.append(
            Panel(
                title=name,
                columns=tuple(c for c in columns if any(v > 0 for v in c.values)),
                steps=(Series(name="floor", values=over("floor_usd"), colour=3),),
            )
        )
    if not rows:
        return ""
    drawing = Drawing("commitment", FULL, 280.0, "Spend against the commitment by year", sentences.commitment(data))
    return panels(drawing, [_short_year(y) for y in years], rows, unit="bn USD")


def firm_chart(data: ReportData) -> str:
    """Draw from headline to firm, one waterfall for each layer."""
    table = data.table("headline_to_firm")
    groups = []
    for layer in dict.fromkeys(table["layer"]):
        steps = [
            Step(
                name=r["step"],
                role=r["role"],
                amount=math.nan if r["amount_usd"] is None else r["amount_usd"],
                label=f"{chr(0x2212) if r['role'] == 'less' and r['amount_usd'] else ''}{usd(r['amount_usd'])}",
            )
            for r in table.where(layer=layer).rows()
        ]
        groups.append((f"{_upper(layer)} deal", steps))
    if not groups:
        return ""
    drawing = Drawing("firm", HALF, height_of_waterfall(groups), "From headline to firm", sentences.firm(data))
    return waterfall(drawing, groups)


def circularity_chart(data: ReportData) -> str:
    """Draw the returned and the funded share by date, firm money solid, contingent money dashed."""
    table = data.table("circularity")
    if not table["invested_usd"].any():  # no money went in, so no share of it can return
        return ""
    dates = sorted(set(table["date"].tolist()))
    series = []
    for column, word, colour in (("returned_share_frac", "returned", 0), ("funded_share_frac", "funded", 2)):
        for firmness, dash in (("firm", None), ("contingent", "5 4")):
            rows = {r["date"]: r[column] for r in table.where(firmness=firmness).rows() if r[column] is not None}
            values = tuple(100 * rows[d] if d in rows else math.nan for d in dates)
            if any(map(math.isfinite, values)):
                series.append(Series(name=f"{word}, {firmness}", values=values, colour=colour, dash=dash))
    if not series:
        return ""
    words = "; ".join(f"{s.name}: {s.values[-1]:.0f} % at the end" for s in series if math.isfinite(s.values[-1]))
    drawing = Drawing("circularity", HALF, 260.0, "Returned share and funded share by year end", words)
    return line_chart(
        drawing, [_short_year(d.year) for d in dates], series, unit="%, cumulative from the valuation date"
    )


def tornado_chart(data: ReportData) -> str:
    """Draw the tornado on the value against no alliance, widest first."""
    base = sentences.value(data)
    rows = sorted(data.table("tornado").rows(), key=lambda r: (-sentences.swing(r), r["path"]))[:_MOST_SWINGS]
    if not rows or base is None:
        return ""
    swings = [
        Swing(
            name=r["assumption"],
            low=r["low"],
            high=r["high"],
            at_low=_billions(r["value_low_usd"]),
            at_high=_billions(r["value_high_usd"]),
            switch=r["switching_value"],
        )
        for r in rows
    ]
    drawing = Drawing(
        "tornado",
        FULL,
        height_of_tornado(len(rows)),
        "What moves the value against no alliance",
        sentences.tornado(data),
    )
    return tornado(drawing, swings, base=base / 1e9, unit="Joint value against no alliance, bn USD")


def _billions(value: float | None) -> float:
    return math.nan if value is None else value / 1e9


def _short_year(year: int) -> str:
    return f"\N{RIGHT SINGLE QUOTATION MARK}{year % 100:02d}"


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
