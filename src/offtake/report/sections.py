"""After page 1: flows of money and power, both parties' books, sites and chips and tokens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from offtake.report.blocks import empty, figure, table, twin, years
from offtake.report.charts import FULL, HALF
from offtake.report.svg.axes import Series
from offtake.report.svg.bars import stacked_columns
from offtake.report.svg.draw import Drawing
from offtake.report.svg.gantt import Row, gantt, height_of_gantt
from offtake.report.svg.sankey import Link, sankey
from offtake.report.words import percent, plural, power, tokens, usd
from offtake.tables import escape, scale_of, significant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from offtake.report.data import ReportData
    from offtake.tables import Table

__all__ = ["flows", "parties", "physical", "stacked"]

_STATEMENTS = {
    "profit_and_loss": "Profit and loss",
    "cash_flow": "Cash flow",
    "balance_sheet": "Balance sheet, year end",
    "tax": "Tax, a view that is not paid in the plan",
}
_LOOKS = {0: "total", 1: "sub", 3: "memo"}


def flows(data: ReportData) -> str:
    """Draw where the money goes and what the power becomes."""
    return _section("flows", "Flows", _money(data) + _power(data))


def _section(ident: str, title: str, body: str) -> str:
    return f'<section id="{ident}"><h2>{escape(title)}</h2>\n{body}</section>\n'


def _missing(data: ReportData, name: str, words: str) -> str:
    return empty(data.missing.get(name) or words)


def _money(data: ReportData) -> str:
    """Draw payer → account → payee."""
    shown = data.table("money_flows")
    rows = [r for r in shown.rows() if r["amount_usd"]]
    claim = "No money moves in this plan."
    body = _missing(data, "money_flows", "No money flows are given.")
    if rows:
        total: dict[tuple[str, str], float] = {}
        for r in rows:
            total[r["payer"], r["payee"]] = total.get((r["payer"], r["payee"]), 0.0) + r["amount_usd"]
        there, back = total.get(("offtaker", "provider"), 0.0), total.get(("provider", "offtaker"), 0.0)
        who, whom = _upper(data.the("offtaker")), data.the("provider")
        claim = f"{who} pays {whom} {usd(there)} over the horizon and receives {usd(back)} from it."
        drawing = Drawing(
            "money",
            FULL,
            max(420.0, 26.0 * len({r["account"] for r in rows})),
            "Money by payer, account and payee",
            claim,
        )
        links = [
            Link(stage=0, source=_upper(data.party(r["payer"])), target=_account(r), amount=r["amount_usd"])
            for r in rows
        ]
        links += [
            Link(stage=1, source=_account(r), target=_upper(data.party(r["payee"])), amount=r["amount_usd"])
            for r in rows
        ]
        body = sankey(drawing, links, amount=usd)
    sub = "Who pays, for what, to whom: settled cash over the whole horizon, not discounted."
    return figure("money-flows", claim, sub=sub, body=body, twins=twin(table(shown)) if rows else "")


def _account(row: Mapping[str, Any]) -> str:
    return _upper(row["account"].replace("_", " "))


def _power(data: ReportData) -> str:
    """Draw grid operator → site → chip → use, with what came out at the right."""
    shown = data.table("power_flows")
    rows = [r for r in shown.rows() if r["it_mw_y"]]
    claim = "No power is used in this plan."
    body = _missing(data, "power_flows", "No power flows are given.")
    if rows:
        stages = {int(r["stage"]) for r in rows}
        uses: dict[str, float] = {}
        for r in rows:
            if int(r["stage"]) == max(stages):
                uses[r["target"]] = uses.get(r["target"], 0.0) + r["it_mw_y"]
        top = max(uses, key=lambda u: (uses[u], u))
        share = uses[top] / sum(uses.values())
        whole = _mw_years(sum(uses.values()))
        claim = f"The largest part of {data.the('provider')}’s IT power, {percent(share)} of {whole}, goes to {top}."
        drawing = Drawing("tokens", FULL, 460.0, "From power to tokens", claim)
        links = [Link(stage=int(r["stage"]), source=r["source"], target=r["target"], amount=r["it_mw_y"]) for r in rows]
        notes = {
            r["use"]: f"{_mw_years(uses.get(r['use'], 0.0))} → {r['made']}"
            for r in data.table("uses").rows()
            if r["made"]
        }
        body = sankey(drawing, links, amount=_mw_years, notes=notes)
    sub = (
        f"IT power of {data.the('provider')}’s sites over the horizon, from the grid operator by site and chip to its use, and what that "
        f"made; what other clouds’ chips do for {data.the('offtaker')} is not in it."
    )
    twins = twin(table(shown) + (table(data.table("uses")) if len(data.table("uses")) else "")) if rows else ""
    return figure("power-flows", claim, sub=sub, body=body, twins=twins)


def _mw_years(amount: float) -> str:
    return f"{significant(amount / 1000)} GW-years" if amount >= 999.5 else f"{significant(amount)} MW-years"


def parties(data: ReportData) -> str:
    """Write the statements of both parties and the combined ones, and the returns that have no place on page 1."""
    shown = data.table("statements")
    if not len(shown):
        return _section("parties", "Both parties’ books", _missing(data, "statements", "No statements are given."))
    body = []
    order = [p for p in ("offtaker", "provider") if p in set(shown["party"])]
    order += [p for p in dict.fromkeys(shown["party"]) if p not in order]
    for party in order:
        name = "Both combined, with eliminations" if party == "combined" else _upper(data.party(party))
        body.append(f"<h3>{escape(name)}</h3>")
        own = shown.where(party=party)
        for statement in dict.fromkeys(own["statement"]):
            part = own.where(statement=statement)
            body.append(years(_lines(part), ["Line"], unit="USD", caption=_STATEMENTS.get(statement, statement)))
        returns = data.table("returns").where(party=party)
        if len(returns):
            body.append(table(returns.select("item", "value", "note")))
    return _section("parties", "Both parties’ books", "".join(body))


def _lines(part: Table) -> list[tuple[list[str], str, dict[int, float]]]:
    """Gather the lines of a statement in their order."""
    found: dict[tuple[str, int], dict[int, float]] = {}
    for r in part.rows():
        amount = math.nan if r["amount_usd"] is None else r["amount_usd"]
        found.setdefault((r["line"], r["level"]), {})[r["year"]] = amount
    return [([line], _LOOKS.get(level, "line"), values) for (line, level), values in found.items()]


def physical(data: ReportData) -> str:
    """Draw what is built where and when, what runs and what comes out."""
    parts = [
        _phases(data),
        '<div class="pair">',
        stacked(data, "sites", ("site",), "energised_facility_mw", claim=_last_year(data, "sites", "site", "energised_facility_mw", power),
                sub="Energised facility power by site at year end.", unit="MW"),
        stacked(data, "grid_power", ("grid_operator",), "facility_mw",
                claim=_last_year(data, "grid_power", "grid_operator", "facility_mw", power),
                sub="Energised facility power by grid operator at year end.", unit="MW"),
        stacked(data, "chips", ("chip",), "in_service_chips", claim=_last_year(data, "chips", "chip", "in_service_chips", _chips),
                sub="Chips in service at year end.", unit="chip"),
        stacked(data, "tokens", ("class", "channel"), "served_tok", claim=_served(data),
                sub="Output tokens served, by class and channel.", unit="tok"),
        _share(data, "provider"),
        _share(data, "chip"),
        "</div>",
    ]  # fmt: skip
    if len(data.table("training")):
        parts.append("<h3>Training runs</h3>" + table(data.table("training")))
    return _section("physical", "Sites, chips and tokens", "".join(parts))


def _phases(data: ReportData) -> str:
    """Draw when power is added."""
    shown = data.table("phases")
    rows = sorted(shown.rows(), key=lambda r: (r["energised"] is None, r["energised"], r["site"], r["phase"]))
    claim = "No power is added: the plan runs what is there."
    body = ""
    if rows:
        total = sum(r["facility_mw"] or 0.0 for r in rows)
        count = plural(len({r["site"] for r in rows}), "site")
        claim = f"{power(total)} are added at {count}, in {plural(len(rows), 'phase')}."
        drawing = Drawing(
            "phases", FULL, height_of_gantt(len(rows)), "When power is ordered, built and accepted", claim
        )
        body = gantt(drawing, [_gantt_row(r) for r in rows])
    elif data.missing.get("phases"):
        body = empty(data.missing["phases"])
    sub = "From the order to first power, and from first power to acceptance, when billing starts."
    return figure("phases", claim, sub=sub, body=body, twins=twin(table(shown)) if rows else "")


def _gantt_row(row: Mapping[str, Any]) -> Row:
    return Row(
        name=f"{row['site']} · {row['phase']}",
        ordered=row["ordered"],
        energised=row["energised"],
        accepted=row["accepted"],
        label=power(row["facility_mw"]),
    )


def stacked(data: ReportData, name: str, keys: Sequence[str], column: str, *, claim: str, sub: str, unit: str) -> str:
    """Draw a table's column as columns that stack by year, largest at the bottom."""
    shown = data.table(name)
    values = _by_key(shown, keys, column)
    if not any(v > 0 for own in values.values() for v in own.values()):
        return figure(name, claim, sub=sub, body=_missing(data, name, "There is nothing to draw."))
    return figure(
        name, claim, sub=sub, body=_columns(name, values, claim, sub, unit), twins=twin(_pivot(values, keys, unit))
    )


