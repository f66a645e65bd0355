"""Page 1: what one sees first, the figures with sentences for titles, the table of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.report import charts, sentences
from offtake.report.blocks import cellwise, empty, figure, paragraph, table, twin
from offtake.report.opening import opening
from offtake.report.uncertain import under_uncertainty
from offtake.report.words import usd
from offtake.tables import significant

if TYPE_CHECKING:
    from offtake.report.data import ReportData
    from offtake.tables import Table

__all__ = ["first_page"]


def first_page(data: ReportData) -> str:
    """Write what one sees first, what the plan is worth under uncertainty, the six figures and the table of cases, in their order."""
    return "".join(
        (
            opening(data),
            under_uncertainty(data),
            _drawn(data, ("2", "bottlenecks"), sentences.bottleneck(data), charts.bottleneck_ribbon(data),
                   _RIBBON_OF_PATHS if data.fact("paths") else
                   "Coloured where a limit binds; in the cells, the price of one more unit for a year. "
                   "At the right, the gain of a whole step more, solved again.",
                   also="binding" if data.fact("paths") else "reliefs"),
            _drawn(data, ("3", "cash_by_year"), sentences.cash(data), charts.cash_chart(data),
                   "Settled cash. Before funding: all but equity and loans, and without the opening cash. "
                   "Within a year it may go deeper: the funding need above is of the worst day. "
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
        shown = [*(_where_it_binds(t) for t in shown), *_named_otherwise(data)]
    twins = twin("".join(table(t) for t in shown)) if shown else ""
    return figure(name.replace("_", "-"), claim, sub=sub, body=svg, twins=twins, number=number)


def _where_it_binds(shown: Table) -> Table:
    """Keep the periods in which a limit binds; prices have a unit in each row."""
    mark = next((n for n in ("binding", "share_frac") if n in shown), None)
    kept = shown if mark is None else shown.take(np.flatnonzero(shown[mark] > 0))
    return cellwise(kept, *(n for n in ("price", "price_low", "price_high") if n in kept))


def _named_otherwise(data: ReportData) -> list[Table]:
    """Give the words of the limits whose name in the tables is another one."""
    names = data.table("limits")
    reported = set(data.table("bottlenecks")["limit"])
    kept = [k for k, r in enumerate(names.rows()) if r["limit"] in reported and r["words"] != r["limit"]]
    return [names.take(np.array(kept))] if kept else []


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
