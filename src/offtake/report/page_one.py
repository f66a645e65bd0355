"""Page 1: who, what and under which terms; six figures with sentences for titles; the table of cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from offtake.report import charts, sentences, sentences_paths
from offtake.report.blocks import empty, figure, paragraph, table, tied, twin
from offtake.report.uncertain import under_uncertainty
from offtake.report.words import percent, plural, power, usd
from offtake.tables import escape, significant

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["first_page", "header"]


def header(data: ReportData) -> str:
    """Write the head of the page: title, facts, the terms under which every figure stands, the headline figures."""
    facts = {
        "Scenario": data.scenario,
        "Run": data.run_id,
        "Valued at": data.fact("valuation_date"),
        "Foresight": data.fact("foresight"),
        "Paths": data.fact("paths"),
        "Stages": ", ".join(map(str, data.fact("stages") or ())),
        "Objective": data.objective,
        "Status": data.fact("status"),
        "Solver gap": _gap(data),
    }
    listed = "".join(
        f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items() if v not in {None, ""}
    )
    return (
        f'<header class="top"><p class="kicker">Offtake report · {escape(data.offtaker)} and {escape(data.provider)}</p>'
        f"<h1>{escape(data.title or data.scenario)}</h1>"
        f'<dl class="facts">{listed}</dl>{_terms(data)}{_headline(data)}{_contents()}</header>\n'
    )


def _gap(data: ReportData) -> str:
    gap = data.fact("gap")
    return "" if gap is None else percent(float(gap))


def _terms(data: ReportData) -> str:
    """Say what the figures are and are not."""
    foresight = data.fact("foresight") or "perfect"
    lines = [
        "The economics are our assumptions and not the parties’. Signed terms are data; what is not public is assumed, and listed below.",
        "One planner, not an equilibrium: a single plan decides for both parties, each within its own rights.",
        f"Foresight is {foresight}: " + _FORESIGHT.get(str(foresight), "see the documentation."),
    ]
    if data.fact("paths"):
        lines.insert(0, sentences_paths.terms(data))
    if _gap(data):
        lines.append(
            f"The solver’s gap of {_gap(data)} bounds how far this plan may be from the best one under these assumptions. "
            "It is not the accuracy of a forecast."
        )
    if data.undetermined:
        lines.append("Not determined by the objective: " + " ".join(data.undetermined))
    lines += data.asides
    alert = data.fact("status") not in {None, "optimal"}
    if alert:
        lines.insert(0, _STATUS.get(str(data.fact("status")), f"Status: {data.fact('status')}."))
    return f'<div class="terms{" alert" if alert else ""}">{"".join(paragraph(w) for w in lines)}</div>'


_FORESIGHT = {
    "perfect": "the plan knows every price, delay and volume of its scenario in advance, so it is an upper bound on what could be done.",
    "two-stage": "the first decisions are taken before it is known which path comes, the rest after.",
    "rolling": "each stage decides on what is known by then, and is bound by it later.",
    "multistage": "signing, sites, phases, orders and the contract’s options know the past of their path only. Training, renting, "
    "serving and borrowing know their whole path, so that every value is an upper one between two stages.",
}

_STATUS = {
    "short": "An obligation is not met in this plan: see the findings.",
    "infeasible": "There is no plan: fixed decisions contradict each other or physics. See the findings.",
    "interrupted": "The solve was interrupted: this is the best plan found until then, and a better one may exist.",
    "time_limit": "The solve stopped at the time limit: a better plan may exist.",
}


def _headline(data: ReportData) -> str:
    """Set four figures, the first three as differences from no alliance."""
    over = f", mean over the {plural(data.fact('paths'), 'path')} of the plan" if data.fact("paths") else ""
    items = [(usd(sentences.value(data)), f"joint value against no alliance, at the objective’s rate{over}")]
    for party in ("offtaker", "provider"):
        npv, alone = data.fact(f"parties.{party}.npv_usd"), _alone(data, party)
        gain = npv - alone if npv is not None and alone is not None else None
        words = f"for {data.the(party)}, against no alliance{over}"
        if gain is None:
            words += f": {data.reason(f'no_alliance.{party}.npv_usd') or 'not known'}"
        items.append((usd(gain), words))
    peak, it = data.fact("peak_facility_power_mw"), data.fact("peak_it_power_mw")
    items.append(
        (
            power(peak),
            f"peak facility power accepted, {power(it)} of it for IT" if it is not None else "peak facility power",
        )
    )
    return (
        '<ul class="headline">'
        + "".join(f"<li><b>{tied(b)}</b><span>{tied(w)}</span></li>" for b, w in items)
        + "</ul>"
    )


def _alone(data: ReportData, party: str) -> float | None:
    """Give a party's value without the alliance; the document may hold the figure itself or an object with it."""
    found = data.fact(f"no_alliance.{party}")
    return found.get("npv_usd") if isinstance(found, Mapping) else found


def _contents() -> str:
    links = (
        ("flows", "Flows"),
        ("parties", "Both parties’ books"),
        ("physical", "Sites, chips and tokens"),
        ("trust", "Findings and certificate"),
        ("assumptions", "Every assumption"),
    )
    return '<nav aria-label="Contents">' + "\n".join(f'<a href="#{i}">{escape(w)}</a>' for i, w in links) + "</nav>"


