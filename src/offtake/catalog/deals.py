"""Reference deals: headline against firm, amounts by layer, and what a second source says.

`deals.csv` holds each deal as it was reported; `deals_firmness.csv` splits it into amounts of one layer and one firmness.  What the
sources do not say stays empty and says why.  Amounts of different layers or firmness are never added to one another (DESIGN, rule 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.catalog.load import rows
from offtake.diagnostics import did_you_mean
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FIRMNESS",
    "Amount",
    "Deal",
    "LayerRow",
    "agreement",
    "amounts",
    "comparable",
    "deal",
    "deals",
    "layer_rows",
    "second_rows",
]

FIRMNESS = ("firm", "contingent", "optional", "cancellable")
"""Classes that a source lets us tell apart; an amount may also be `lapsed` (nothing is owed any more) or not classified ("")."""

_CAPACITY = ("cloud", "chip", "site")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """One amount of a deal, of one layer and one firmness.

    Parameters
    ----------
    usd_bn : float or None [bn USD]     None where no source gives one
    firmness : str                      one of `FIRMNESS`, `lapsed`, or "" where the sources do not say
    notice_days : int or None [day]     how soon it may be ended or called
    start, end : str                    dates as far as they are printed, or ""
    qualifier : str                     the source's own word: "up to", "more than"
    within : str                        item that already includes this one, or ""
    """

    deal_id: str
    item: str
    layer: str
    payer: str
    payee: str
    usd_bn: float | None
    firmness: str
    notice_days: int | None
    start: str
    end: str
    qualifier: str
    within: str
    source: str
    reliability: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """One reference deal: the reported row and its amounts."""

    id: str
    row: Mapping[str, str]
    amounts: tuple[Amount, ...]

    @property
    def spend_usd_bn(self) -> float | None:
        """Headline of the spending side, as qualified [bn USD]."""
        return _number(self.row["spend_usd_bn"])

    def money_in(self, *firmness: str) -> float | None:
        """Equity towards the customer, of the given firmness [bn USD]; None where none is reported with an amount."""
        mine = [
            a.usd_bn
            for a in self.amounts
            if a.layer == "equity" and a.firmness in firmness and a.usd_bn is not None and self.offtaker in a.payee
        ]
        return math.fsum(mine) if mine else None

    def money_in_over_spend(self, *firmness: str) -> float | None:
        """Equity towards the customer over the headline spend; the notes of the table say how both are qualified.

        Examples
        --------
        >>> deal("amzn-anth-2026-04").money_in_over_spend("firm")
        0.05
        >>> deal("amzn-anth-2026-04").money_in_over_spend("firm", "contingent")
        0.25
        """
        paid, spend = self.money_in(*firmness), self.spend_usd_bn
        return paid / spend if paid is not None and spend and self._bought(with_amount=True) else None

    @property
    def offtaker(self) -> str:
        """Who buys, without remarks."""
        return self.row["customer_or_developer"].split(" (")[0]

    @property
    def usd_per_mw_y(self) -> float | None:
        """What the customer spends over full power for the whole term [USD/MW-year]: a floor, since power comes by and by.

        Examples
        --------
        >>> round(deal("iren-msft-2025").usd_per_mw_y / 1e6, 2)
        9.7
        """
        spend, gw, years = self.spend_usd_bn, _number(self.row["gw"]), _number(self.row["years"])
        return spend * 1e9 / (gw * 1e3 * years) if self._bought() and spend and gw and years else None

    def _bought(self, *, with_amount: bool = False) -> bool:
        """Whether the customer itself buys capacity, with an amount if asked for."""
        mine = [a for a in self.amounts if a.payer == self.offtaker and a.layer in _CAPACITY]
        return any(a.usd_bn is not None for a in mine) if with_amount else bool(mine)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """What one party owes another under one deal in one layer [bn USD], by firmness; `stated` cannot be classified."""

    deal: Deal
    layer: str
    payer: str
    payee: str
    by_firmness: Mapping[str, float | None]
    stated_usd_bn: float | None
    amounts: tuple[Amount, ...]

    @property
    def firm_horizon(self) -> str:
        """Until when firm money may fall due: a notice period, a date as far as it is printed, or ""."""
        firm = [a for a in self.amounts if a.firmness == "firm"]
        notice = [a.notice_days for a in firm if a.notice_days is not None]
        if notice:
            return f"{max(notice)} days' notice"
        return max((a.end for a in firm), default="")

    @property
    def remark(self) -> str:
        """Qualifiers and reasons, item by item."""
        return "; ".join(f"{a.item}: {', '.join(w for w in (a.qualifier, a.note) if w)}" for a in self.amounts)


def amounts(deal_id: str) -> tuple[Amount, ...]:
    """Return the classified amounts of a deal.

    Examples
    --------
    >>> [(a.item, a.usd_bn, a.firmness) for a in amounts("spacex-anth-2026")]
    [('fee of the notice period', 3.75, 'firm'), ('rest of the term', 36.25, 'cancellable')]
    """
    return tuple(_amount(r) for r in rows("deals_firmness") if r["deal_id"] == deal_id)


def deal(deal_id: str) -> Deal:
    """Return a deal by its id.

    Raises
    ------
    OfftakeError
        No such deal; says which are close.

    Examples
    --------
    >>> deal("spacex-anth-2026").spend_usd_bn
    40.0
    """
    for row in rows("deals"):
        if row["deal_id"] == deal_id:
            return Deal(id=deal_id, row=row, amounts=amounts(deal_id))
    hint = did_you_mean(deal_id, [r["deal_id"] for r in rows("deals")])
    raise OfftakeError(f"the catalogue has no deal {deal_id[:60]!r}: {hint}")


def deals() -> tuple[Deal, ...]:
    """Return all deals, in the table's order."""
    return tuple(deal(row["deal_id"]) for row in rows("deals"))


