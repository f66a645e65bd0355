"""What `offtake plan` says on a terminal of a plan under uncertainty: worth, paths, what is decided when, how often limits bind."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from offtake.report import sentences_paths as said
from offtake.report.words import compact, percent, plural, usd
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.api import Answer
    from offtake.report.data import ReportData

__all__ = ["binding_over_paths", "limits_note", "uncertainty_lines", "uncertainty_tables"]

_MOST = 8
"""Rows of a table of limits."""


def uncertainty_lines(answer: Answer) -> tuple[str, ...]:
    """Say what the plan is worth out of sample and in sample, what risk makes of it, and what was left out."""
    data, document = answer.report_data, answer.document
    stages = ", ".join(document["stages"])
    count = plural(document["paths"], "path")
    lines = [
        f"Planned for {count} (seed {document['seed']}, stages {stages}): figures are means over them, peaks the largest,",
        "least cash the smallest.",
        said.worth(data),
        said.risk(data),
    ]
    if not answer.story.hedge or not answer.story.hedge.full:
        lines.append("Replications and the widest assumptions are left out: --full")
    return tuple(lines)


def uncertainty_tables(answer: Answer) -> tuple[Table, ...]:
    """Show the worth of information, what is decided when, and each path."""
    data = answer.report_data
    return (_worth(answer), _decided(data.table("stage_decisions")), _paths(data.table("paths")))


def _texts(name: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], title: str, note: str = "") -> Table:
    columns = tuple(Column(f"c{k}", "", head, "text") for k, head in enumerate(heads))
    return Table(name, columns, rows, title, note)


def _worth(answer: Answer) -> Table:
    document = answer.document
    rows = [
        ("planning for all paths, not for their mean", usd(document["vss_usd"])),
        ("knowing the path before deciding", usd(document["evpi_usd"])),
        *((f"waiting until {stage}", usd(amount)) for stage, amount in document["waiting_value_usd"].items()),
    ]
    note = "In the risk-adjusted objective, without whole numbers. Knowing the path: on these paths, beyond what the stages reveal."
    return _texts("worth", ("What is worth", "How much"), rows, "What hedging, knowing and waiting are worth", note)


def _decided(table: Table) -> Table:
    rows = [
        (
            r["stage"],
            percent(r["probability_frac"]),
            r["seen"] or "always",
            r["what"],
        )
        for r in table.rows()
    ]
    note = said.RELAXED if len({r["stage"] for r in table.rows()}) > 1 else ""
    return _texts(
        "decided", ("When", "In", "If one sees", "Decision"), rows, "What is decided now, and what may wait", note
    )


def _paths(table: Table) -> Table:
    rows = [
        (
            str(r["path"]),
            percent(r["probability_frac"]),
            percent(r["stressed_frac"]),
            r["what"],
            usd(r["objective_usd"]),
        )
        for r in sorted(table.rows(), key=lambda r: r["objective_usd"])
    ]
    heads = ("Path", "In", "As risk counts", "What happens", "Objective")
    return _texts("paths", heads, rows, "The paths, worst first", "Farthest from the central path first.")


def limits_note(data: ReportData, names: Sequence[str], *, most: int) -> str:
    """Count the limits that are not shown, and say by which names `offtake explain` knows those that are."""
    rest = len(names) - most
    lines = [f"and {plural(rest, 'more limit')}"] if rest > 0 else []
    others = [name for name in names[:most] if data.limit(name) != name]
    if others:
        said = f"As offtake explain names them: {'; '.join(others)}."
        lines += textwrap.wrap(said, 100, break_on_hyphens=False)
    return "\n".join(lines)


def binding_over_paths(answer: Answer) -> Table | None:
    """Show the limits that bind most often, with the periods in which they do and the highest expected price."""
    data = answer.report_data
    rows: dict[str, list[dict[str, Any]]] = {}
    for r in data.table("binding").rows():
        if r["share_frac"] > 0:
            rows.setdefault(r["limit"], []).append(r)
    if not rows:
        return None
    order = [name for name in said.ranked(data) if name in rows]
    order.sort(key=lambda name: rows[name][0]["kind"] == "demand")
    shown = []
    for name in order[:_MOST]:
        own = rows[name]
        top = max(own, key=lambda r: abs(r["price"] or 0.0))
        when = own[0]["period"] if len(own) == 1 else f"{own[0]['period']} to {own[-1]['period']}"
        shares = [r["share_frac"] for r in own]
        often = (
            percent(max(shares)) if min(shares) == max(shares) else f"{percent(min(shares))} to {percent(max(shares))}"
        )
        price = f"{compact(top['price'])} {top['unit']}" if top["price"] is not None else ""
        shown.append((data.limit(name), when, often, price))
    note = limits_note(data, order, most=_MOST)
    return _texts(
        "binding", ("Limit", "Binds", "On paths of", "Highest expected price"), shown, "What binds, and how often", note
    )