def first_page(data: ReportData) -> str:
    """Write what the plan is worth under uncertainty, the six figures and the table of cases, in their order."""
    return "".join(
        (
            under_uncertainty(data),
            _drawn(data, ("1", "power_by_year"), sentences.gigawatts(data), charts.power_chart(data),
                   "Facility power at the end of each year; used: mean of the year’s last period. "
                   "Demand: what serving every demand step, training and research would take."),
            _drawn(data, ("2", "bottlenecks"), sentences.bottleneck(data), charts.bottleneck_ribbon(data),
                   _RIBBON_OF_PATHS if data.fact("paths") else
                   "Coloured where a limit binds; in the cells, the price of one more unit for a year. "
                   "At the right, the gain of a whole step more, solved again.",
                   also="binding" if data.fact("paths") else "reliefs"),
            _drawn(data, ("3", "cash_by_year"), sentences.cash(data), charts.cash_chart(data),
                   "Settled cash. Before funding: all but equity and loans, and without the opening cash. "
                   "Gap: by how much the year’s payments exceed its receipts."
                   + (" Mean over paths: single paths go deeper." if data.fact("paths") else "")),
            _drawn(data, ("4", "commitments_by_year"), sentences.commitment(data), charts.commitment_chart(data),
                   "Spend that counts towards the floor or the minimum, by the year in which the interval ends. "
                   "A minimum is that of what was made available."),
            _drawn(data, ("5", "headline_to_firm"), sentences.firm(data),
                   _beside(charts.firm_chart(data), charts.circularity_chart(data)),
                   "Firm, contingent, optional and cancellable amounts are taken off, never added; layers stand apart.",
                   also="circularity"),
            _drawn(data, ("6", "tornado"), sentences.tornado(data), charts.tornado_chart(data),
                   "Each assumption at its low (hatched) and high (plain) end, re-solved at the base plan’s yes/no choices; "
                   f"the sign turns where the alliance is worth as much as none. {sentences.decision(data)}"),
            _cases(data),
        )
    )  # fmt: skip


_RIBBON_OF_PATHS = (
    "The height of a cell is the share of the paths on which the limit binds in that period; in the cells, the expected price of one more "
    "unit for a year. At the right, the gain of a whole step more, solved again on all paths; else how often the limit binds, and how its "
    "price spreads over the paths."
)


def _beside(left: str, right: str) -> str:
    """Set two charts side by side, or the one that there is."""
    return f'<div class="beside"><div>{left}</div><div>{right}</div></div>' if left and right else left + right


def _drawn(data: ReportData, place: tuple[str, str], claim: str, svg: str, sub: str, *, also: str = "") -> str:
    """Set one figure with the twins of its tables."""
    number, name = place
    shown = [data.table(n) for n in (name, also) if n and len(data.table(n))]
    if name == "bottlenecks":  # a row for each limit and period would be thousands: the twin lists what binds
        shown = [t.take(np.flatnonzero(t["binding"])) if t.name == name else t for t in shown]
    twins = twin("".join(table(t) for t in shown)) if shown else ""
    return figure(name.replace("_", "-"), claim, sub=sub, body=svg, twins=twins, number=number)


_AGAINST_NONE = (
    "offtaker_against_no_alliance_usd",
    "provider_against_no_alliance_usd",
    "value_against_no_alliance_usd",
)


def _cases(data: ReportData) -> str:
    """Write the table of cases; the base case stands out, the method stands beside each case."""
    shown = data.table("cases")
    sub = (
        "Money in nominal US dollars; net present values at the objective’s rate, before tax, the infrastructure’s after tax. "
        "A range across named cases is not a probability."
    )
    if data.fact("paths"):
        sub += (
            " The first row is the mean over the paths, its peak funding the largest of any path, decided without knowing which comes; "
            "each named case is planned on its own central path with perfect foresight, and compares with it neither in funding nor in "
            "foresight."
        )
    if not len(shown):
        return figure(
            "cases", sentences.cases(data), sub=sub, body=empty(data.missing.get("cases") or "No case was solved.")
        )
    aside = ("title", "status", "method", *_AGAINST_NONE)
    kept = [c.name for c in shown.columns if c.name not in aside]
    markup = table(shown.select(*kept), kind="cases").replace("<tbody><tr>", '<tbody><tr class="base">', 1)
    about = twin(
        table(shown.select("case", "title", "status", "method", *_AGAINST_NONE)),
        "What each case changes, how it was solved, and what each party gains against no alliance",
    )
    return figure("cases", sentences.cases(data), sub=sub, body=markup + _yardstick(data), twins=about)


def _yardstick(data: ReportData) -> str:
    """Set the base case's revenue per MW beside the public range, with a reason where it is above."""
    rows = data.table("cases").rows()
    revenue = rows[0]["revenue_usd_per_mw_y"] if rows else None
    if revenue is None:
        return ""
    words = (
        f"Revenue per MW-year is {usd(revenue)} in the first case; whole companies have made about $10 M, "
        "and $8–25 M is what one may plan for."
    )
    if revenue > 25e6:
        words += f" {significant(revenue / 1e6)} M is above that range" + (
            f": {w}" if (w := data.reason("revenue_usd_per_mw_y")) else ", and needs its reason."
        )
    return paragraph(words, "note")
