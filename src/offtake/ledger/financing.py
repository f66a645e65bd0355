"""Interest that prepayments bear: the financing component of contracts paid for long before service.

A lot is money paid on day ``d0`` for what is delivered on day ``d1``.  Held for more than a year, it grows by ``(1 + r)^((t − d0)/365)``
until then: interest cost of the provider and interest income of the offtaker, the same cents in both books.  What it grew to counts as
the price of the service (ASC 606-10-32-15, example 29 in 55-244; IFRS 15.60), a year or less bears nothing (32-18; IFRS 15.63).

Service paid ahead is one small lot a day.  With ``c`` over ``L`` days, the days ``s`` that are more than a year after payment ``p`` and
``g = (1 + r)^(1/365)``, what has counted as price by the end of day ``t`` is ``c/L · Σ_{s ≤ t} (g^(s − p) − 1)``, a geometric series,
and the interest so far is that and ``c/L · (g^(t + 1 − p) − 1)`` for each day still to come.  Any cut into periods takes differences.

Prepayments are used up by credits, first in first out between two parties; what no credit has used up by the end of the books goes on
growing.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.dates import DAYS_PER_YEAR
from offtake.deal.flows import Account
from offtake.ledger.accounts import CODE, RULES
from offtake.ledger.depreciation import cut_by_day
from offtake.ledger.journal import ACCOUNTS, NO_DAY
from offtake.ledger.leases import leased

if TYPE_CHECKING:
    from offtake.ledger.journal import FlowColumns, Postings

__all__ = ["Lots", "grown_cents", "post_interest", "service_ahead", "used_up"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
A_YEAR = 365
"""Longest time without interest [day] (ASC 606-10-32-18)."""
A_MONTH = 31
"""A yearly bill paid up to this long ahead bears nothing [day]: that would not be significant (ASC 606-10-32-16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lots:
    """Money paid ahead, arrays over [lot].

    Parameters
    ----------
    payer, payee : int64            codes of parties
    cents : int64 [cent]
    paid : int64 [day]              when it was paid
    until : int64 [day]             until when it grows
    counted : int64 [day]           when what it grew to counts as price; `NO_DAY` if not within the books
    """

    payer: Ints
    payee: Ints
    cents: Ints
    paid: Ints
    until: Ints
    counted: Ints


def grown_cents(cents: Ints, days: Ints, rate_frac_per_y: float) -> Ints:
    """Interest on amounts after a number of days, rounded to cents.

    Examples
    --------
    1,000.00 over two years at 6 %: 1,123.60 less 1,000.00.

    >>> grown_cents(np.array([100_000]), np.array([730]), 0.06).tolist()
    [12360]
    """
    growth = np.expm1(days / DAYS_PER_YEAR * np.log1p(rate_frac_per_y))
    grown: Ints = np.rint(cents * growth).astype(np.int64)
    return grown


def service_ahead(flows: FlowColumns, opens: int) -> Ints:
    """Rows of flows that pay for service more than a year and a month before its last day."""
    by_day = np.array([RULES[a].accrues for a in ACCOUNTS])[flows.account] & ~leased(flows)
    late = flows.end.astype(np.int64) - 1 - flows.day > A_YEAR + A_MONTH
    return np.flatnonzero(by_day & late & (np.maximum(flows.start, opens) < flows.end))


def _post_service(out: Postings, flows: FlowColumns, edges: Ints, rate: float) -> None:
    """Post interest on service paid ahead, and what of it has counted as price."""
    rows = service_ahead(flows, int(edges[0]))
    if not rows.size:
        return
    paid, end = flows.day[rows].astype(np.int64), flows.end[rows].astype(np.int64)
    start = np.maximum(flows.start[rows].astype(np.int64), edges[0])
    cut = cut_by_day(flows.cents[rows], paid, end, edges)
    source = cut.source
    terms = (flows.cents[rows][source] / (end - start)[source], start[source], end[source], paid[source])
    counted = _counted_cents(*terms, cut.last, rate) - _counted_cents(*terms, cut.first - 1, rate)
    interest = _interest_cents(*terms, cut.last, rate) - _interest_cents(*terms, cut.first - 1, rate)
    payer, payee = flows.payer[rows][source], flows.payee[rows][source]
    _move(out, (payer, payee), cut.last, interest, (cut.last, payer, payee, counted))


def _counted_cents(a_day: Floats, start: Ints, end: Ints, paid: Ints, on: Ints, rate: float) -> Ints:  # noqa: PLR0917
    """Find what has counted as price by the end of a day."""
    growth = math.pow(1.0 + rate, 1.0 / DAYS_PER_YEAR)
    first = np.maximum(start, paid + A_YEAR + 1)
    days = np.maximum(np.minimum(on, end - 1) - first + 1, 0)
    series = np.power(growth, first - paid) * (np.power(growth, days) - 1.0) / (growth - 1.0) if rate else days * 1.0
    found: Ints = np.rint(a_day * (series - days)).astype(np.int64)
    return found


def _interest_cents(a_day: Floats, start: Ints, end: Ints, paid: Ints, on: Ints, rate: float) -> Ints:  # noqa: PLR0917
    """Interest by the end of a day."""
    first = np.maximum(start, paid + A_YEAR + 1)
    left = np.maximum(end - np.maximum(first, on + 1), 0)
    growth = np.expm1(np.maximum(on + 1 - paid, 0) / DAYS_PER_YEAR * math.log1p(rate))
    found: Ints = np.rint(a_day * left * growth).astype(np.int64)
    return found + _counted_cents(a_day, start, end, paid, on, rate)


def used_up(flows: FlowColumns, end: int) -> Lots:
    """Prepayments as credits use them up, first in first out between two parties, those above a year only.

    Parameters
    ----------
    end : int [day]     day after the books: what is left then goes on growing
    """
    ahead, back = ACCOUNTS.index(Account.PREPAYMENT), ACCOUNTS.index(Account.CREDIT)
    rows = np.flatnonzero((flows.account == ahead) | (flows.account == back))
    gives = flows.account[rows] == ahead
    payer = np.where(gives, flows.payer[rows], flows.payee[rows])
    payee = np.where(gives, flows.payee[rows], flows.payer[rows])
    day, cents = flows.day[rows], flows.cents[rows]
    order = np.lexsort((~gives, day, payee, payer))
    found: list[tuple[int, int, int, int, int, int]] = []
    pool: deque[list[int]] = deque()
    at = (-1, -1)
    columns = (payer[order], payee[order], gives[order], day[order], cents[order])

    def rest(pair: tuple[int, int]) -> None:
        found.extend((*pair, left, paid, end, NO_DAY) for paid, left in pool if end - paid > A_YEAR)
        pool.clear()

    for one, two, giving, when, amount in zip(*(c.tolist() for c in columns), strict=True):
        if (one, two) != at:
            rest(at)
            at = (one, two)
        if giving:
            pool.append([when, amount])
            continue
        left = amount
        while left > 0 and pool:
            part = min(left, pool[0][1])
            if when - pool[0][0] > A_YEAR:
                found.append((one, two, part, pool[0][0], when, when))
            left -= part
            pool[0][1] -= part
            if pool[0][1] <= 0:
                pool.popleft()
    rest(at)
    table = np.array(found, dtype=np.int64).reshape(-1, 6).T
    return Lots(**dict(zip(("payer", "payee", "cents", "paid", "until", "counted"), table, strict=True)))


def post_interest(out: Postings, flows: FlowColumns, edges: Ints, rate_frac_per_y: float) -> None:
    """Post interest on the last day of each period, and what it adds to the price when service is delivered."""
    _post_service(out, flows, edges, rate_frac_per_y)
    lots = used_up(flows, int(edges[-1]))
    if not lots.cents.size:
        return
    cut = cut_by_day(lots.cents, lots.paid, lots.until, edges)
    source = cut.source
    before, after = cut.first - lots.paid[source], cut.last + 1 - lots.paid[source]
    interest = grown_cents(lots.cents[source], after, rate_frac_per_y)
    interest -= grown_cents(lots.cents[source], before, rate_frac_per_y)
    whole = grown_cents(lots.cents, lots.until - lots.paid, rate_frac_per_y)
    pair = (lots.payer[source], lots.payee[source])
    _move(out, pair, cut.last, interest, (lots.counted, lots.payer, lots.payee, whole))


def _move(
    out: Postings,
    pair: tuple[NDArray[np.integer], NDArray[np.integer]],
    day: Ints,
    interest: Ints,
    counted: tuple[Ints, NDArray[np.integer], NDArray[np.integer], Ints],
) -> None:
    """Post interest between pairs (payer, payee), and what counts as price (day, payer, payee, cents), in both books."""
    names = ("prepaid_interest", "income.prepaid_interest", "expense.prepaid_interest", "contract_liability_interest")
    asset, earned, cost, owed = (CODE[n] for n in names)
    when, payer, payee, whole = counted
    for on, who, whom, debit, credit, cents in (
        (day, *pair, asset, earned, interest),
        (day, *reversed(pair), cost, owed, interest),
        (when, payer, payee, CODE["expense.time_value"], asset, whole),
        (when, payee, payer, owed, CODE["income.time_value"], whole),
    ):
        out.move(day=on, party=who, other=whom, debit=debit, credit=credit, cents=cents)
