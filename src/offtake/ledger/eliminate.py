"""Combine the books of several parties: add them up and take out what they owe and charge each other.

Combined, not consolidated: assets that one party bought from another keep their price, and the seller's income from them stays.
``combined = sum of the parties + elimination``, where the elimination is minus every posting on a mirrored account whose other party
is in the group.  Each of its columns sums to zero, because claims and charges mirror.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from offtake.errors import LedgerImbalance
from offtake.ledger.accounts import BOOK_ACCOUNTS, CODE, MIRRORS, OPERATING_LEASE, PROFIT_PAIRS
from offtake.ledger.journal import ACCOUNTS, FlowColumns, Journal, usd
from offtake.ledger.statements import Cube, cash_rows

__all__ = ["check_mirrors", "elimination", "mirror_groups"]

Ints = NDArray[np.int64]


def mirror_groups() -> Mapping[str, tuple[str, ...]]:
    """Every set of accounts that mirror, by name: claims, the balances of an operating lease, and charges.

    Examples
    --------
    >>> mirror_groups()["rent"]
    ('income.rent', 'expense.rent')
    """
    groups: dict[str, tuple[str, ...]] = {claim: (claim, mirror) for claim, mirror in MIRRORS}
    groups["operating leases"] = OPERATING_LEASE
    groups |= {pair[0]: pair for pair in PROFIT_PAIRS}
    for account in ACCOUNTS:
        pair = (f"income.{account}", f"expense.{account}")
        if pair[0] in CODE and pair[1] in CODE:
            groups[str(account)] = pair
    return groups


def _group_of_account() -> NDArray[np.int16]:
    """Give the number of the mirror group of each book account, −1 outside any : int16[account]."""
    numbers = np.full(len(BOOK_ACCOUNTS), -1, dtype=np.int16)
    for k, pair in enumerate(mirror_groups().values()):
        numbers[[CODE[n] for n in pair]] = k
    return numbers


def elimination(journal: Journal, flows: FlowColumns, group: Collection[int], edges: Ints) -> Cube:
    """Take out what the parties of a group (codes) owe and charge each other.

    Returns
    -------
    Cube        to be added to the sum of the parties' cubes
    """
    inside = np.zeros(len(flows.parties), dtype=np.bool_)
    inside[list(group)] = True
    within = np.flatnonzero(inside[journal.party] & inside[journal.other])
    account, cents = journal.account[within], journal.cents[within]
    slot = np.searchsorted(edges, journal.day[within], side="right")
    book = np.zeros((len(BOOK_ACCOUNTS), edges.size), dtype=np.int64)
    rows = np.flatnonzero(_group_of_account()[account] >= 0)
    np.subtract.at(book, (account[rows], slot[rows]), cents[rows])
    lines = cash_rows(flows)
    money, kind = (np.zeros((len(ACCOUNTS) + 1, 2, edges.size), dtype=np.int64) for _ in range(2))
    for name, found in (("cash", money), ("in_kind", kind)):
        rows = np.flatnonzero((account == CODE[name]) & (slot > 0))
        entry = journal.entry[within[rows]].astype(np.int64)
        np.subtract.at(found, (lines[entry // 2], entry % 2, slot[rows]), cents[rows])
    return Cube(book=book, cash=money, in_kind=kind[:-1])


def check_mirrors(journal: Journal, parties: tuple[str, ...]) -> None:
    """Check that every claim and charge has an equal mirror in the other party's books on every date.

    Raises
    ------
    LedgerImbalance     naming the first date, pair of parties and pair of accounts that differ
    """
    if not len(journal):
        return
    group = _group_of_account()
    count = len(parties)
    first = int(journal.day.min())
    span = int(journal.day.max()) - first + 1
    groups = list(mirror_groups())
    met = np.zeros(count**2, dtype=np.bool_)
    for block in journal.blocks():
        met[_pair(journal, block, count)] = True
    pairs, number = np.flatnonzero(met), np.cumsum(met) - 1
    # Increments that are zero on every date are balances that are zero on every date.
    sums = np.zeros(len(groups) * pairs.size * span, dtype=np.int64)
    for block in journal.blocks():
        own = group[journal.account[block]]
        rows = np.flatnonzero(own >= 0)
        pair = number[_pair(journal, block, count)[rows]]
        where = (own[rows].astype(np.int64) * pairs.size + pair) * span + (journal.day[block][rows] - first)
        np.add.at(sums, where, journal.cents[block][rows])
    odd = np.flatnonzero(sums)
    if odd.size:
        k, day = divmod(int(odd[0]), span)
        g, p = divmod(k, pairs.size)
        one, two = divmod(int(pairs[p]), len(parties))
        raise LedgerImbalance(
            f"{groups[g]} between {parties[one]} and {parties[two]} does not mirror on "
            f"{date.fromordinal(first + day)}: {usd(int(sums[odd[0]]))} is in one of the books only"
        )


def _pair(journal: Journal, block: slice, count: int) -> NDArray[np.int32]:
    """Give the number of the two parties of each posting, whichever holds the claim : int32[posting]."""
    party, other = journal.party[block].astype(np.int32), journal.other[block].astype(np.int32)
    return np.minimum(party, other) * count + np.maximum(party, other)
