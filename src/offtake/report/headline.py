"""Headline against firm: what the contract's headline is made of, beside public deals of about its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offtake.report.blocks import empty, figure, paragraph, table, twin
from offtake.report.words import joined, percent, usd
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["NOTE", "OWN_TITLE", "against_firm", "deal_table"]

NOTE = (
    "Firm is owed whatever happens; contingent on a trigger; optional at somebody's choice; cancellable may be ended on notice; not "
    "classified means that the public sources do not say. Amounts of different layers or firmness are never added up: a cloud deal and "
    "a chip deal may be the same watts. Money in is equity towards the offtaker over what it spends. Firm until is the last day on which a "
    "firm amount may fall due. Per MW-year of the own contract is not from the terms: it is what the plan pays per MW-year of IT taken."
)
OWN_TITLE = "Headline against firm: amounts from the terms"
"""Over a contract's own rows; what the plan pays per MW-year says so in its heading."""
_CLASSES = ("firm", "contingent", "optional", "cancellable", "stated")


def deal_table(shown: Table, names: dict[str, str] | None = None, *, title: str = "") -> Table:
    """Write the amounts for people, each with its own power of a thousand.

    Parameters
    ----------
    names : mapping    party to its name; as they are if absent
    """
    known = names or {}
    heads = {
        "deal": "Deal",
        "layer": "Layer",
        "parties": "Who pays whom",
        **{c: "Not classified" if c == "stated" else c.capitalize() for c in _CLASSES},
        "money_in": "Money in",
        "rate": "Per MW-year, planned" if shown["own"].all() else "Per MW-year",
        "until": "Firm until",
    }
    rows = []
    for r in shown.rows():
        payer, payee = known.get(r["payer"], r["payer"]), known.get(r["payee"], r["payee"] or "")
        rows.append(
            {
                "deal": r["deal"],
                "layer": r["layer"],
                "parties": f"{payer} → {payee}",
                **{c: usd(r[f"{c}_usd"]) if r[f"{c}_usd"] is not None else "" for c in _CLASSES},
                "money_in": _money_in(r),
                "rate": "" if r["usd_per_mw_y"] is None else usd(r["usd_per_mw_y"]),
                "until": r["firm_until"] or "",
            }
        )
    kept = [n for n in heads if n in ("deal", "layer", "parties") or any(row[n] for row in rows)]
    columns = tuple(Column(n, "", heads[n], "text") for n in kept)
    return Table("headline_against_firm", columns, [[row[n] for n in kept] for row in rows], title)


def _money_in(row: dict[str, Any]) -> str:
    if row["money_in_frac"] is None:
        return ""
    return f"{percent(row['money_in_firm_frac'] or 0.0)} firm, {percent(row['money_in_frac'])} with contingent"


def against_firm(data: ReportData) -> str:
    """Write the section: the contract's own amounts, then comparable public deals."""
    shown = data.table("headline_against_firm")
    own = shown.where(own=True)
    if not len(own):
        body = empty(data.missing.get("headline_against_firm") or "There is no contract, so there is no headline.")
        return f'<section id="headline"><h2>Headline against firm</h2>{body}</section>\n'
    names = {p: data.party(p) for p in {*own["payer"], *own["payee"]}}
    public = shown.where(own=False)
    beside = ""
    if len(public):
        beside = (
            "<h3>Public deals of about this size</h3>"
            + table(deal_table(public))
            + paragraph(
                "Per MW-year of a public deal is its headline spend over its stated power for the whole term; a ramp makes it more.",
                "note",
            )
        )
    remarks = twin(
        table(shown.select("deal", "layer", "payer", "reliability", "remark")),
        "Item by item, with qualifiers and sources' reliability",
    )
    body = table(deal_table(own, names)) + beside + paragraph(NOTE, "note")
    sub = "By layer, payer and firmness; undiscounted. Amounts are from the terms, the price per MW-year is the plan’s."
    shown_so = figure("against-firm", _claim(own), sub=sub, body=body, twins=remarks)
    return f'<section id="headline"><h2>Headline against firm</h2>{shown_so}</section>\n'


def _claim(own: Table) -> str:
    """Say how much of what the offtaker promises is firm, and until when."""
    mine = [r for r in own.rows() if r["payer"] == "offtaker"]
    if not mine:
        return "The offtaker promises no amount."
    first = mine[0]
    others = [(c, first[f"{c}_usd"]) for c in _CLASSES[1:4] if first[f"{c}_usd"]]
    firm = f"The offtaker owes {usd(first['firm_usd'] or 0.0)} firm in the {first['layer']} layer"
    until = f", until {first['firm_until']}" if first["firm_until"] and first["firm_usd"] else ""
    rest = f"; beside it {joined([f'{usd(v)} {c}' for c, v in others])}" if others else ""
    return f"{firm}{until}{rest}."
