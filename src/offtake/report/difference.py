"""The comparison of two runs as one page: what differs in the inputs, in the figures, and why, as waterfalls that add up.

The parts were computed by `offtake.risk.attribution` and are only shown here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offtake.report.blocks import empty, figure, paragraph, table, twin, years
from offtake.report.css import CSS
from offtake.report.svg.draw import Drawing
from offtake.report.svg.waterfall import Step, height_of_waterfall, waterfall
from offtake.report.words import power, usd
from offtake.tables import Column, Table, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.runs.compare import Comparison

__all__ = ["CAUSES_IN_WORDS", "by_cause", "render_difference"]

CAUSES_IN_WORDS = {
    "price": "price",
    "volume": "volume",
    "mix": "mix",
    "timing": "timing",
    "availability": "availability of power and chips",
    "terms": "terms of the contract",
    "valuation": "discount rate and years counted",
    "financing": "loans",
}
_NOTE = (
    "Each cause at its mean over all orders of changing one after the other, so the parts add up to the difference. Price and terms are\n"
    "counted at unchanged quantities: what the plan does differently because of them stands under volume, mix and timing."
)
_FIGURES = {
    ("gain", "offtaker"): "Offtaker's gain",
    ("gain", "provider"): "Provider's gain",
    ("value", "offtaker"): "Offtaker's value",
    ("value", "provider"): "Provider's value",
    ("cash", "offtaker"): "Offtaker's cash",
    ("cash", "provider"): "Provider's cash",
    ("mean power", ""): "Mean IT power, with what is sold outside",
    ("peak power", ""): "Peak IT power, with what is sold outside",
}
_NOTHING = {"USD": 0.5, "MW": 5e-4}
_DUST = 1e-5
"""Parts below these, or below this share of the figure, are the solver's last digits: not worth a row in front of people."""


def by_cause(causes: Table) -> Table:
    """Put the causes in rows and the figures of the whole horizon in columns; empty where nothing differs.

    Examples
    --------
    >>> columns = [Column(n) for n in ("figure", "party", "year", "unit", "role", "cause", "amount")]
    >>> rows = [("gain", "offtaker", 0, "USD", "part", "price", 5e9), ("gain", "offtaker", 0, "USD", "to", "", 5e9)]
    >>> by_cause(Table("causes", columns, [("gain", "offtaker", 0, "USD", "from", "", 0.0), *rows])).rows()
    [{'cause': 'price', 'c0': '$5 bn'}, {'cause': 'b − a', 'c0': '$5 bn'}]
    """
    shown = {key: roles for key, roles in _groups(causes).items() if roles["part"]}
    names = {p["cause"] for roles in shown.values() for p in roles["part"]}
    order = [name for name in CAUSES_IN_WORDS if name in names]
    heads = (
        Column("cause", "", "Cause", "text"),
        *(Column(f"c{k}", "", _FIGURES[key], "text") for k, key in enumerate(shown)),
    )
    rows: list[tuple[str, ...]] = []
    for name in order:
        mine = [[p for p in roles["part"] if p["cause"] == name] for roles in shown.values()]
        rows.append((CAUSES_IN_WORDS[name], *(_write(p[0]) if p else "" for p in mine)))
    if shown:
        gaps = [{**p["to"][0], "amount": p["to"][0]["amount"] - p["from"][0]["amount"]} for p in shown.values()]
        rows.append(("b − a", *(_write(g) for g in gaps)))
    return Table(
        "by_cause", heads, rows, title="Why: the difference by cause" if shown else "", note=_NOTE if shown else ""
    )


def _groups(causes: Table) -> dict[tuple[str, str], dict[str, list[dict[str, Any]]]]:
    """Gather the rows of each figure over the whole horizon by their role, without dust."""
    found: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in causes.rows():
        if row["year"] == 0:
            roles = found.setdefault((row["figure"], row["party"] or ""), {"from": [], "part": [], "to": []})
            roles[row["role"]].append(row)
    for roles in found.values():
        whole = max(abs(roles[end][0]["amount"]) for end in ("from", "to"))
        roles["part"] = [p for p in roles["part"] if abs(p["amount"]) > max(_NOTHING[p["unit"]], _DUST * whole)]
    return {key: found[key] for key in _FIGURES if key in found}


