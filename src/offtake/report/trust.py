"""Why to believe it, and why not: findings, penalties, certificate, and every assumption with its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from offtake.report.blocks import empty, paragraph, table
from offtake.report.words import plural, usd
from offtake.tables import Column, Table, significant

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["assumptions", "trust"]


def trust(data: ReportData) -> str:
    """Write findings, penalties, figures without meaning, and the certificate."""
    findings = data.table("findings")
    parts = ["<h3>Findings and shortages</h3>"]
    parts.append(
        table(findings)
        if len(findings)
        else paragraph(data.missing.get("findings") or "There are none: every obligation is met.")
    )
    penalties = data.fact("penalties_usd")
    if penalties:
        rows = penalties.items() if isinstance(penalties, Mapping) else [("all", penalties)]
        parts.append(
            "<h3>Penalties in the objective</h3>"
            + paragraph("They steer the plan and are no cash: they stand in no statement.")
        )
        parts.append(_facts({str(k): usd(float(v)) for k, v in rows if v is not None}, "penalties"))
    certificate = data.fact("certificate")
    parts.append("<h3>Certificate</h3>")
    if isinstance(certificate, Mapping) and certificate:
        parts.append(
            paragraph(
                "Recomputed outside the solver, from the problem and the plan alone. Objectives and bounds are in millions of US dollars"
                + (", one for each path." if data.fact("paths") else ".")
            )
        )
        parts.append(_facts({k: _value(v) for k, v in _leaves(certificate).items()}, "certificate"))
    else:
        parts.append(empty("No certificate is given."))
    reasons = data.fact("reasons")
    if reasons:
        parts.append(
            "<h3>Figures without meaning, and why</h3>" + _facts({k: str(v) for k, v in reasons.items()}, "reasons")
        )
    return f'<section id="trust"><h2>Findings and certificate</h2>\n{"".join(parts)}</section>\n'


def assumptions(data: ReportData) -> str:
    """Write every assumption with its source, untouched defaults marked."""
    shown = data.table("assumptions")
    if not len(shown):
        body = empty(data.missing.get("assumptions") or "No assumptions are listed.")
    else:
        untouched = int(shown["untouched_default"].sum())
        marked = Table(
            "assumptions",
            (
                *(c for c in shown.columns if c.name not in {"untouched_default", "origin"}),
                Column("origin", "", "Origin", "text"),
            ),
            [{**_without(r, "untouched_default"), "source": _source(r), "origin": _origin(r)} for r in shown.rows()],
        )
        words = f"{plural(len(shown), 'value')}, of which {plural(untouched, 'default')} nobody has touched."
        markup = table(marked, kind="assumptions").replace(
            "<td>default, untouched</td>", '<td><span class="badge">default, untouched</span></td>'
        )
        body = paragraph(words) + markup
    return f'<section id="assumptions"><h2>Every assumption</h2>\n{body}</section>\n'


def _origin(row: Mapping[str, Any]) -> str:
    return "default, untouched" if row["untouched_default"] else str(row["origin"])


def _source(row: Mapping[str, Any]) -> str:
    """Give where the value was read; an untouched default has its mark under its origin."""
    return "" if row["untouched_default"] and row["source"] == "default, untouched" else str(row["source"])


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != name}


def _facts(facts: Mapping[str, str], name: str) -> str:
    """Write facts as a table of two columns."""
    return table(
        Table(name, (Column("item", "", "Item", "text"), Column("value", "", "Value", "text")), list(facts.items()))
    )


def _leaves(value: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Give the leaves of nested mappings under dotted names."""
    found: dict[str, Any] = {}
    for key, child in value.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(child, Mapping):
            found |= _leaves(child, name)
        else:
            found[name] = child
    return found


def _value(value: Any) -> str:  # noqa: ANN401
    """Write one value of the certificate; residuals keep their power of ten."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2e}" if value and abs(value) < 1e-3 else significant(value, 6)
    return ", ".join(map(_value, value)) if isinstance(value, list | tuple) else str(value)
