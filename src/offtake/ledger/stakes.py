"""Stakes of one party in another: how each is held, its change in value, and what was paid above fair value.

Marks never touch cash and stand below operating profit.  A stake at fair value is worth ``Σ lots · worth(t)`` at each period's end, by
the path that its clause states (`offtake.deal.stakes`): dated values, or the entry price growing at a rate.  By the equity method the
holder takes its share of the issuer's profit from the purchase on, down to nothing (ASC 323-10-35-4, 35-20).  At cost nothing happens.

The issuer's books do not move with any of this: its capital stays at what was paid in, so marks are in the reconciliation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Account
from offtake.deal.stakes import worth
from offtake.errors import OfftakeError
from offtake.ledger.accounts import CODE
from offtake.ledger.equity_given import FOREVER, Grant, delivered
from offtake.money import ratio, to_cents

if TYPE_CHECKING:
    from offtake.deal.flows import Due
    from offtake.deal.settle import Exact
    from offtake.ledger.journal import FlowColumns, Postings

__all__ = ["Holding", "Lot", "holdings", "post_excess", "post_marks", "post_shares_of_profit"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Value put into a stake on one date.

    Parameters
    ----------
    date : date
    amount : Decimal [USD]      negative for what comes back
    interval : int              of the due that it is from: it decides the units per dollar
    """

    date: date
    amount: Decimal
    interval: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is said about one stake.

    Parameters
    ----------
    holder, issuer : str
    cause : str                 clause or entry that says so
    lots : Lot, …
    facts : mapping             form, holder, growth, values and units of the stake (`offtake.deal.stakes`), with its
                                ``held_as``: "fair_value" (ASC 321-10-35-1), "equity_method" (323-10-35-4) or "cost" (321-10-35-2)
                                and, for the equity method, its ``share_frac`` of the issuer's profit
    in_kind : bool              no money was paid for it: it has no price that could be above fair value

    Raises
    ------
    OfftakeError                an unknown way of holding, or the equity method without a share
    """

    holder: str
    issuer: str
    cause: str
    lots: tuple[Lot, ...]
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    in_kind: bool = False

    def __post_init__(self) -> None:
        if self.held_as not in ("fair_value", "equity_method", "cost"):
            raise OfftakeError(
                f"{self.cause}: a stake is held at fair_value, equity_method or cost, not {self.held_as!r}"
            )
        if self.held_as == "equity_method" and self.facts.get("share_frac") is None:
            raise OfftakeError(
                f"{self.cause}: the equity method needs the share of the issuer's profit (`holder_share`)"
            )

    @property
    def held_as(self) -> str:
        """How it is held; at fair value unless it says otherwise."""
        return str(self.facts.get("held_as", "fair_value"))

    def worth_frac(self, lot: Lot, on: date) -> float:
        """Worth of a dollar of one lot on a date.

        Examples
        --------
        >>> lot = Lot(date=date(2027, 1, 1), amount=Decimal(100))
        >>> stake = Holding(holder="a", issuer="b", cause="c.d", lots=(lot,), facts={"growth_frac_per_y": 0.1})
        >>> round(stake.worth_frac(lot, date(2028, 1, 1)), 4)
        1.1
        """
        told = _Told(facts={"stake": self.facts}, when={lot.interval: lot.date})
        return worth(cast("Due[object]", told), lot.interval, on)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The part of a due that says what a stake is worth."""

    facts: Mapping[str, object]
    when: Mapping[int, date]


def holdings(dues: Iterable[Due[Exact]], *, path: int = 0) -> list[Holding]:
    """Read the stakes off settled dues: every one that says what it hands over is worth.

    Raises
    ------
    OfftakeError        a stake that is held in no known way
    """
    found = []
    for due in dues:
        facts = due.facts.get("stake")
        if due.account is not Account.EQUITY or not isinstance(facts, Mapping):
            continue
        holder = str(facts.get("holder", due.payer))
        issuer, sign = (due.payee, 1) if due.payer == holder else (due.payer, -1)
        cents = to_cents([ratio(a) for a in due.amount.rows[path]])
        lots = [
            Lot(date=day, amount=sign * amount, interval=k)
            for k, (day, amount) in enumerate(zip(due.when, cents, strict=True))
            if amount
        ]
        found.append(
            Holding(holder=holder, issuer=issuer, cause=due.cause, lots=tuple(lots), facts=facts, in_kind=due.in_kind)
        )
    return found


def _excess_cents(holding: Holding, lot: Lot) -> int:
    """Find what was paid above fair value on the day of purchase."""
    above = 0.0 if holding.in_kind else 1.0 - holding.worth_frac(lot, lot.date)
    return round(float(lot.amount) * 100 * above) if above > 0 and lot.amount > 0 else 0


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
        giver, receiver = flows.code(holding.holder), flows.code(holding.issuer)
        for lot in holding.lots:
            excess, day = _excess_cents(holding, lot), lot.date.toordinal()
            if excess:
                found.append(Grant(giver=giver, receiver=receiver, day=day, cents=excess, until=FOREVER))
    for grant in found:
        on, cents = np.array([grant.day]), np.array([grant.cents], dtype=np.int64)
        for who, whom, debit, credit in (
            (grant.giver, grant.receiver, "deferred_customer_equity", "investment"),
            (grant.receiver, grant.giver, "paid_in_capital", "deferred_supplier_equity"),
        ):
            out.move(day=on, party=who, other=whom, debit=CODE[debit], credit=CODE[credit], cents=cents)
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
    own = [lot for lot in holding.lots if lot.date <= on]
    carried = sum(round(lot.amount * 100) - (_excess_cents(holding, lot) if discounts else 0) for lot in own)
    return round(math.fsum(float(lot.amount) * 100 * holding.worth_frac(lot, on) for lot in own)) - carried


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
        first = min(lot.date for lot in holding.lots).toordinal()
        share, carried, taken = Fraction(str(holding.facts["share_frac"])), 0, []
        for k, earned in enumerate(profit(issuer).tolist()):
            start, end = int(edges[k]), int(edges[k + 1])
            held = Fraction(max(0, end - max(start, first)), end - start)
            carried += sum(round(lot.amount * 100) for lot in holding.lots if start <= lot.date.toordinal() < end)
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
