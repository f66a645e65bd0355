"""Leases in both books: rights of use, liabilities, and what the lessor shows.

Firm payments of a tranche whose use is a lease make one lease of term ``[start, end)``.  With the incremental borrowing rate ``r`` the
liability after day ``t`` is ``L(t) = Σ_{d > t} payment_d · (1 + r)^(−(d − t)/365)``, rounded to a cent; interest of a period is what
``L`` rises by, payments added back.  Liability and interest therefore end at exactly nothing, and both books take the same cents.

- An operating lease costs and earns its payments evenly by day; the right of use takes up the difference to interest.
- A finance lease is amortised evenly and bears interest.  The lessor shows a net investment at the same rate; the capacity leaves its
  assets at that value, so there is no selling profit (ASC 842-30-25-7), and the lessee's amortisation is depreciation it is spared.

Payments that are not firm stay what they are: cost of their period (ASC 842-20-25-5(b)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.dates import DAYS_PER_YEAR
from offtake.deal.flows import Account, Firmness, Use
from offtake.ledger.accounts import CODE
from offtake.ledger.depreciation import cut_by_day
from offtake.ledger.journal import ACCOUNTS, FIRMNESS, USES

if TYPE_CHECKING:
    from offtake.ledger.journal import FlowColumns, Postings

__all__ = ["FEES", "Lease", "balance_cents", "leased", "leases", "post_leases"]

Ints = NDArray[np.int64]
FEES = (Account.RENT, Account.TAKE_OR_PAY, Account.RESERVATION)
"""Flow accounts that pay for the use of capacity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One lease.

    Parameters
    ----------
    lessee, lessor : int                codes of parties
    tranche : str
    use : Use
    start, end : int [day]              term, as ordinals
    days, cents : int64[payment]        firm payments, rising by day; what flows back is negative
    rows : int64[payment]               rows of the flows
    """

    lessee: int
    lessor: int
    tranche: str
    use: Use
    start: int
    end: int
    days: Ints
    cents: Ints
    rows: Ints


def leased(flows: FlowColumns) -> NDArray[np.bool_]:
    """Mark the firm payments of leases : bool[flow]."""
    rent = np.isin(flows.account, [ACCOUNTS.index(a) for a in FEES])
    firm = flows.firmness == FIRMNESS.index(Firmness.FIRM)
    marked: NDArray[np.bool_] = rent & firm & (flows.use != USES.index(Use.SERVICE)) & (flows.start < flows.end)
    return marked


def leases(flows: FlowColumns, opens: int) -> list[Lease]:
    """Gather the leases of all flows, by parties, tranche and use.

    Parameters
    ----------
    opens : int [day]       first day of the books: no term begins before
    """
    rows = np.flatnonzero(leased(flows))
    if not rows.size:
        return []
    pair = np.sort(np.stack([flows.payer[rows], flows.payee[rows]]), axis=0)
    key = np.stack([*pair, flows.tranche[rows], flows.use[rows]])
    distinct, where = np.unique(key, axis=1, return_inverse=True)
    return [_lease(flows, rows[where.ravel() == k], opens) for k in range(distinct.shape[1])]


def _lease(flows: FlowColumns, rows: Ints, opens: int) -> Lease:
    """Gather one lease; the lessee is who pays most."""
    payers = flows.payer[rows]
    sides = np.array(sorted({*payers.tolist(), *flows.payee[rows].tolist()}))
    paid = [int(flows.cents[rows][payers == s].sum()) for s in sides]
    lessee, lessor = (int(sides[0]), int(sides[1])) if paid[0] >= paid[1] else (int(sides[1]), int(sides[0]))
    order = np.argsort(flows.day[rows], kind="stable")
    cents = np.where(payers == lessee, flows.cents[rows], -flows.cents[rows])
    start = max(int(flows.start[rows].min()), opens)
    return Lease(
        lessee=lessee,
        lessor=lessor,
        tranche=flows.tranches[flows.tranche[rows[0]]],
        use=USES[flows.use[rows[0]]],
        start=start,
        end=max(int(flows.end[rows].max()), start + 1),
        days=flows.day[rows][order].astype(np.int64),
        cents=cents[order],
        rows=rows[order],
    )


def balance_cents(lease: Lease, after: int, rate_frac_per_y: float, *, on: int | None = None) -> int:
    """Value what is still to be paid after a day, as of that day or of `on`.

    Examples
    --------
    1,000.00 in one and in two years at 10 %: 909.09 + 826.45 = 1,735.54.

    >>> two = Lease(
    ...     lessee=0, lessor=1, tranche="a", use=Use.FINANCE_LEASE, start=0, end=730,
    ...     days=np.array([365, 730]), cents=np.array([100_000, 100_000]), rows=np.arange(2),
    ... )
    >>> balance_cents(two, 0, 0.10), balance_cents(two, 365, 0.10), balance_cents(two, 730, 0.10)
    (173554, 90909, 0)
    """
    left = lease.days > after
    ahead = (lease.days[left] - (after if on is None else on)) / DAYS_PER_YEAR
    return round(
        math.fsum(c * math.pow(1.0 + rate_frac_per_y, -y) for c, y in zip(lease.cents[left], ahead, strict=True))
    )


def post_leases(out: Postings, found: Sequence[Lease], edges: Ints, rate_frac_per_y: float) -> None:
    """Post what leases do beyond their payments, in both books."""
    for lease in found:
        _post_lease(out, lease, edges, rate_frac_per_y)


def _post_lease(out: Postings, lease: Lease, edges: Ints, rate: float) -> None:
    """Recognise the lease on its first day, then interest and cost on the last day of each period."""
    finance = lease.use is Use.FINANCE_LEASE
    stops = np.unique(
        [*(edges[edges > lease.start] - 1).tolist(), lease.end - 1, max(int(lease.days[-1]), lease.end - 1)]
    )
    # Payments on the first day are not discounted: the first balance is as of that day.
    at_first = balance_cents(lease, lease.start - 1, rate, on=lease.start)
    balances = np.array([at_first, *(balance_cents(lease, t, rate) for t in stops.tolist())], dtype=np.int64)
    paid = np.array(
        [int(lease.cents[lease.days <= t].sum()) for t in (lease.start - 1, *stops.tolist())], dtype=np.int64
    )
    right = balances[0] + paid[0]
    interest = np.diff(balances) + np.diff(paid)
    whole = right if finance else int(lease.cents.sum())
    spread = cut_by_day(np.array([whole]), np.array([lease.start]), np.array([lease.end]), np.append(edges, lease.end))
    first = np.array([lease.start])
    begin = np.array([right], dtype=np.int64)
    me, them = lease.lessee, lease.lessor

    def move(party: int, day: Ints, debit: str, credit: str, cents: Ints) -> None:
        other = them if party == me else me
        out.move(day=day, party=party, other=other, debit=CODE[debit], credit=CODE[credit], cents=cents)

    if finance:
        move(me, first, "finance_lease_right", "finance_lease_liability", begin)
        move(them, first, "net_investment", "leased_out", begin)
        move(me, stops, "expense.lease_interest", "finance_lease_liability", interest)
        move(them, stops, "net_investment", "income.lease_interest", interest)
        move(me, spread.last, "expense.lease_amortisation", "finance_lease_right", spread.cents)
        move(them, spread.last, "leased_out", "expense.depreciation_leased_out", spread.cents)
        return
    move(me, first, "operating_lease_right", "operating_lease_liability", begin)
    move(me, stops, "operating_lease_right", "operating_lease_liability", interest)
    move(me, spread.last, "expense.lease", "operating_lease_right", spread.cents)
    move(them, spread.last, "accrued_rent", "income.lease", spread.cents)
