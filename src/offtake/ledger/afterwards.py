"""What needs the other postings first: shares of profit by the equity method, and allowances for credit losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.ledger.accounts import CODE, Kind, accounts_of
from offtake.ledger.journal import Journal, Postings
from offtake.ledger.stakes import post_shares_of_profit

if TYPE_CHECKING:
    from offtake.ledger.journal import FlowColumns
    from offtake.ledger.policies import Policies
    from offtake.ledger.stakes import Holding

__all__ = ["EXPOSED", "post_afterwards"]

Ints = NDArray[np.int64]
EXPOSED = ("receivable", "contract_asset", "levelled_asset", "accrued_rent", "net_investment")
"""Claims that a customer may fail to meet (ASC 326-20-15-2)."""


def post_afterwards(
    journal: Journal,
    flows: FlowColumns,
    edges: Ints,
    policies: Policies,
    stakes: Sequence[Holding],
    *,
    first_free: int,
) -> Journal:
    """Add what depends on profits and balances; the same journal where there is nothing of it."""
    shared = any(s.held_as == "equity_method" for s in stakes)
    if not shared and not policies.credit_loss_frac:
        return journal
    out = Postings(before=int(edges[-1]), first_free=first_free)
    if policies.credit_loss_frac:
        _post_allowances(out, journal, edges, Fraction(str(policies.credit_loss_frac)))
    if shared:

        def profit(party: int) -> Ints:
            return _profit(journal, party, edges)

        post_shares_of_profit(out, flows, edges, stakes, profit)
    more = out.journal()
    joined = {f.name: np.concatenate([getattr(journal, f.name), getattr(more, f.name)]) for f in fields(Journal)}
    return Journal(**joined)


def _profit(journal: Journal, party: int, edges: Ints) -> Ints:
    """Profit of one party by period : int64[period] [cent]."""
    rows = np.flatnonzero((journal.party == party) & np.isin(journal.account, accounts_of(Kind.INCOME, Kind.EXPENSE)))
    found = np.zeros(edges.size, dtype=np.int64)
    np.subtract.at(found, np.searchsorted(edges, journal.day[rows], side="right"), journal.cents[rows])
    return found[1:]


def _post_allowances(out: Postings, journal: Journal, edges: Ints, share: Fraction) -> None:
    """Bring each party's allowance on each other party to its share of what is exposed, at every period's end."""
    rows = np.flatnonzero(np.isin(journal.account, [CODE[n] for n in EXPOSED]))
    pairs = np.stack([journal.party[rows], journal.other[rows]])
    distinct, where = np.unique(pairs, axis=1, return_inverse=True)
    slot = np.searchsorted(edges, journal.day[rows], side="right")
    moved = np.zeros((distinct.shape[1], edges.size), dtype=np.int64)
    np.add.at(moved, (where.ravel(), slot), journal.cents[rows])
    exposed = np.maximum(np.cumsum(moved, axis=1)[:, 1:], 0)
    for k, (party, other) in enumerate(distinct.T.tolist()):
        wanted = np.array([round(c * share) for c in exposed[k].tolist()], dtype=np.int64)
        out.move(
            day=edges[1:] - 1,
            party=party,
            other=other,
            debit=CODE["expense.credit_loss"],
            credit=CODE["allowance"],
            cents=np.diff(wanted, prepend=0),
        )
