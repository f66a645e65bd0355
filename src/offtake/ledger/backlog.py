"""Remaining performance obligations, and the same from the other side: purchase obligations by year.

An obligation is a firm amount of the contract over an interval.  Service that counts towards it and has been earned by the end of day ``t``
meets it, at most to its amount; once its interval is over it is met, by service or by the true-up.  What remains is expected evenly by day
over the rest of the interval, which gives the time bands (ASC 606-10-50-13 to 50-15; IFRS 15.120).  On every date

``firm total = met so far + remaining``  and  ``remaining = Σ bands``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.dates import add_months
from offtake.ledger.accounts import RULES
from offtake.ledger.depreciation import accumulated_cents, cut_by_day
from offtake.ledger.journal import ACCOUNTS
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.ledger.journal import FlowColumns

__all__ = ["BANDS", "Backlog", "Obligation", "backlog", "purchase_obligations"]

Ints = NDArray[np.int64]
BANDS = ((0, 12, "≤ 12 months"), (12, 24, "13 to 24 months"), (24, 60, "25 to 60 months"), (60, None, "> 60 months"))
"""From, to [month] and title of each time band; a band's first day is in it, its last is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One firm amount for service.

    Parameters
    ----------
    clause : str                dotted name
    start, end : date           interval ``[start, end)`` in which service counts
    amount : Decimal [USD]
    counts : frozenset[str]     causes of the flows that count towards it
    """

    clause: str
    start: date
    end: date
    amount: Decimal
    counts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Remaining performance obligations.

    Parameters
    ----------
    on : tuple[date, ...]               dates; each counts what is met before its day
    firm_cents : int [cent]             all obligations
    met_cents : int64[date] [cent]      by service, and by intervals that are over
    bands_cents : int64[date, band] [cent]
    """

    on: tuple[date, ...]
    firm_cents: int
    met_cents: Ints
    bands_cents: Ints

    @property
    def remaining_cents(self) -> Ints:
        """What is firm and not yet met : int64[date] [cent]."""
        left: Ints = self.bands_cents.sum(axis=1)
        return left

    def table(self) -> Table:
        """Show each date with its bands [USD]."""
        columns = [Column("date", "", "On", "date"), Column("met_usd", "USD", "Earned so far", "float")]
        columns += [Column(f"band_{k}_usd", "USD", title, "float") for k, (_, _, title) in enumerate(BANDS)]
        columns += [
            Column("remaining_usd", "USD", "Remaining", "float"),
            Column("firm_usd", "USD", "Firm in all", "float"),
        ]
        rows = [
            (day, met / 100, *(band / 100).tolist(), left / 100, self.firm_cents / 100)
            for day, met, band, left in zip(
                self.on, self.met_cents.tolist(), self.bands_cents, self.remaining_cents.tolist(), strict=True
            )
        ]
        return Table("backlog", columns, rows, "Remaining performance obligations")


def backlog(flows: FlowColumns, obligations: Sequence[Obligation], on: Sequence[date]) -> Backlog:
    """Compute what remains of firm obligations on some dates.

    Parameters
    ----------
    flows : FlowColumns
    obligations : Obligation, …
    on : dates
    """
    days = np.array([d.toordinal() for d in on], dtype=np.int64)
    met = np.zeros(days.size, dtype=np.int64)
    bands = np.zeros((days.size, len(BANDS)), dtype=np.int64)
    for owed in obligations:
        amount = round(owed.amount * 100)
        earned = _earned(flows, owed, days)
        done = np.where(days >= owed.end.toordinal(), amount, np.clip(earned, 0, amount))
        met += done
        for k, day in enumerate(on):
            if amount > done[k]:
                bands[k] += _banded(int(amount - done[k]), max(day, owed.start), owed.end, day)
    return Backlog(
        on=tuple(on), firm_cents=sum(round(o.amount * 100) for o in obligations), met_cents=met, bands_cents=bands
    )


def _earned(flows: FlowColumns, owed: Obligation, days: Ints) -> Ints:
    """Service that counts, from the start of the obligation to each day : int64[date] [cent]."""
    causes = [flows.causes.index(c) for c in owed.counts if c in flows.causes]
    accrues = np.array([RULES[a].accrues for a in ACCOUNTS])[flows.account]
    rows = np.flatnonzero(np.isin(flows.cause, causes) & accrues)
    if not rows.size:
        return np.zeros(days.size, dtype=np.int64)
    start, end = flows.start[rows].astype(np.int64), flows.end[rows].astype(np.int64)
    cents, life = flows.cents[rows], np.maximum(end - start, 1)
    first, last = owed.start.toordinal(), owed.end.toordinal()

    def by(day: int) -> int:
        return int(accumulated_cents(cents, day - start, life).sum())

    return np.array([max(0, by(min(int(d), last)) - by(first)) if d > first else 0 for d in days], dtype=np.int64)


def _banded(cents: int, start: date, end: date, today: date) -> Ints:
    """Spread what remains evenly by day and cut it at the bands."""
    edges = np.array([add_months(today, months).toordinal() for _, months, _ in BANDS if months], dtype=np.int64)
    span = np.array([start.toordinal()]), np.array([end.toordinal()])
    chunks = cut_by_day(np.array([cents], dtype=np.int64), *span, edges)
    found = np.zeros(len(BANDS), dtype=np.int64)
    np.add.at(found, np.searchsorted(edges, chunks.first, side="right"), chunks.cents)
    return found


def purchase_obligations(obligations: Sequence[Obligation], since: date) -> Table:
    """Show unconditional purchase obligations by clause and calendar year [USD].

    Parameters
    ----------
    since : date        what was due before is not shown

    Examples
    --------
    >>> two_years = Obligation(
    ...     clause="c.floor", start=date(2027, 7, 1), end=date(2029, 7, 1), amount=Decimal(731), counts=frozenset()
    ... )
    >>> [(r["year"], r["amount_usd"]) for r in purchase_obligations([two_years], date(2027, 1, 1)).rows()]
    [(2027, 184.0), (2028, 366.0), (2029, 181.0)]
    """
    found: dict[tuple[str, int], int] = {}
    for owed in obligations:
        start = max(owed.start, since)
        if start >= owed.end:
            continue
        years = range(owed.start.year, owed.end.year + 2)
        edges = np.array([date(y, 1, 1).toordinal() for y in years] + [start.toordinal()], dtype=np.int64)
        cents = np.array([round(owed.amount * 100)], dtype=np.int64)
        chunks = cut_by_day(
            cents, np.array([owed.start.toordinal()]), np.array([owed.end.toordinal()]), np.unique(edges)
        )
        for first, part in zip(chunks.first.tolist(), chunks.cents.tolist(), strict=True):
            if first >= start.toordinal():
                key = (owed.clause, date.fromordinal(first).year)
                found[key] = found.get(key, 0) + part
    columns = (
        Column("clause", "", "Clause"),
        Column("year", "", "Year", "int"),
        Column("amount_usd", "USD", "Owed", "float"),
    )
    rows = [(clause, year, cents / 100) for (clause, year), cents in sorted(found.items())]
    return Table("purchase_obligations", columns, rows, "Unconditional purchase obligations by calendar year")
