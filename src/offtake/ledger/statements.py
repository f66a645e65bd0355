"""Profit and loss, cash flow and balance sheet from one cube of movements.

Axes: movements ``int64[account, slot]``, cash ``int64[flow account, side, slot]`` in cents (side 0 paid, 1 received), where slot 0 is
the opening balance and slot ``k`` the ``k``-th reporting period.  The same builders serve one party and a combination of parties: a
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

from offtake.ledger.accounts import BOOK_ACCOUNTS, CODE, FINANCING, RULES, TITLES, Activity, Kind, accounts_of
from offtake.ledger.journal import ACCOUNTS, FlowColumns, Journal
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.dates import Intervals

__all__ = ["Cube", "Line", "Statement", "cubes", "lines", "shown", "to_table"]

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
    cash : int64[flow account, side, slot] [cent]   side 0 as payer, 1 as payee; received positive
    """

    book: Ints
    cash: Ints

    def __add__(self, other: Cube) -> Cube:
        return Cube(book=self.book + other.book, cash=self.cash + other.cash)

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
    level : str             "line", "subtotal" or "total"
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
    parties, slots = len(flows.parties), edges.size
    slot = np.searchsorted(edges, journal.day, side="right")
    book = np.zeros(parties * len(BOOK_ACCOUNTS) * slots, dtype=np.int64)
    where = (journal.party.astype(np.int64) * len(BOOK_ACCOUNTS) + journal.account) * slots + slot
    np.add.at(book, where, journal.cents)
    moves = np.flatnonzero((journal.account == CODE["cash"]) & (slot > 0))
    entry = journal.entry[moves].astype(np.int64)
    line = 2 * flows.account[entry // 2] + entry % 2
    cash = np.zeros(parties * len(ACCOUNTS) * 2 * slots, dtype=np.int64)
    where = (journal.party[moves].astype(np.int64) * len(ACCOUNTS) * 2 + line) * slots + slot[moves]
    np.add.at(cash, where, journal.cents[moves])
    by_book = book.reshape(parties, len(BOOK_ACCOUNTS), slots)
    by_line = cash.reshape(parties, len(ACCOUNTS), 2, slots)
    return tuple(Cube(book=b, cash=c) for b, c in zip(by_book, by_line, strict=True))


def lines(statement: Statement, cube: Cube) -> tuple[Line, ...]:
    """Draw a statement with a line for every account; `shown` leaves out the empty ones.

    Raises
    ------
    KeyError        for `Statement.TAX`, which needs a party's tax terms (`offtake.ledger.tax`)
    """
    return tuple(_BUILDERS[statement](cube))


def shown(drawn: Iterable[Line]) -> tuple[Line, ...]:
    """Leave out lines that are zero throughout, never a subtotal or total."""
    return tuple(d for d in drawn if d.level != "line" or d.cents.any())


def _profit_and_loss(cube: Cube) -> Iterable[Line]:
    """Operations first, then depreciation, then finance."""
    flow = -cube.book[:, 1:]
    finance = {f"{side}.{a}" for a in FINANCING for side in ("income", "expense")}
    income = [a.name for a in BOOK_ACCOUNTS if a.kind is Kind.INCOME and a.name not in finance]
    worn = [a.name for a in BOOK_ACCOUNTS if a.name.startswith("expense.depreciation")]
    costs = [a.name for a in BOOK_ACCOUNTS if a.kind is Kind.EXPENSE and a.name not in finance and a.name not in worn]
    revenue = _sum(flow, income)
    before = revenue + _sum(flow, costs)
    operating = before + _sum(flow, worn)
    yield from _accounts(flow, income)
    yield Line(name="revenue", title="Revenue", level="subtotal", cents=revenue)
    yield from _accounts(flow, costs)
    yield Line(name="profit_before_depreciation", title="Profit before depreciation", level="subtotal", cents=before)
    yield from _accounts(flow, worn)
    yield Line(name="operating_profit", title="Operating profit", level="subtotal", cents=operating)
    yield from _accounts(flow, [a.name for a in BOOK_ACCOUNTS if a.name in finance])
    yield Line(name="profit_before_tax", title="Profit before tax", level="total", cents=cube.profit[1:])


def _cash_flow(cube: Cube) -> Iterable[Line]:
    """Direct method: cash by what it was paid for."""
    flow = cube.cash[:, :, 1:]
    sums = {}
    for activity in Activity:
        sums[activity] = np.zeros(flow.shape[-1], dtype=np.int64)
        for k, account in enumerate(ACCOUNTS):
            rule = RULES[account]
            for side, (how, where) in enumerate((("paid", rule.activity), ("received", rule.received_as))):
                if where is activity:
                    sums[activity] += flow[k, side]
                    name, title = f"{how}.{account}", f"{TITLES[account]}, {how}"
                    yield Line(name=name, title=title, level="line", cents=flow[k, side])
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


def _balance_sheet(cube: Cube) -> Iterable[Line]:
    """Assets, then liabilities, then equity with the profit kept so far."""
    held = np.cumsum(cube.book, axis=1)
    owed = -held
    names = {kind: [BOOK_ACCOUNTS[k].name for k in accounts_of(kind)] for kind in Kind}
    liabilities, own = _sum(owed, names[Kind.LIABILITY]), _sum(owed, names[Kind.EQUITY])
    kept = np.cumsum(cube.profit)
    yield from _accounts(held, names[Kind.ASSET])
    yield Line(name="assets", title="Assets", level="total", cents=_sum(held, names[Kind.ASSET]))
    yield from _accounts(owed, names[Kind.LIABILITY])
    yield Line(name="liabilities", title="Liabilities", level="subtotal", cents=liabilities)
    yield from _accounts(owed, names[Kind.EQUITY])
    yield Line(name="retained_profit", title="Profit kept since the opening", level="line", cents=kept)
    yield Line(name="equity", title="Equity", level="subtotal", cents=own + kept)
    total = liabilities + own + kept
    yield Line(name="liabilities_and_equity", title="Liabilities and equity", level="total", cents=total)


_BUILDERS: Mapping[Statement, Callable[[Cube], Iterable[Line]]] = MappingProxyType(
    {
        Statement.PROFIT_AND_LOSS: _profit_and_loss,
        Statement.CASH_FLOW: _cash_flow,
        Statement.BALANCE_SHEET: _balance_sheet,
    }
)


def _accounts(values: Ints, names: Sequence[str]) -> Iterable[Line]:
    """Yield one line per account."""
    for name in names:
        yield Line(name=name, title=BOOK_ACCOUNTS[CODE[name]].title, level="line", cents=values[CODE[name]])


def _sum(values: Ints, names: Sequence[str]) -> Ints:
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
