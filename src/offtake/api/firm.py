"""Headline against firm: a scenario's own contract beside comparable public deals, by layer and firmness, never added up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from offtake.catalog.deals import FIRMNESS, comparable, layer_rows
from offtake.deal.contract import Contract, summary
from offtake.deal.flows import Layer
from offtake.report.data import report_table

if TYPE_CHECKING:
    from offtake.catalog.deals import LayerRow
    from offtake.deal.terms import Promise
    from offtake.spec.load import Loaded
    from offtake.tables import Table

__all__ = ["against_firm", "firm_usd", "own_deal"]


def own_deal(loaded: Loaded) -> Table:
    """Return a loaded scenario's contract as headline against firm; empty where there is no contract."""
    terms = loaded.scenario.contract
    contract = None if terms is None or terms.signed == "no" else Contract.of(terms)
    return against_firm(contract, loaded.scenario.valuation_date, beside=0)


def against_firm(
    contract: Contract | None, today: date, *, usd_per_mw_y: float | None = None, beside: int = 2
) -> Table:
    """Return a contract's amounts by layer, payer and firmness, and those of the public deals nearest in size.

    Parameters
    ----------
    today : date             from which a notice period counts
    usd_per_mw_y : float     what the plan pays under the contract per IT MW-year taken
    beside : int             public deals
    """
    if contract is None:
        return report_table("headline_against_firm", ())
    promises = [p for p in summary(contract, today=today).promises if not p.within]
    spend = _total(
        [p for p in promises if p.payer == "offtaker" and p.layer is contract.layer and p.firmness != "optional"]
    )
    rows = _own(contract, promises, spend, usd_per_mw_y)
    near = comparable(spend / 1e9, most=beside) if spend and beside else ()
    return report_table("headline_against_firm", [*rows, *(_public(row) for row in layer_rows(near))])


def firm_usd(contract: Contract | None, today: date) -> float | None:
    """Sum what the offtaker owes whatever happens in the contract's own layer, undiscounted [USD]; None where no amount is firm."""
    if contract is None:
        return None
    return _total(
        [
            p
            for p in summary(contract, today=today).promises
            if p.payer == "offtaker" and p.layer is contract.layer and p.firmness == "firm" and not p.within
        ]
    )


def _own(
    contract: Contract, promises: Sequence[Promise], spend: float | None, usd_per_mw_y: float | None
) -> list[dict[str, Any]]:
    """Write the contract's own amounts, one row for each layer and payer."""
    rows = []
    for layer, payer, payee in dict.fromkeys((p.layer, p.payer, p.payee) for p in promises):
        mine = [p for p in promises if (p.layer, p.payer, p.payee) == (layer, payer, payee)]
        firm = [p.end for p in mine if p.firmness == "firm"]
        equity = layer is Layer.EQUITY and payee == "offtaker" and spend
        paid = [_total([p for p in mine if p.firmness in kinds]) for kinds in (("firm",), ("firm", "contingent"))]
        rows.append(
            {
                "deal": contract.id,
                "own": True,
                "layer": str(layer),
                "payer": payer,
                "payee": payee,
                **{f"{f}_usd": _nan(_total([p for p in mine if p.firmness == f])) for f in FIRMNESS},
                "stated_usd": math.nan,
                "money_in_firm_frac": (paid[0] or 0.0) / spend if equity and spend else math.nan,
                "money_in_frac": (paid[1] or 0.0) / spend if equity and spend else math.nan,
                "usd_per_mw_y": _nan(usd_per_mw_y if payer == "offtaker" and layer is contract.layer else None),
                "firm_until": max(firm).isoformat() if firm else "",
                "reliability": "the scenario's terms",
                "remark": "; ".join(_in_words(p) for p in mine),
            }
        )
    return rows


def _in_words(promise: Promise) -> str:
    amount = "no amount stated" if promise.usd is None else f"{float(promise.usd) / 1e9:g} bn USD"
    return f"{promise.clause}, {promise.what}: {amount}, {promise.firmness}"


def _public(row: LayerRow) -> dict[str, Any]:
    """Write one row of a public deal."""
    one = row.deal
    buys = row.payer == one.offtaker and row.layer in ("cloud", "chip", "site") and any(a.usd_bn for a in row.amounts)
    equity = row.layer == "equity" and one.offtaker in row.payee
    usd = {f: None if v is None else v * 1e9 for f, v in row.by_firmness.items()}
    return {
        "deal": one.id,
        "own": False,
        "layer": row.layer,
        "payer": row.payer,
        "payee": row.payee,
        **{f"{f}_usd": _nan(usd[f]) for f in FIRMNESS},
        "stated_usd": _nan(None if row.stated_usd_bn is None else row.stated_usd_bn * 1e9),
        "money_in_firm_frac": _nan(one.money_in_over_spend("firm") if equity else None),
        "money_in_frac": _nan(one.money_in_over_spend("firm", "contingent") if equity else None),
        "usd_per_mw_y": _nan(one.usd_per_mw_y if buys else None),
        "firm_until": row.firm_horizon,
        "reliability": "; ".join(dict.fromkeys(a.reliability for a in row.amounts)),
        "remark": row.remark,
    }


def _total(found: Sequence[Promise]) -> float | None:
    known = [float(p.usd) for p in found if p.usd is not None]
    return math.fsum(known) if known else None


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