def _write(row: dict[str, Any]) -> str:
    return usd(row["amount"]) if row["unit"] == "USD" else power(row["amount"])


def render_difference(found: Comparison, a: str, b: str) -> str:
    """Write the comparison of two runs as HTML in UTF-8: no script, no link to anything outside the file."""
    title = f"{a} against {b}"
    why = _why(found) if found.causes is not None else empty(f"No split by cause: {found.why}")
    inputs = table(found.inputs) if len(found.inputs) else empty("The inputs are the same.")
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} · Offtake</title>\n<style>{CSS}</style></head>\n<body>\n"
        f'<header class="top"><p class="kicker">Two runs compared</p><h1>{escape(title)}</h1></header><main>\n'
        f"{why}<section><h2>Inputs that differ</h2>{inputs}</section>\n"
        "</main></body></html>\n"
    )


def _why(found: Comparison) -> str:
    """Draw a waterfall for each figure that differs, money first."""
    causes = found.causes
    drawn = [] if causes is None else [p for key, roles in _groups(causes).items() if (p := _figure(key, roles))]
    if causes is None or not drawn:
        return empty("Value, cash and power are the same.")
    return f"<section><h2>Why</h2>{paragraph(_NOTE)}{''.join(drawn)}{_by_year(causes)}</section>\n"


def _figure(key: tuple[str, str], roles: dict[str, list[dict[str, Any]]]) -> str:
    start, end = roles["from"][0], roles["to"][0]
    parts = roles["part"]
    if not parts:
        return ""
    name = _FIGURES[key]
    gap = {**end, "amount": end["amount"] - start["amount"]}
    largest = max(parts, key=lambda p: abs(p["amount"]))
    claim = (
        f"{name} differs by {_write(gap)}; the largest part, {_write(largest)}, is {CAUSES_IN_WORDS[largest['cause']]}."
    )
    steps = [
        Step(name="a", role="total", amount=start["amount"], label=_write(start)),
        *(Step(name=CAUSES_IN_WORDS[p["cause"]], role="less", amount=-p["amount"], label=_write(p)) for p in parts),
        Step(name="b", role="result", amount=end["amount"], label=_write(end)),
    ]
    ident = f"why-{key[0].replace(' ', '-')}-{key[1]}".rstrip("-")
    drawing = Drawing(ident, 1040.0, height_of_waterfall([(name, steps)]), name, claim)
    columns = (Column("cause", "", "Cause", "text"), Column("amount", start["unit"], "Part", "float"))
    rows = [("a", start["amount"]), *((CAUSES_IN_WORDS[p["cause"]], p["amount"]) for p in parts), ("b", end["amount"])]
    twins = twin(table(Table("parts", columns, rows)))
    return figure(
        ident, claim, sub="From a to b, cause by cause.", body=waterfall(drawing, [(name, steps)]), twins=twins
    )


def _by_year(causes: Table) -> str:
    """Write the cash of each party by year and cause."""
    rows = [r for r in causes.rows() if r["figure"] == "cash" and r["year"] and r["role"] == "part"]
    found: dict[tuple[str, str], dict[int, float]] = {}
    for r in rows:
        found.setdefault((r["party"], r["cause"]), {})[r["year"]] = r["amount"]
    if not found:
        return ""
    lines: Sequence[tuple[Sequence[str], str, dict[int, float]]] = [
        ([party, CAUSES_IN_WORDS[cause]], "", values) for (party, cause), values in sorted(found.items())
    ]
    return "<h3>Cash by year and cause</h3>" + years(lines, ["Party", "Cause"], unit="USD", caption="b − a")