def _by_key(shown: Table, keys: Sequence[str], column: str) -> dict[str, dict[int, float]]:
    """Add a column up by key and year."""
    found: dict[str, dict[int, float]] = {}
    for r in shown.rows():
        own = found.setdefault(" · ".join(r[k] for k in keys), {})
        own[r["year"]] = own.get(r["year"], 0.0) + (r[column] or 0.0)
    return found


def _columns(ident: str, values: Mapping[str, Mapping[int, float]], claim: str, sub: str, unit: str) -> str:
    """Draw stacked columns, the seven largest and the rest together."""
    ranked = sorted(values, key=lambda k: (-sum(values[k].values()), k))
    found = sorted({y for own in values.values() for y in own})
    groups = [(k, [k]) for k in ranked[:7]] + ([("others", ranked[7:])] if len(ranked) > 7 else [])
    largest = max(sum(own.get(y, 0.0) for own in values.values()) for y in found)
    factor, shown_unit = scale_of(largest, unit)
    if unit == "MW" and largest >= 1000:
        factor, shown_unit = 1000.0, "GW"
    series = [
        Series(name=name, values=tuple(sum(values[k].get(y, 0.0) for k in members) / factor for y in found), colour=i)
        for i, (name, members) in enumerate(groups)
    ]
    drawing = Drawing(f"c-{ident}", HALF, 270.0, sub.rstrip("."), claim)
    return stacked_columns(
        drawing, [f"\N{RIGHT SINGLE QUOTATION MARK}{y % 100:02d}" for y in found], series, unit=shown_unit
    )


