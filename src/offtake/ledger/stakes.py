"""Stakes of one party in another: how each is held, its change in value, and what was paid above fair value.

Marks never touch cash and stand below operating profit.  A stake at fair value is worth ``Σ lots · value(t)`` at each period's end, where
``value`` is dated (USD per invested dollar) or the entry price growing at a stated rate.  By the equity method the holder takes its share
of the issuer's profit from the purchase on, down to nothing (ASC 323-10-35-4, 35-20).  At cost nothing happens.

The issuer's books do not move with any of this: its capital stays at what was paid in, so marks are in the reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from offtake.dates import DAYS_PER_YEAR
from offtake.errors import OfftakeError
from offtake.ledger.accounts import CODE
from offtake.ledger.equity_given import Grant, delivered

if TYPE_CHECKING:
    from offtake.ledger.journal import FlowColumns, Postings

__all__ = ["Holding", "post_excess", "post_marks", "post_shares_of_profit", "value_frac"]

Ints = NDArray[np.int64]
HeldAs = Literal["fair_value", "equity_method", "cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is said about one stake.

    Parameters
    ----------
    holder, issuer : str
    cause : str                             clause or entry that says so
    lots : tuple[(date, Decimal), ...]      money or value put in, by date [USD]; what comes back is negative
    held_as : str                           "fair_value" (ASC 321-10-35-1), "equity_method" (323-10-35-4) or "cost" (321-10-35-2)
    growth_frac_per_y : float               of the value since purchase, effective a year, actual/365; without `values`
    values : mapping date → float           worth of an invested dollar, known from that date on; one dollar before the first
    share_frac : float | None               of the issuer's profit, for the equity method

    Raises
    ------
    OfftakeError                            an unknown way of holding, or the equity method without a share
    """

    holder: str
    issuer: str
    cause: str
    lots: tuple[tuple[date, Decimal], ...]
    held_as: HeldAs = "fair_value"
    growth_frac_per_y: float = 0.0
    values: Mapping[date, float] = field(default_factory=lambda: MappingProxyType({}))
    share_frac: float | None = None

    def __post_init__(self) -> None:
        if self.held_as not in ("fair_value", "equity_method", "cost"):
            raise OfftakeError(
                f"{self.cause}: a stake is held at fair_value, equity_method or cost, not {self.held_as!r}"
            )
        if self.held_as == "equity_method" and self.share_frac is None:
            raise OfftakeError(f"{self.cause}: the equity method needs the share of the issuer's profit (`share_frac`)")


def value_frac(holding: Holding, bought: date, on: date) -> float:
    """Worth of a dollar invested on one date, at another.

    Examples
    --------
    >>> stake = Holding(holder="a", issuer="b", cause="c.d", lots=(), growth_frac_per_y=0.1)
    >>> round(value_frac(stake, date(2027, 1, 1), date(2029, 1, 1)), 4)  # 731 days
    1.2103
    """
    if holding.values:
        known = [d for d in holding.values if d <= on]
        return holding.values[max(known)] if known else 1.0
    return float((1.0 + holding.growth_frac_per_y) ** ((on - bought).days / DAYS_PER_YEAR))


def _excess_cents(holding: Holding, bought: date, amount: Decimal) -> int:
    """Find what was paid above fair value on the day of purchase."""
    above = 1.0 - value_frac(holding, bought, bought)
    return round(float(amount) * 100 * above) if above > 0 and amount > 0 else 0


def _discounts(flows: FlowColumns, holding: Holding) -> bool:
    """Whether the issuer is a customer of the holder, so that what is paid above fair value is a discount."""
    whole = delivered(
        flows, flows.code(holding.holder), flows.code(holding.issuer), np.array([np.iinfo(np.int32).max - 1])
    )
    return bool(whole[0] > 0)


def post_excess(out: Postings, flows: FlowColumns, stakes: Sequence[Holding]) -> list[Grant]:
    """Take what was paid to a customer above fair value out of the stake, and return it as grants to be spread over service."""
    found: list[Grant] = []
    for holding in stakes:
        if flows.code(holding.holder) < 0 or flows.code(holding.issuer) < 0 or not _discounts(flows, holding):
            continue
        for bought, amount in holding.lots:
            excess = _excess_cents(holding, bought, amount)
            if excess:
                seller, customer = flows.code(holding.holder), flows.code(holding.issuer)
                found.append(Grant(seller=seller, customer=customer, day=bought.toordinal(), cents=excess))
    for grant in found:
        day, cents = np.array([grant.day]), np.array([grant.cents], dtype=np.int64)
        for who, whom, debit, credit in (
            (grant.seller, grant.customer, "deferred_customer_equity", "investment"),
            (grant.customer, grant.seller, "paid_in_capital", "deferred_supplier_equity"),
        ):
            out.move(day=day, party=who, other=whom, debit=CODE[debit], credit=CODE[credit], cents=cents)
    return found


def post_marks(out: Postings, flows: FlowColumns, edges: Ints, stakes: Sequence[Holding]) -> None:
    """Post the change in value of every stake held at fair value, on the last day of each period."""
    for holding in stakes:
        holder, issuer = flows.code(holding.holder), flows.code(holding.issuer)
        if holding.held_as != "fair_value" or holder < 0 or issuer < 0:
            continue
        discounts = _discounts(flows, holding)
        marks = np.array([_mark_cents(holding, int(t) - 1, discounts=discounts) for t in edges[1:]], dtype=np.int64)
        out.move(
            day=edges[1:] - 1,
            party=holder,
            other=issuer,
            debit=CODE["stake_marks"],
            credit=CODE["income.stake_marks"],
            cents=np.diff(marks, prepend=0),
        )


def _mark_cents(holding: Holding, day: int, *, discounts: bool) -> int:
    """Value at the end of a day above what the stake is carried at."""
    on = date.fromordinal(day)
    own = [(bought, amount) for bought, amount in holding.lots if bought <= on]
    carried = sum(round(a * 100) - (_excess_cents(holding, d, a) if discounts else 0) for d, a in own)
    return round(sum(float(a) * 100 * value_frac(holding, d, on) for d, a in own)) - carried


def post_shares_of_profit(
    out: Postings, flows: FlowColumns, edges: Ints, stakes: Sequence[Holding], profit: Callable[[int], Ints]
) -> None:
    """Post each holder's share of its issuers' profit by the equity method.

    Parameters
    ----------
    profit : code of a party → int64[period] [cent]     before tax, without anything posted here
    """
    for holding in stakes:
        holder, issuer = flows.code(holding.holder), flows.code(holding.issuer)
        if holding.held_as != "equity_method" or holder < 0 or issuer < 0 or not holding.lots:
            continue
        first = min(d for d, _ in holding.lots).toordinal()
        share, carried, taken = Fraction(str(holding.share_frac)), 0, []
        for k, earned in enumerate(profit(issuer).tolist()):
            start, end = int(edges[k]), int(edges[k + 1])
            held = Fraction(max(0, end - max(start, first)), end - start)
            carried += sum(round(a * 100) for d, a in holding.lots if start <= d.toordinal() < end)
            part = max(round(earned * share * held), -carried)
            carried += part
            taken.append(part)
        out.move(
            day=edges[1:] - 1,
            party=holder,
            other=issuer,
            debit=CODE["stake_marks"],
            credit=CODE["income.equity_method"],
            cents=np.array(taken, dtype=np.int64),
        )
