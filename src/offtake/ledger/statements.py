"""Cash flow and balance sheet from one cube of movements; the profit and loss is in `offtake.ledger.profit`.

Axes: movements ``int64[account, slot]``, cash ``int64[flow account, side, slot]`` in cents (side 0 paid, 1 received), where slot 0 is
the opening balance and slot ``k`` the ``k``-th reporting period.  One row more of cash holds the payments of finance leases: the interest
of a period counts as paid first, the rest is financing (ASC 842-20-45-5; all operating for the lessor).  What is given in kind touches no
cash and is told below the statement.  The same builders serve one party and a combination of parties: a
cube is a sum of cubes.

Signs as people read them: income, assets, cash received, liabilities and equity positive; costs and cash paid negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Use
from offtake.ledger.accounts import BOOK_ACCOUNTS, CODE, RULES, TITLES, Activity, Kind, accounts_of
from offtake.ledger.journal import ACCOUNTS, USES, FlowColumns, Journal
from offtake.ledger.leases import leased
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.dates import Intervals

__all__ = ["Cube", "Line", "Statement", "account_lines", "cash_rows", "cubes", "lines", "shown", "sum_of", "to_table"]

Ints = NDArray[np.int64]


class Statement(StrEnum):
    """What can be drawn from the books of a party."""

    PROFIT_AND_LOSS = "profit_and_loss"
    CASH_FLOW = "cash_flow"
    BALANCE_SHEET = "balance_sheet"
    TAX = "tax"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cube:
    """Movements of one party, or of several added up.

    Parameters
    ----------
    book : int64[account, slot] [cent]              debits positive
    cash : int64[flow account + 1, side, slot] [cent]   side 0 as payer, 1 as payee; received positive; finance leases last
    in_kind : int64[flow account, side, slot] [cent]    the same for what is given in kind
    """

    book: Ints
    cash: Ints
    in_kind: Ints

    def __add__(self, other: Cube) -> Cube:
        return Cube(book=self.book + other.book, cash=self.cash + other.cash, in_kind=self.in_kind + other.in_kind)

    def balance(self, account: str) -> Ints:
        """Balance of an account at the opening and at each period's end : int64[slot] [cent], debit positive."""
        closing: Ints = np.cumsum(self.book[CODE[account]])
        return closing

    @property
    def profit(self) -> Ints:
        """Profit before tax of each slot : int64[slot] [cent]."""
        earned: Ints = -self.book[list(accounts_of(Kind.INCOME, Kind.EXPENSE))].sum(axis=0)
        return earned


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a statement.

    Parameters
    ----------
    name, title : str
    level : str             "line", "subtotal", "total" or, for what is told but not added, "memo"
    cents : int64[period] or, in a balance sheet, int64[opening + period]
    """

    name: str
    title: str
    level: str
    cents: Ints


def cubes(journal: Journal, flows: FlowColumns, edges: Ints) -> tuple[Cube, ...]:
    """Add up the journal by party, account and slot.

    Parameters
    ----------
    journal : Journal
    flows : FlowColumns         their accounts name the lines of the cash flow statement
    edges : int64[period + 1]   ordinals of the reporting periods' edges

    Returns
    -------
    tuple[Cube, ...]            one per party, in the order of the codes
    """
    parties, slots, rows = len(flows.parties), edges.size, len(ACCOUNTS) + 1
    book = np.zeros(parties * len(BOOK_ACCOUNTS) * slots, dtype=np.int64)
    moved = {name: np.zeros(parties * rows * 2 * slots, dtype=np.int64) for name in ("cash", "in_kind")}
    lines = cash_rows(flows)
    for block in journal.blocks():
        party, account, cents = journal.party[block].astype(np.int64), journal.account[block], journal.cents[block]
        slot = np.searchsorted(edges, journal.day[block], side="right")
        np.add.at(book, (party * len(BOOK_ACCOUNTS) + account) * slots + slot, cents)
        for name, found in moved.items():
            own = np.flatnonzero((account == CODE[name]) & (slot > 0))
            entry = journal.entry[block][own].astype(np.int64)
            line = 2 * lines[entry // 2] + entry % 2
            np.add.at(found, (party[own] * rows * 2 + line) * slots + slot[own], cents[own])
    money, kind = (found.reshape(parties, rows, 2, slots) for found in moved.values())
    by_book = book.reshape(parties, len(BOOK_ACCOUNTS), slots)
    return tuple(Cube(book=b, cash=c, in_kind=k[:-1]) for b, c, k in zip(by_book, money, kind, strict=True))


def cash_rows(flows: FlowColumns) -> NDArray[np.int64]:
    """Row of the cash array of each flow: its account, or the last for payments of finance leases : int64[flow]."""
    finance = leased(flows) & (flows.use == USES.index(Use.FINANCE_LEASE))
    return np.where(finance, len(ACCOUNTS), flows.account).astype(np.int64)


def lines(statement: Statement, cube: Cube) -> tuple[Line, ...]:
    """Draw a statement with a line for every account; `shown` leaves out the empty ones.

    Raises
    ------
    KeyError        for the profit and loss and the tax view, which need more than the cube (`profit`, `tax`)
    """
    return tuple(_BUILDERS[statement](cube))


def shown(drawn: Iterable[Line]) -> tuple[Line, ...]:
    """Leave out lines that are zero throughout, never a subtotal or total."""
    return tuple(d for d in drawn if d.level not in ("line", "memo") or d.cents.any())


def _cash_flow(cube: Cube) -> Iterable[Line]:
    """Direct method: cash by what it was paid for."""
    flow, sums = cube.cash[:, :, 1:], {}
    lease = _lease_lines(cube)
    for activity in Activity:
        drawn = [*_flow_lines(flow, activity), *lease.get(activity, ())]
        yield from drawn
        sums[activity] = sum((d.cents for d in drawn), np.zeros(flow.shape[-1], dtype=np.int64))
        title = f"Cash from {activity}"
        yield Line(name=f"cash_from_{activity}", title=title, level="subtotal", cents=sums[activity])
        if activity is Activity.INVESTING:
            before = sums[Activity.OPERATING] + sums[Activity.INVESTING]
            yield Line(name="cash_before_financing", title="Cash before financing", level="subtotal", cents=before)
    change = flow.sum(axis=(0, 1))
    opening = cube.book[CODE["cash"], 0]
    closing = opening + np.cumsum(change)
    yield Line(name="change_in_cash", title="Change in cash", level="subtotal", cents=change)
    yield Line(name="opening_cash", title="Opening cash", level="subtotal", cents=closing - change)
    yield Line(name="closing_cash", title="Closing cash", level="total", cents=closing)
    for k, account in enumerate(ACCOUNTS):
        for side, how in enumerate(("given", "received")):
            title = f"Not cash: {TITLES[account][0].lower()}{TITLES[account][1:]}, {how} in kind"
            yield Line(name=f"in_kind.{how}.{account}", title=title, level="memo", cents=cube.in_kind[k, side, 1:])


def _flow_lines(flow: Ints, activity: Activity) -> Iterable[Line]:
    """Yield the lines of one activity."""
    for k, account in enumerate(ACCOUNTS):
        rule = RULES[account]
        for side, (how, where) in enumerate((("paid", rule.activity), ("received", rule.received_as))):
            if where is activity:
                name, title = f"{how}.{account}", f"{TITLES[account]}, {how}"
                yield Line(name=name, title=title, level="line", cents=flow[k, side])


def _lease_lines(cube: Cube) -> Mapping[Activity, Sequence[Line]]:
    """Split payments of finance leases into interest and principal."""
    paid, received = cube.cash[-1, 0, 1:], cube.cash[-1, 1, 1:]
    accrued = cube.book[CODE["expense.lease_interest"], 1:]
    interest = -np.minimum(np.maximum(accrued, 0), np.maximum(-paid, 0))
    return {
        Activity.OPERATING: (
            Line(name="paid.lease_interest", title="Finance leases: interest, paid", level="line", cents=interest),
            Line(name="received.finance_lease", title="Finance leases, received", level="line", cents=received),
        ),
        Activity.FINANCING: (
            Line(
                name="paid.lease_principal",
                title="Finance leases: principal, paid",
                level="line",
                cents=paid - interest,
            ),
        ),
    }


def _balance_sheet(cube: Cube) -> Iterable[Line]:
    """Assets, then liabilities, then equity with the profit kept so far."""
    held = np.cumsum(cube.book, axis=1)
    owed = -held
    names = {kind: [BOOK_ACCOUNTS[k].name for k in accounts_of(kind)] for kind in Kind}
    liabilities, own = sum_of(owed, names[Kind.LIABILITY]), sum_of(owed, names[Kind.EQUITY])
    kept = np.cumsum(cube.profit)
    yield from account_lines(held, names[Kind.ASSET])
    yield Line(name="assets", title="Assets", level="total", cents=sum_of(held, names[Kind.ASSET]))
    yield from account_lines(owed, names[Kind.LIABILITY])
    yield Line(name="liabilities", title="Liabilities", level="subtotal", cents=liabilities)
    yield from account_lines(owed, names[Kind.EQUITY])
    yield Line(name="retained_profit", title="Profit kept since the opening", level="line", cents=kept)
    yield Line(name="equity", title="Equity", level="subtotal", cents=own + kept)
    total = liabilities + own + kept
    yield Line(name="liabilities_and_equity", title="Liabilities and equity", level="total", cents=total)


_BUILDERS: Mapping[Statement, Callable[[Cube], Iterable[Line]]] = MappingProxyType(
    {
        Statement.CASH_FLOW: _cash_flow,
        Statement.BALANCE_SHEET: _balance_sheet,
    }
)


def account_lines(values: Ints, names: Sequence[str]) -> Iterable[Line]:
    """Yield one line per account."""
    for name in names:
        yield Line(name=name, title=BOOK_ACCOUNTS[CODE[name]].title, level="line", cents=values[CODE[name]])


def sum_of(values: Ints, names: Sequence[str]) -> Ints:
    """Add up accounts : int64[slot]."""
    added: Ints = values[[CODE[n] for n in names]].sum(axis=0)
    return added


def to_table(name: str, drawn: Sequence[Line], periods: Intervals, *, title: str = "", note: str = "") -> Table:
    """Show lines as a table: one row a line, one column a period (and the opening, in a balance sheet).

    Columns are `line`, `title`, `level`, then `<period>_usd` (`opening_usd` first where there is one).
    """
    labels = list(periods.labels)
    if drawn and drawn[0].cents.size > len(labels):
        labels = ["opening", *labels]
    columns = [Column("line"), Column("title"), Column("level")]
    columns += [Column(f"{label}_usd", "USD", label, "float") for label in labels]
    rows = [(d.name, d.title, d.level, *(d.cents / 100.0).tolist()) for d in drawn]
    return Table(name, columns, rows, title, note)
