"""What relief for late delivery changes, what was delivered, and what each amendment gave and got."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.report.blocks import paragraph, table
from offtake.report.words import plural, usd
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["amendments_table", "lateness"]


def lateness(data: ReportData) -> str:
    """Write the section; nothing where the contract knows neither late delivery nor amendments."""
    body = _relief(data) + _deliveries(data) + _amendments(data)
    return f'<section id="lateness"><h2>Late delivery and amendments</h2>\n{body}</section>\n' if body else ""


def _relief(data: ReportData) -> str:
    """Set what is owed with relief beside what is owed without, by interval."""
    shown = data.table("relief_changes")
    if not len(shown):
        return ""
    less = float(shown["without_relief_usd"].sum() - shown["with_relief_usd"].sum())
    said = (
        f"Relief for late delivery takes {usd(less)} off what is owed." if abs(less) >= 1 else "Relief changes nothing."
    )
    words = f"{said} Both columns settle the same plan; without relief the parties might have planned otherwise."
    return "<h3>What relief changes</h3>" + paragraph(words) + table(shown)


def _deliveries(data: ReportData) -> str:
    """Write what was to come, what came, and what is credited for the rest."""
    shown = data.table("deliveries")
    if not len(shown):
        return ""
    words = f"Capacity scheduled and delivered, at its price; credits come to {usd(float(shown['credit_usd'].sum()))}."
    return "<h3>What is delivered</h3>" + paragraph(words) + table(shown)


def _amendments(data: ReportData) -> str:
    """Write what each side gave and got, amendment by amendment."""
    shown = amendments_table(data)
    if shown is None:
        return ""
    found = data.table("concessions")
    words = (
        f"{plural(len(set(found['number'].tolist())), 'amendment')}: the plan’s quantities settled under the terms before and after. "
        "What a party gets, less what it gives; the discounted column at the objective’s rate."
    )
    return "<h3>What each amendment gave and got</h3>" + paragraph(words) + table(shown)


def amendments_table(data: ReportData, *, title: str = "") -> Table | None:
    """Name the parties of the concessions; None without amendments."""
    found = data.table("concessions")
    if not len(found):
        return None
    columns = [Column(c.name, c.unit, "Party" if c.name == "party" else c.title, c.kind) for c in found.columns]
    rows = [{**r, "clause": r["clause"] or "all clauses", "party": data.party(r["party"])} for r in found.rows()]
    return Table("concessions", columns, rows, title)
