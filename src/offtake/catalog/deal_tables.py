"""Headline against firm as tables: all deals by layer, and one deal in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offtake.catalog.deals import FIRMNESS, agreement, layer_rows
from offtake.tables import NOTHING, Column, Table, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.catalog.deals import Amount, Deal, LayerRow

__all__ = ["NOTE", "amounts_table", "deal_document", "headline_table"]

NOTE = (
    "bn USD. Firm: paid, or owed whatever happens; contingent: on a trigger; optional: at somebody's choice; cancellable: may be ended on\n"
    "notice; not classified: the sources do not say, or nothing is owed. Layers may be the same watts and overlap: never add them.\n"
    "Money in: equity towards the customer over its headline spend, firm and with contingent. Per MW-year: headline spend over power for\n"
    "the whole term; a ramp makes it more. An empty cell is a figure that no source gives."
)
_TITLES = {
    "deal": "Deal",
    "layer": "Layer",
    "parties": "Who pays whom",
    **{f"{f}_usd_bn": f.capitalize() for f in FIRMNESS},
    "stated_usd_bn": "Not classified",
    "money_in": "Money in",
    "usd_per_mw_y": "Per MW-year",
    "firm_until": "Firm until",
    "status": "Status",
}
_WITH_SOURCES = {
    "reliability": "Reliability",
    "remark": "Item by item",
    "source": "Source",
    "second_source": "Second source",
}


def headline_table(found: Sequence[Deal], *, sources: bool = False) -> Table:
    """Return the deals by layer and payer with their amounts by firmness.

    Examples
    --------
    >>> from offtake.catalog.deals import deal
    >>> row = headline_table([deal("spacex-anth-2026")]).rows()[0]
    >>> row["firm_usd_bn"], row["cancellable_usd_bn"], row["firm_until"]
    ('3.75', 'over 36.25', "90 days' notice")
    """
    heads = {**_TITLES, **(_WITH_SOURCES if sources else {"reliability": "Reliability"})}
    columns = tuple(Column(name, "", title, "text") for name, title in heads.items())
    data = [[_cells(row)[name] for name in heads] for row in layer_rows(found)]
    return Table("deals", columns, data, "Headline against firm: public deals by layer", NOTE)


def _cells(row: LayerRow) -> dict[str, str]:
    one = row.deal
    firm, both = one.money_in_over_spend("firm"), one.money_in_over_spend("firm", "contingent")
    buys = row.payer == one.offtaker and row.layer in ("cloud", "chip", "site") and any(a.usd_bn for a in row.amounts)
    rate = one.usd_per_mw_y
    classes = {f"{f}_usd_bn": _amount(row, row.by_firmness[f], (f,)) for f in FIRMNESS}
    return {
        "deal": one.id,
        "layer": row.layer,
        "parties": f"{row.payer} → {row.payee}" if row.payee else row.payer,
        **classes,
        "stated_usd_bn": _amount(row, row.stated_usd_bn, ("", "lapsed")),
        "money_in": "" if both is None or not buys else f"{_percent(firm)}, {_percent(both)}",
        "usd_per_mw_y": "" if rate is None or not buys else f"${significant(rate / 1e6)} M",
        "firm_until": row.firm_horizon,
        "status": one.row["status"],
        "reliability": "; ".join(dict.fromkeys(a.reliability for a in row.amounts)),
        "remark": row.remark,
        "source": "; ".join(dict.fromkeys([*(a.source for a in row.amounts), one.row["source_2"]])).strip("; "),
        "second_source": agreement(one.row),
    }


def _amount(row: LayerRow, total: float | None, firmness: tuple[str, ...]) -> str:
    """Write an amount with its qualifier where one item makes it; one without a figure by its qualifier alone."""
    mine = [a for a in row.amounts if a.firmness in firmness and not a.within]
    if total is None:
        return ", ".join(f"({a.qualifier or 'no amount'})" for a in mine)
    known = [a for a in mine if a.usd_bn is not None]
    qualifier = known[0].qualifier if len(known) == 1 else _common(known)
    short = qualifier if qualifier in _BEFORE else ""
    return f"{short} {total:g}".strip()


_BEFORE = frozenset({"up to", "more than", "about", "over", "at least", "up to about", "at most"})
"""Qualifiers that read well before a figure; the others stand in the item's remark."""


def _common(found: Sequence[Amount]) -> str:
    words = {a.qualifier for a in found}
    return words.pop() if len(words) == 1 else ""


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{significant(100 * share, 2)} %"


def amounts_table(one: Deal) -> Table:
    """Return every amount of one deal with its dates, source and reason."""
    heads = ("item", "layer", "pays", "receives", "amount", "firmness", "notice", "from", "to", "note")
    rows = [
        (
            a.item,
            a.layer,
            a.payer,
            a.payee,
            " ".join(w for w in (a.qualifier, "" if a.usd_bn is None else f"{a.usd_bn:g} bn USD") if w),
            a.firmness or "not classified",
            "" if a.notice_days is None else f"{a.notice_days} days",
            a.start,
            a.end,
            (f"part of {a.within}; " if a.within else "") + a.note,
        )
        for a in one.amounts
    ]
    return Table(
        "amounts", tuple(Column(h, "", h.capitalize(), "text") for h in heads), rows, f"{one.id}: amounts by firmness"
    )


def deal_document(one: Deal) -> dict[str, Any]:
    """Return one deal as plain values: what was reported, its amounts, and the figures made of them."""
    return {
        "deal": one.id,
        "reported": dict(one.row),
        "second_source": agreement(one.row),
        "usd_per_mw_y": one.usd_per_mw_y,
        "money_in_over_spend_firm_frac": one.money_in_over_spend("firm"),
        "money_in_over_spend_with_contingent_frac": one.money_in_over_spend("firm", "contingent"),
        "layers": [
            {
                "layer": row.layer,
                "payer": row.payer,
                "payee": row.payee,
                **{f"{f}_usd_bn": row.by_firmness[f] for f in FIRMNESS},
                "stated_usd_bn": row.stated_usd_bn,
                "firm_until": row.firm_horizon,
                "amounts": [
                    {
                        "item": a.item,
                        "usd_bn": a.usd_bn,
                        "firmness": a.firmness,
                        "notice_days": a.notice_days,
                        "from": a.start,
                        "to": a.end,
                        "qualifier": a.qualifier,
                        "within": a.within,
                        "source": a.source,
                        "reliability": a.reliability,
                        "note": a.note,
                    }
                    for a in row.amounts
                ],
            }
            for row in layer_rows([one])
        ],
    }