def layer_rows(found: Sequence[Deal]) -> tuple[LayerRow, ...]:
    """Add the amounts of each deal up within a layer, a payer and a firmness, never across them.

    Examples
    --------
    >>> equity, cloud, chip = layer_rows([deal("amzn-anth-2026-04")])
    >>> equity.by_firmness["firm"], equity.by_firmness["contingent"], cloud.stated_usd_bn
    (5.0, 20.0, 100.0)
    >>> layer_rows([deal("spacex-anth-2026")])[0].firm_horizon
    "90 days' notice"
    """
    made = []
    for one in found:
        for layer, payer, payee in dict.fromkeys((a.layer, a.payer, a.payee) for a in one.amounts):
            mine = [a for a in one.amounts if (a.layer, a.payer, a.payee) == (layer, payer, payee)]
            summed = [a for a in mine if not a.within]
            made.append(
                LayerRow(
                    deal=one,
                    layer=layer,
                    payer=payer,
                    payee=payee,
                    by_firmness={f: _total([a for a in summed if a.firmness == f]) for f in FIRMNESS},
                    stated_usd_bn=_total([a for a in summed if a.firmness not in FIRMNESS]),
                    amounts=tuple(mine),
                )
            )
    return tuple(made)


def comparable(spend_usd_bn: float, *, most: int = 2) -> tuple[Deal, ...]:
    """Return the deals for capacity, power and term known, whose headline spend is nearest to an amount, as a ratio [bn USD].

    Examples
    --------
    >>> [d.id for d in comparable(100.0)]
    ['amzn-anth-2026-04', 'aws-oai-2026']
    """
    wanted = [d for d in deals() if d.usd_per_mw_y is not None]
    return tuple(sorted(wanted, key=lambda d: abs(math.log((d.spend_usd_bn or 1.0) / spend_usd_bn)))[:most])


def _total(found: Sequence[Amount]) -> float | None:
    known = [a.usd_bn for a in found if a.usd_bn is not None]
    return math.fsum(known) if known else None


def _amount(row: Mapping[str, str]) -> Amount:
    return Amount(
        deal_id=row["deal_id"],
        item=row["item"],
        layer=row["layer"],
        payer=row["payer"],
        payee=row["payee"],
        usd_bn=_number(row["usd_bn"]),
        firmness=row["firmness"],
        notice_days=int(row["notice_days"]) if row["notice_days"] else None,
        start=row["from"],
        end=row["to"],
        qualifier=row["qualifier"],
        within=row["within"],
        source=row["source"],
        reliability=row["reliability"],
        note=row["note"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def second_rows(deal_id: str) -> tuple[Mapping[str, str], ...]:
    """Return the second source's rows of a deal.

    Examples
    --------
    >>> [r["gw"] for r in second_rows("goog-avgo-anth-2026-04")]
    ['5.0', '3.5']
    """
    wanted = {r["second_id"] for r in rows("deals_match") if r["deal_id"] == deal_id}
    return tuple(r for r in rows("deals_second") if r["id"] in wanted)


def agreement(row: Mapping[str, str]) -> str:
    """Say where the second source agrees with a deal, and where it differs.

    Power, money and date are compared where both print them; the second source's equity row is held against the firm equity.

    Examples
    --------
    >>> agreement(next(r for r in rows("deals") if r["deal_id"] == "amzn-anth-2026-04"))
    'agrees: GW 5, bn USD 100, date 2026-04-20, equity bn USD 5'
    >>> agreement(next(r for r in rows("deals") if r["deal_id"] == "amzn-anth-2023"))
    'no second source'
    """
    second = second_rows(row["deal_id"])
    if not second:
        return "no second source"
    same: list[str] = []
    other: list[str] = []
    for found in second:
        money = "equity_firm_usd_bn" if found["id"].endswith("-equity") else "spend_usd_bn"
        label = "equity bn USD" if money == "equity_firm_usd_bn" else "bn USD"
        for name, ours, theirs in (
            ("GW", row["gw"], found["gw"]),
            (label, row[money], found["usd_bn"]),
            ("date", row["date"], found["date"]),
        ):
            if not ours or not theirs:
                continue
            equal = _same(ours, theirs)
            text = f"{name} {ours}" if equal else f"{name} {ours} against {theirs}"
            listed = same if equal else other
            if text not in listed:
                listed.append(text)
    parts = ([f"differs: {', '.join(other)}"] if other else []) + ([f"agrees: {', '.join(same)}"] if same else [])
    return "; ".join(parts) or "the second source prints no figure to compare"


def _same(ours: str, theirs: str) -> bool:
    """Compare two cells: numbers by value, dates as far as both are written."""
    try:
        return float(ours) == float(theirs)
    except ValueError:
        return ours.startswith(theirs) or theirs.startswith(ours)
