"""What does not mirror between two books, line by line, and that it comes to the difference exactly.

Add up the net assets of some parties and take out what each has by itself (cash, sites, chips) and what it has with others: what is left
is what they show on each other.  If every claim mirrored under one name it would be zero.  It is made up of balances in one of the books
only (changes in value, allowances, levelled fees, shortfalls not yet owed), which are the difference, and of claims that the two books
carry under different names and by different rules (contract assets, equity given to a customer, leases), which cancel.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.errors import LedgerImbalance, OfftakeError
from offtake.ledger.accounts import BOOK_ACCOUNTS, CODE, Kind
from offtake.ledger.journal import usd
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.ledger.books import Books

__all__ = ["CAUSES", "Reconciliation", "Unlike", "reconcile"]

Ints = NDArray[np.int64]

CAUSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "changes in value": ("stake_marks",),
        "contract assets": (
            "contract_asset",
            "accrued_cost",
            "levelled_asset",
            "levelled_liability",
            "shortfall_reversed",
        ),
        "deferred customer equity": ("deferred_customer_equity", "deferred_supplier_equity"),
        "operating leases": ("accrued_rent", "operating_lease_right", "operating_lease_liability"),
        "finance leases": ("net_investment", "leased_out", "finance_lease_right", "finance_lease_liability"),
        "allowances": ("allowance",),
    }
)
"""Cause → book accounts that differ by name, rule or side."""
_OWN = ("cash", "in_kind", *(a.name for a in BOOK_ACCOUNTS if a.name.startswith(("sites_", "chips_"))))
"""What a party has by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """One balance that has no like in the other books.

    Parameters
    ----------
    cause, party, account, title : str
    cents : int64[opening + period] [cent]      debit positive
    """

    cause: str
    party: str
    account: str
    title: str
    cents: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What the books of some parties show on each other.

    Parameters
    ----------
    parties : tuple[str, ...]
    lines : tuple[Unlike, ...]                      in the order of `CAUSES`, none that is zero throughout
    difference : int64[opening + period] [cent]     net assets less what each has by itself and with others; the sum of the lines
    """

    parties: tuple[str, ...]
    lines: tuple[Unlike, ...]
    difference: Ints

    def by_cause(self) -> Mapping[str, Ints]:
        """Add the lines up by cause, every cause named : int64[opening + period] [cent]."""
        none = np.zeros_like(self.difference)
        return {c: sum((d.cents for d in self.lines if d.cause == c), none) for c in CAUSES}

    def table(self, periods: Intervals) -> Table:
        """Show the lines, causes that come to nothing included, and the difference [USD]."""
        labels = ("opening", *periods.labels)
        columns = [Column("cause"), Column("party"), Column("account"), Column("title"), Column("level")]
        columns += [Column(f"{label}_usd", "USD", label, "float") for label in labels]
        rows = []
        for cause, whole in self.by_cause().items():
            own = [d for d in self.lines if d.cause == cause]
            rows += [(cause, d.party, d.account, d.title, "line", *(d.cents / 100.0).tolist()) for d in own]
            rows.append((cause, "", "", f"{cause[:1].upper()}{cause[1:]}", "subtotal", *(whole / 100.0).tolist()))
        title = "Difference between the books"
        rows.append(("", "", "", title, "total", *(self.difference / 100.0).tolist()))
        return Table("reconciliation", columns, rows, f"What does not mirror between {', '.join(self.parties)}")


def reconcile(kept: Books, group: Collection[str]) -> Reconciliation:
    """Find what does not mirror between some parties, and check that it comes to the difference.

    Raises
    ------
    OfftakeError        an unknown party
    LedgerImbalance     the lines do not come to the difference
    """
    codes = [kept.flows.code(p) for p in group]
    if min(codes, default=0) < 0:
        raise OfftakeError(f"no books of {sorted(set(group) - set(kept.parties))}")
    journal, slots = kept.journal, kept.edges.size
    inside = np.zeros(len(kept.parties), dtype=np.bool_)
    inside[codes] = True
    slot = np.searchsorted(kept.edges, journal.day, side="right")
    balance = np.zeros((2, len(kept.parties), len(BOOK_ACCOUNTS), slots), dtype=np.int64)
    with_group = (inside[journal.other] & (journal.other != journal.party)).astype(np.int64)
    rows = np.flatnonzero(inside[journal.party])
    where = (with_group[rows], journal.party[rows], journal.account[rows], slot[rows])
    np.add.at(balance, where, journal.cents[rows])
    closing = np.cumsum(balance, axis=-1)
    difference = _net_assets(kept, group, closing) + closing[1, :, CODE["paid_in_capital"]].sum(axis=0)
    lines = tuple(
        Unlike(cause=cause, party=kept.parties[p], account=name, title=BOOK_ACCOUNTS[CODE[name]].title, cents=own)
        for cause, names in CAUSES.items()
        for name in names
        for p in codes
        if (own := closing[1, p, CODE[name]]).any()
    )
    told = Reconciliation(parties=tuple(group), lines=lines, difference=difference)
    odd = np.flatnonzero(sum((d.cents for d in lines), np.zeros_like(difference)) - difference)
    if odd.size:
        label = ("opening", *kept.periods.labels)[odd[0]]
        raise LedgerImbalance(
            f"reconciliation of {', '.join(group)}: {usd(int(difference[odd[0]]))} is unexplained at {label}"
        )
    return told


def _net_assets(kept: Books, group: Collection[str], closing: Ints) -> Ints:
    """Net assets by the balance sheets, less what each party has by itself or with others : int64[opening + period] [cent]."""
    kinds = [k for k, a in enumerate(BOOK_ACCOUNTS) if a.kind in (Kind.ASSET, Kind.LIABILITY)]
    own = [CODE[n] for n in _OWN]
    claims = [k for k in kinds if k not in own]
    found = np.zeros(closing.shape[-1], dtype=np.int64)
    for party in group:
        held = np.cumsum(kept.cube(party).book, axis=1)
        found += held[kinds].sum(axis=0) - held[own].sum(axis=0)
        found -= closing[0, kept.flows.code(party)][claims].sum(axis=0)
    return found
