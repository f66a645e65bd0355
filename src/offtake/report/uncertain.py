"""Page 1 of a plan under uncertainty: what it is worth, how far it spreads, what each party gains, what is decided when, each path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.report import sentences_paths as said
from offtake.report.blocks import cellwise, empty, figure, paragraph, table, twin
from offtake.report.charts_paths import DOTS, FANS, dots_chart, fan_chart, title_of
from offtake.report.words import percent, plural, power, usd
from offtake.tables import Column, Table, escape, significant

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["under_uncertainty"]


def under_uncertainty(data: ReportData) -> str:
    """Write what only a plan for several paths has; nothing for a plan of one path."""
    if not data.fact("paths"):
        return ""
    return "".join((_worth(data), _spread(data), _parties(data), _decided(data), _paths(data)))


def _texts(name: str, heads: dict[str, str], rows: list[list[str]]) -> Table:
    return Table(name, tuple(Column(n, "", t, "text") for n, t in heads.items()), rows)


def _worth(data: ReportData) -> str:
    """Set the worth of the plan in and out of sample, of hedging, of information and of waiting in one table."""
    heads = {"what": "Worth of", "amount": "Amount", "meaning": "What it says"}
    shown = _texts("worth", heads, [list(row) for row in said.worth_rows(data)])
    sub = (
        "Objective in US dollars at its rate, settled. In sample is what any optimiser promises itself; judge the plan by the fresh paths. "
        "The hedge, information and waiting are counted in the risk-adjusted objective, without whole numbers."
    )
    body = table(shown) + paragraph(said.risk(data), "note")
    return figure("worth", said.worth(data), sub=sub, body=body, number="U1")


def _spread(data: ReportData) -> str:
    """Draw the fans."""
    charts = [(name, fan_chart(data, name)) for name in FANS]
    drawn = [f"<div><h4>{escape(title_of(data, name))}</h4>{svg}</div>" for name, svg in charts if svg]
    body = f'<div class="beside">{"".join(drawn)}</div>' if drawn else empty("No spread over paths is given.")
    sub = (
        "The plan on its own paths. Power and tokens: means of each period of the grid, tokens as a yearly rate; cash: cumulative before "
        "equity and loans, at year ends."
    )
    shown = _in_words(data, data.table("fans"))
    return figure(
        "fans", said.spread(data), sub=sub, body=body, twins=twin(table(shown)) if len(shown) else "", number="U2"
    )


def _in_words(data: ReportData, shown: Table) -> Table:
    """Name the series and write them in the units of their charts; the table's own names and units are for programs."""
    names = [str(s) for s in shown["series"]]
    by = np.array([FANS[n][1] if n in FANS else 1.0 for n in names])
    cells = {n: a / by if a.dtype.kind == "f" else a for n, a in shown.arrays().items()}
    cells["series"] = np.array([title_of(data, n) if n in FANS else n for n in names], dtype=object)
    cells["unit"] = np.array(
        [FANS[n][2] if n in FANS else u for n, u in zip(names, shown["unit"], strict=True)], dtype=object
    )
    return cellwise(Table(shown.name, shown.columns, cells), *(c.name for c in shown.columns if c.kind == "float"))


def _parties(data: ReportData) -> str:
    """Draw what each party gains, and what the plan is worth on fresh paths."""
    charts = [(name, dots_chart(data, name)) for name in DOTS]
    drawn = []
    for name, svg in charts:
        if svg:
            own = f"{data.party(name)}: {DOTS[name]}, on the {plural(data.fact('paths'), 'path')} of the plan"
            title = DOTS[name] if name == "fresh" else own
            drawn.append(f"<div><h4>{escape(title[:1].upper() + title[1:])}</h4>{svg}</div>")
    sub = (
        "From 20 paths up each dot is as likely as another: count them; of fewer paths each is one dot. "
        "Each party’s own mean and tail are told; what is maximised is the objective."
    )
    body = f'<div class="beside">{"".join(drawn)}</div>' if drawn else ""
    shown = data.table("dots")
    return figure(
        "gains", said.parties(data), sub=sub, body=body, twins=twin(table(shown)) if len(shown) else "", number="U3"
    )


def _decided(data: ReportData) -> str:
    """List what is fixed now, and what at each stage in each node."""
    rows = data.table("stage_decisions").rows()
    heads = {
        "stage": "Decided",
        "chance": "Probability",
        "seen": "If by then one sees",
        "what": "Decision",
        "paths": "Paths",
    }
    shown = [
        [
            "now" if k == 0 else f"{r['stage']}, from {r['start']:%Y-%m}" if r["start"] else r["stage"],
            percent(r["probability_frac"]),
            "always" if k == 0 else r["seen"],
            r["what"],
            r["paths"],
        ]
        for k, r in enumerate(rows)
    ]
    sub = (
        "Paths that cannot be told apart yet share their decisions; what all paths share is fixed now. MW at the fence, begun between this "
        "stage and the next; chips by the thousand. Probabilities of a stage add up to one."
    )
    if len({r["stage"] for r in rows}) > 1:
        sub += f" {said.RELAXED}"
    body = table(_texts("decisions", heads, shown), kind="cases") if rows else empty("No stages are given.")
    return figure("decisions", said.decided(data), sub=sub, body=body, number="U4")


def _paths(data: ReportData) -> str:
    """List the paths, each in one row."""
    rows = data.table("paths").rows()
    heads = {
        "path": "Path",
        "chance": "Probability",
        "stressed": "As risk counts it",
        "what": "What happens, against the central path",
        "value": "Objective",
        "offtaker": f"{data.party('offtaker')[:1].upper()}{data.party('offtaker')[1:]} gains",
        "provider": f"{data.party('provider')[:1].upper()}{data.party('provider')[1:]} gains",
        "peak": "Peak power",
    }
    shown = [
        [
            significant(r["path"]),
            percent(r["probability_frac"]),
            percent(r["stressed_frac"]),
            r["what"],
            usd(r["objective_usd"]),
            usd(r["offtaker_against_no_alliance_usd"]),
            usd(r["provider_against_no_alliance_usd"]),
            power(r["peak_facility_mw"]),
        ]
        for r in sorted(rows, key=lambda r: r["objective_usd"])
    ]
    sub = (
        "Worst first. Factors are means over the horizon; the three quantities farthest from central are named, a year’s delay counting "
        "as far as a factor of two. "
        "Gains are against no alliance."
    )
    body = table(_texts("paths", heads, shown), kind="cases") if rows else empty("No paths are given.")
    return figure("paths", said.paths(data), sub=sub, body=body, number="U5")