def _pivot(values: Mapping[str, Mapping[int, float]], keys: Sequence[str], unit: str) -> str:
    head = " · ".join(keys).replace("_", " ").capitalize()
    return years((([k], "", own) for k, own in values.items()), [head], unit=unit)


def _last_year(data: ReportData, name: str, key: str, column: str, write: Any) -> str:  # noqa: ANN401
    """Name the largest of the last year and its share of the whole."""
    values = _by_key(data.table(name), (key,), column)
    found = sorted({y for own in values.values() for y in own})
    last = {k: own.get(found[-1], 0.0) for k, own in values.items()} if found else {}
    total = sum(last.values())
    word = key.replace("_", " ")
    if total <= 0:
        return f"Nothing stands at any {word} at the end." if found else f"No {word} is given."
    top = max(last, key=lambda k: (last[k], k))
    if len(values) == 1:
        return f"At the end of {found[-1]}, {top} alone has {write(total)}."
    return f"At the end of {found[-1]}, {top} has {percent(last[top] / total)} of {write(total)}."


def _chips(count: float) -> str:
    factor, unit = scale_of(count, "chip")
    return f"{significant(count / factor)} {unit}s"


def _served(data: ReportData) -> str:
    """Say how many tokens are served, and what share of the wanted is not."""
    shown = data.table("tokens")
    served, unserved = float(shown["served_tok"].sum()), float(shown["unserved_tok"].sum())
    if served <= 0:
        return "No tokens are served."
    share = unserved / (served + unserved)
    cases = data.table("cases").rows()
    of_a_path = cases[0]["unserved_frac"] if cases and data.fact("paths") else None
    known = f", {percent(of_a_path)} on an average path," if of_a_path is not None else ""
    tail = (
        f"{percent(share)} of what is wanted{known} is not served"
        if unserved > 0
        else "nothing wanted is left unserved"
    )
    return f"{tokens(served)} are served; {tail}."


def _share(data: ReportData, dimension: str) -> str:
    """Draw the offtaker's compute by provider or by chip as shares of each year."""
    shown = data.table("compute_share").where(dimension=dimension)
    values = _by_key(shown, ("name",), "share_frac")
    ident, sub = f"share-{dimension}", f"Share of {data.the('offtaker')}’s chip-hours by {dimension}."
    found = sorted({y for own in values.values() for y in own})
    if not found:
        return figure(
            ident,
            f"No compute by {dimension} is given.",
            sub=sub,
            body=_missing(data, "compute_share", "There is nothing to draw."),
        )
    last = {k: own.get(found[-1], 0.0) for k, own in values.items()}
    top = max(last, key=lambda k: (last[k], k))
    names = {data.offtaker: "offtaker", data.provider: "provider"}
    link = (
        f"from {data.the(names[top]) if top in names else data.party(top)}" if dimension == "provider" else f"on {top}"
    )
    claim = f"In {found[-1]}, {percent(last[top])} of {data.the('offtaker')}’s chip-hours are {link}."
    if sum(last.values()) <= 0:
        claim = f"{_upper(data.the('offtaker'))} uses no compute in {found[-1]}."
    named = {data.party(k) if dimension == "provider" else k: own for k, own in values.items()}
    return figure(
        ident,
        claim,
        sub=sub,
        body=_columns(ident, named, claim, sub, "frac"),
        twins=twin(_pivot(named, (dimension,), "frac")),
    )


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
