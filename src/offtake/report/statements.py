"""The accounting pages: from the bill to revenue, backlog and purchase obligations, what does not mirror, and every rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from offtake.report.blocks import empty, paragraph, table, twin, years
from offtake.report.words import percent, usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.report.data import ReportData
    from offtake.tables import Table

__all__ = ["accounting"]

NO_OPINION = "These rules are a reading of the standards for planning. They are not an accounting opinion."
_LOOKS = {0: "total", 1: "sub", 3: "memo"}


def accounting(data: ReportData) -> str:
    """Write how the books come about: each part is left out with its reason where its table is empty."""
    parts = [
        "<h3>From the bill to revenue</h3>",
        _identity(data),
        "<h3>Remaining performance obligations</h3>",
        _backlog(data),
        "<h3>Unconditional purchase obligations</h3>",
        _obligations(data),
        "<h3>What does not mirror</h3>",
        _reconciliation(data),
        "<h3>Third parties</h3>",
        _third_parties(data),
        "<h3>How the books are kept</h3>",
        _policies(data),
    ]
    return f'<section id="accounting"><h2>Accounting</h2>\n{"".join(parts)}</section>\n'


def _missing(data: ReportData, name: str, words: str) -> str:
    return empty(data.missing.get(name) or words)


def _told(rows: Sequence[tuple[list[str], str, dict[int, float]]]) -> list[tuple[list[str], str, dict[int, float]]]:
    """Leave out lines without any amount; totals stay."""
    return [row for row in rows if row[1] == "total" or any(row[2].values())]


def _by_year(part: Table, labels: Sequence[str] = ("line",)) -> list[tuple[list[str], str, dict[int, float]]]:
    """Gather lines in their order, years as columns."""
    found: dict[tuple[str, ...], tuple[str, dict[int, float]]] = {}
    for r in part.rows():
        key = tuple(str(r[name]) for name in labels)
        amount = math.nan if r["amount_usd"] is None else r["amount_usd"]
        found.setdefault(key, (_LOOKS.get(r["level"], "line"), {}))[1][r["year"]] = amount
    return [([*key], look, values) for key, (look, values) in found.items()]


def _identity(data: ReportData) -> str:
    """Write revenue = billed − Δ contract liabilities + Δ contract assets for each party."""
    shown = data.table("revenue_identity")
    if not len(shown):
        return _missing(data, "revenue_identity", "No way from bills to revenue is given.")
    intro = paragraph(
        "Revenue is what is billed, less the increase of what is paid ahead, plus the increase of what is earned before it is owed."
    )
    parts = [
        years(_told(_by_year(shown.where(party=party))), ["Line"], unit="USD", caption=_name(data, party))
        for party in dict.fromkeys(shown["party"])
    ]
    return intro + "".join(parts)


def _backlog(data: ReportData) -> str:
    """Write the firm service that is left, by time band."""
    shown = data.table("backlog")
    if not len(shown):
        return _missing(data, "backlog", "The contract has no firm amount for service.")
    first = shown.rows()[0]
    share = first["provider_share_frac"]
    told = (
        f"It is {percent(share)} of the provider’s whole backlog ({first['provider_source']})."
        if share is not None and math.isfinite(share)
        else "No sourced total of the provider’s backlog is given, so no share of it is shown."
    )
    words = (
        f"On {first['date']}, {usd(first['remaining_usd'])} of firm service are left to deliver. {told} Use above the floors, "
        "prices that depend on use, and leases are not in it."
    )
    keep = [c.name for c in shown.columns if not c.name.startswith("provider_")]
    return paragraph(words) + table(shown.select(*keep))


def _obligations(data: ReportData) -> str:
    """Write what must be taken or paid, by calendar year."""
    shown = data.table("purchase_obligations")
    if not len(shown):
        return _missing(data, "purchase_obligations", "Nothing must be taken or paid.")
    by_clause: dict[str, dict[int, float]] = {}
    for r in shown.rows():
        by_clause.setdefault(r["clause"], {})[r["year"]] = r["amount_usd"]
    total: dict[int, float] = {}
    for own in by_clause.values():
        for year, amount in own.items():
            total[year] = total.get(year, 0.0) + amount
    rows = [([clause], "line", own) for clause, own in by_clause.items()]
    return years([*rows, (["In all"], "total", total)], ["Clause"], unit="USD", caption=_name(data, "offtaker"))


def _reconciliation(data: ReportData) -> str:
    """Write what the two books do not share, line by line, and the difference."""
    shown = data.table("reconciliation")
    if not len(shown):
        return _missing(data, "reconciliation", "No reconciliation is given.")
    intro = paragraph(
        "Every other claim of one party on the other stands in both books under one name and cancels on every date. "
        "These do not; their sums by cause come to the difference exactly. Assets positive, debts negative."
    )
    rows = [
        ([line, _name(data, party) if party else ""], look, values)
        for (line, party, _), look, values in _told(_by_year(shown, ("line", "party", "cause")))
    ]
    if not any(values[y] for _, _, values in rows for y in values):
        return paragraph("Every claim of one party on the other stands in both books: nothing differs.")
    return intro + years(rows, ["Line", "Books of"], unit="USD")


def _third_parties(data: ReportData) -> str:
    """Fold away the balance sheets of everyone else."""
    shown = data.table("third_parties")
    if not len(shown):
        return _missing(data, "third_parties", "Nobody else trades with the two.")
    body = [
        years(
            _by_year(shown.where(party=party)),
            ["Line"],
            unit="USD",
            caption=f"{_name(data, party)}: balance sheet, year end",
        )
        for party in dict.fromkeys(shown["party"])
    ]
    words = "Lenders, vendors and customers keep books of what they trade here, and of nothing else; all books together net to zero."
    return paragraph(words) + twin("".join(body), "Their balance sheets")


def _policies(data: ReportData) -> str:
    """Write every rule with its standard."""
    shown = data.table("policies")
    if not len(shown):
        return _missing(data, "policies", "No rules are given.")
    return paragraph(NO_OPINION) + table(shown)


def _name(data: ReportData, party: str) -> str:
    name = data.party(party)
    return name[:1].upper() + name[1:]
