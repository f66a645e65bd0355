"""Equity given to a customer: an asset that reduces revenue as service is delivered, and the customer's cost alike.

With ``S(t)`` the service that the issuer has delivered to the customer by the end of day ``t``, a grant of value ``v`` on day ``d`` has
reduced revenue by ``v · (S(t) − S(d)) / (S(T) − S(d))``, rounded to a cent; ``T`` is the last day of that service, or of the grant's
interval where that is longer than a day and ends later.  Without service in that time it is spread evenly by day over its interval,
and without an interval it reduces revenue at once.  The same cents stand in the customer's books as a discount to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Account
from offtake.ledger.accounts import CODE
from offtake.ledger.depreciation import accumulated_cents
from offtake.ledger.journal import ACCOUNTS

if TYPE_CHECKING:
    from offtake.ledger.journal import FlowColumns, Postings

__all__ = ["FOREVER", "SERVICE", "Grant", "delivered", "grants", "post_equity_given"]

Ints = NDArray[np.int64]
FOREVER = int(np.iinfo(np.int32).max)
SERVICE = (
    *(Account.RENT, Account.TAKE_OR_PAY, Account.TRUE_UP, Account.RESERVATION, Account.BACKSTOP, Account.BREAKAGE),
    *(Account.CAPEX_SITE, Account.CAPEX_CHIPS, Account.OUTSIDE_RENT, Account.TOKEN_REVENUE, Account.RESALE_REVENUE),
)
"""Flow accounts that are what one party sells to another; goods count on the day they are paid for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Value given to a customer.

    Parameters
    ----------
    giver, receiver : int      codes of parties
    day : int [day]
    cents : int [cent]
    until : int [day]           day after the service that it is for; `FOREVER` where all that follows is meant
    """

    giver: int
    receiver: int
    day: int
    cents: int
    until: int


def grants(flows: FlowColumns) -> list[Grant]:
    """Equity given to customers, one grant a flow."""
    rows = np.flatnonzero(flows.account == ACCOUNTS.index(Account.CUSTOMER_EQUITY))
    until = np.where(flows.end[rows] > flows.day[rows] + 1, flows.end[rows], FOREVER)
    columns = (flows.payer[rows], flows.payee[rows], flows.day[rows], flows.cents[rows], until)
    return [
        Grant(giver=s, receiver=c, day=d, cents=v, until=u)
        for s, c, d, v, u in zip(*(a.tolist() for a in columns), strict=True)
    ]


def sales(flows: FlowColumns) -> NDArray[np.intp]:
    """Rows of flows that pay for service."""
    return np.flatnonzero(np.isin(flows.account, [ACCOUNTS.index(a) for a in SERVICE]))


def delivered(
    flows: FlowColumns, giver: int, receiver: int, days: Ints, *, among: NDArray[np.intp] | None = None
) -> Ints:
    """Service delivered from one party to another by the end of each day, in whole cents a day.

    Parameters
    ----------
    days : int64[n] [day]
    among : rows of flows that hold all of that service; every flow by default

    Returns
    -------
    int64[n] [cent]         what is less than a cent a day counts on the last day of its interval
    """
    rows = sales(flows) if among is None else among
    rows = rows[(flows.payee[rows] == giver) & (flows.payer[rows] == receiver)]
    if not rows.size:
        return np.zeros(days.size, dtype=np.int64)
    goods = np.isin(flows.account[rows], [ACCOUNTS.index(a) for a in (Account.CAPEX_SITE, Account.CAPEX_CHIPS)])
    start = np.where(goods, flows.day[rows], flows.start[rows]).astype(np.int64)
    end = np.where(goods, flows.day[rows] + 1, np.maximum(flows.end[rows], flows.start[rows] + 1)).astype(np.int64)
    first = int(start.min())
    by_day = np.zeros(int(end.max()) - first + 1, dtype=np.int64)
    rate, rest = np.divmod(flows.cents[rows], end - start)
    np.add.at(by_day, start - first, rate)
    np.subtract.at(by_day, end - first, rate)
    by_day = np.cumsum(by_day)
    np.add.at(by_day, end - 1 - first, rest)
    so_far = np.concatenate([[0], np.cumsum(by_day)])
    found: Ints = so_far[np.clip(days + 1 - first, 0, so_far.size - 1)]
    return found


def post_equity_given(out: Postings, flows: FlowColumns, edges: Ints, found: Sequence[Grant]) -> None:
    """Spread every grant over the service that follows it, in both books."""
    pairs: dict[tuple[int, int], list[Grant]] = {}
    for grant in found:
        pairs.setdefault((grant.giver, grant.receiver), []).append(grant)
    rows = sales(flows) if pairs else np.zeros(0, dtype=np.intp)
    met = flows.payee[rows].astype(np.int64) * len(flows.parties) + flows.payer[rows]
    order = np.argsort(met, kind="stable")
    rows, met = rows[order], met[order]
    for (giver, receiver), own in pairs.items():
        pair = giver * len(flows.parties) + receiver
        among = rows[np.searchsorted(met, pair) : np.searchsorted(met, pair, side="right")]
        day, amount = _spread(flows, among, own, edges)
        for who, whom, debit, credit in (
            (giver, receiver, "income.equity_to_customers", "deferred_customer_equity"),
            (receiver, giver, "deferred_supplier_equity", "expense.equity_from_suppliers"),
        ):
            out.move(day=day, party=who, other=whom, debit=CODE[debit], credit=CODE[credit], cents=amount)


def _spread(flows: FlowColumns, among: NDArray[np.intp], own: Sequence[Grant], edges: Ints) -> tuple[Ints, Ints]:
    """Give days and cents by which the grants of one pair reduce revenue."""
    days, cents, until = (np.array([getattr(g, n) for g in own], dtype=np.int64) for n in ("day", "cents", "until"))
    stops = edges[1:] - 1
    asked = np.concatenate([stops, until - 1, days])
    after = delivered(flows, own[0].giver, own[0].receiver, asked, among=among)
    at_stop, at_end, at_grant = after[: stops.size], after[stops.size : -days.size], after[-days.size :]
    left = at_end - at_grant
    some = left > 0
    # Python's integers: the product of two amounts in cents does not fit in 64 bits.
    done = np.clip(at_stop[None, :] - at_grant[:, None], 0, np.maximum(left, 0)[:, None]).astype(object)
    over = np.where(some, left, 1).astype(object)[:, None]
    reached = ((2 * cents.astype(object)[:, None] * done + over) // (2 * over)).astype(np.int64)
    evenly = ~some & (until < FOREVER)
    life = np.where(evenly, until - days, 1)[:, None]
    by_day = accumulated_cents(cents[:, None], stops[None, :] + 1 - days[:, None], life)
    reached = np.where(some[:, None], reached, np.where(evenly[:, None], by_day, 0))
    reached[stops[None, :] < days[:, None]] = 0
    steps = np.diff(reached, axis=1, prepend=0)
    at_once = np.where(some | evenly, 0, cents)
    when = np.concatenate([np.broadcast_to(stops, steps.shape).ravel(), days])
    return when, np.concatenate([steps.ravel(), at_once])
