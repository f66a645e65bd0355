"""Books of every party from settled flows and opening positions.

`books` posts, adds up and checks; `Books` draws statements, balances and combined views.  Exact throughout: every entry sums to
zero, and so do each party's books on every date; assets equal liabilities plus equity; the cash statement ties to the cash account;
claims mirror.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.dates import Grid
from offtake.errors import LedgerImbalance, OfftakeError
from offtake.ledger.accounts import CODE
from offtake.ledger.afterwards import post_afterwards
from offtake.ledger.depreciation import cut_by_day
from offtake.ledger.eliminate import check_mirrors, elimination
from offtake.ledger.journal import FlowColumns, Journal, usd
from offtake.ledger.macrs import deductions
from offtake.ledger.policies import Policies
from offtake.ledger.post import post
from offtake.ledger.profit import Shares, profit_and_loss, shares_of
from offtake.ledger.reconcile import Reconciliation, reconcile
from offtake.ledger.rules import printed
from offtake.ledger.statements import Cube, Line, Statement, cubes, lines, shown, to_table
from offtake.ledger.tax import TaxTerms, TaxView, Timing, tax_lines, tax_of
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.deal.flows import Flow
    from offtake.ledger.opening import Opening
    from offtake.ledger.stakes import Holding

__all__ = ["COMBINED", "Books", "Policies", "books", "calendar_years"]

Ints = NDArray[np.int64]

_TITLES: Mapping[Statement, str] = MappingProxyType(
    {
        Statement.PROFIT_AND_LOSS: "Profit and loss",
        Statement.CASH_FLOW: "Cash flow",
        Statement.BALANCE_SHEET: "Balance sheet",
        Statement.TAX: "Tax view",
    }
)
COMBINED = "combined"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Books:
    """Posted books of every party.

    Parameters
    ----------
    flows : FlowColumns
    opening : Opening
    policies : Policies
    periods : Grid              reporting periods
    journal : Journal
    cubes : tuple[Cube, ...]    movements by party, in the order of `parties`
    stakes : Holding, …         what was said about stakes
    """

    flows: FlowColumns
    opening: Opening
    policies: Policies
    periods: Grid
    journal: Journal
    cubes: tuple[Cube, ...]
    stakes: tuple[Holding, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Books of {', '.join(self.parties)} from {self.periods.start} to {self.periods.end}: "
            f"{len(self.flows):,} flows, {len(self.journal):,} postings, in {self.policies.currency}"
        )

    @property
    def parties(self) -> tuple[str, ...]:
        """Everyone with books: the named parties first, then the others by name."""
        return self.flows.parties

    def cube(self, party: str) -> Cube:
        """Give the movements of one party.

        Raises
        ------
        OfftakeError    where there are no books of that name
        """
        code = self.flows.code(party)
        if code < 0:
            raise OfftakeError(f"no books of {party!r}; there are books of {', '.join(self.parties)}")
        return self.cubes[code]

    def elimination(self, group: Collection[str]) -> Cube:
        """Give what the parties of a group owe and charge each other, with the sign that takes it out."""
        return elimination(self.journal, self.flows, [self.flows.code(p) for p in group], _edges(self.periods))

    def combined_cube(self, group: Collection[str]) -> Cube:
        """Add up the movements of a group and take out what they owe and charge each other."""
        summed = self.elimination(group)
        for party in group:
            summed += self.cube(party)
        return summed

    @property
    def edges(self) -> Ints:
        """Ordinals of the reporting periods' edges : int64[period + 1]."""
        return _edges(self.periods)

    def timing(self, party: str) -> Timing:
        """Find what a party's books and its tax return do not share."""
        cube, terms = self.cube(party), self.policies.tax.get(party, TaxTerms())
        worn = [CODE[f"expense.depreciation_{s}"] for s in ("sites", "chips")]
        book = cube.book[worn, 1:].sum(axis=0) - self._opening_depreciation(party)
        marks = [CODE[n] for n in ("income.stake_marks", "income.equity_method")]
        return Timing(
            book_depreciation=book,
            tax_depreciation=deductions(self.flows, self.flows.code(party), self.edges, bonus_frac=terms.bonus_frac),
            marks=-cube.book[marks, 1:].sum(axis=0),
        )

    def _opening_depreciation(self, party: str) -> Ints:
        """Depreciation of opening assets: the same in the books and for tax : int64[period] [cent]."""
        found, edges = np.zeros(len(self.periods), dtype=np.int64), self.edges
        for asset in self.opening.assets.get(party, ()):
            book = np.array([round((asset.cost - asset.accumulated) * 100)], dtype=np.int64)
            chunks = cut_by_day(book, edges[:1], edges[:1] + asset.remaining_days, edges)
            inside = chunks.first < edges[-1]
            np.add.at(found, np.searchsorted(edges, chunks.last[inside], side="right") - 1, chunks.cents[inside])
        return found

    def tax(self, party: str) -> TaxView:
        """Compute current and deferred tax on the party's book profit by period: a view, never cash."""
        terms = self.policies.tax.get(party, TaxTerms())
        return tax_of(self.cube(party).profit[1:], terms, self.timing(party))

    def shares(self, parties: Collection[str]) -> Shares | None:
        """Shares of compute by use of the one party among these that has them."""
        for party in parties:
            if party in self.policies.compute_use:
                return shares_of(self.policies.compute_use[party], self.periods)
        return None

    def _drawn(self, chosen: Statement, cube: Cube, parties: Collection[str]) -> tuple[Line, ...]:
        if chosen is Statement.PROFIT_AND_LOSS:
            return shown(profit_and_loss(cube, self.shares(parties), own_sites=len(parties) > 1))
        return shown(lines(chosen, cube))

    def lines(self, party: str, statement: Statement | str) -> tuple[Line, ...]:
        """Draw a statement of one party in exact cents."""
        chosen = Statement(statement)
        if chosen is Statement.TAX:
            return shown(tax_lines(self.tax(party)))
        return self._drawn(chosen, self.cube(party), (party,))

    def reconciliation(self, group: Sequence[str] = ("offtaker", "provider")) -> Reconciliation:
        """Find what does not mirror between some parties; its lines come to the difference exactly."""
        return reconcile(self, group)

    def rules(self) -> Table:
        """Print how the books are kept; not an accounting opinion."""
        return printed(self.policies)

    def statement(self, party: str, kind: Statement | str) -> Table:
        """Show a statement of one party: rows are lines, columns reporting periods [USD].

        Parameters
        ----------
        party : str
        kind : "profit_and_loss", "cash_flow", "balance_sheet" or "tax"
        """
        chosen = Statement(kind)
        return to_table(
            f"{chosen}_{party}", self.lines(party, chosen), self.periods, title=f"{_TITLES[chosen]} of {party}"
        )

    def combined(self, kind: Statement | str, group: Sequence[str] = ("offtaker", "provider")) -> Table:
        """Show a statement of several parties together, with eliminations (combined, not consolidated).

        There is no combined tax view: losses of one party do not shelter another.
        """
        names = ", ".join(group)
        return to_table(
            f"{Statement(kind)}_{COMBINED}",
            self.combined_lines(kind, group),
            self.periods,
            title=f"{_TITLES[Statement(kind)]} of {names}, combined",
            note="Claims and charges between them are eliminated; assets sold between them keep their price.",
        )

    def combined_lines(
        self, kind: Statement | str, group: Sequence[str] = ("offtaker", "provider")
    ) -> tuple[Line, ...]:
        """Draw a statement of several parties together in exact cents.

        Raises
        ------
        OfftakeError        for the tax view
        """
        chosen = Statement(kind)
        if chosen is Statement.TAX:
            raise OfftakeError("tax is a view per party; there is none of several together")
        return self._drawn(chosen, self.combined_cube(group), group)

    def worksheet(self, group: Sequence[str] = ("offtaker", "provider")) -> Table:
        """Show the combination of the closing balance sheet: each party, the eliminations, the sum [USD]."""
        parts = {p: self.cube(p) for p in group}
        parts["eliminations"] = self.elimination(group)
        parts[COMBINED] = self.combined_cube(group)
        drawn = {name: lines(Statement.BALANCE_SHEET, cube) for name, cube in parts.items()}
        columns = [Column("line"), Column("title"), *(Column(f"{n}_usd", "USD", n, "float") for n in parts)]
        rows = [
            (same[0].name, same[0].title, *(int(d.cents[-1]) / 100.0 for d in same))
            for same in zip(*drawn.values(), strict=True)
            if same[0].level != "line" or any(d.cents[-1] for d in same)
        ]
        return Table("combination", columns, rows, "Combination of the closing balance sheets")

    def table(self) -> Table:
        """Give every statement of every party in one long table, for storage."""
        columns = (
            Column("party"),
            Column("statement"),
            Column("line"),
            Column("title"),
            Column("level"),
            Column("period"),
            Column("period_end", "", "", "date"),
            Column("amount_usd", "USD", "", "float"),
        )
        ends = (self.opening.date, *self.periods.ends)
        labels = ("opening", *self.periods.labels)
        rows = [
            (party, str(kind), d.name, d.title, d.level, label, end, cents / 100.0)
            for party in self.parties
            for kind in Statement
            for d in self.lines(party, kind)
            for label, end, cents in zip(labels[-d.cents.size :], ends[-d.cents.size :], d.cents.tolist(), strict=True)
        ]
        return Table("statements", columns, rows, "Statements of every party")

    def balance(self, party: str, account: str, on: date) -> Decimal:
        """Balance of one account at the end of a day, debit positive.

        Raises
        ------
        OfftakeError    an account that is not in the chart
        """
        if account not in CODE:
            raise OfftakeError(f"no account {account!r} in the chart of accounts")
        journal = self.journal
        rows = (journal.party == self.flows.code(party)) & (journal.account == CODE[account])
        return usd(int(journal.cents[rows & (journal.day <= on.toordinal())].sum()))

    def check(self) -> None:
        """Check the books.

        Raises
        ------
        LedgerImbalance     an entry, a party's books or a pair of mirrors is out of balance, or cash does not tie
        """
        _check_entries(self.journal, self.parties)
        for party, cube in zip(self.parties, self.cubes, strict=True):
            sheet = {d.name: d.cents for d in lines(Statement.BALANCE_SHEET, cube)}
            if not np.array_equal(sheet["assets"], sheet["liabilities_and_equity"]):
                raise LedgerImbalance(f"balance sheet of {party}: assets are not liabilities plus equity")
            closing = {d.name: d.cents for d in lines(Statement.CASH_FLOW, cube)}["closing_cash"]
            if not np.array_equal(closing, cube.balance("cash")[1:]):
                raise LedgerImbalance(f"cash flow of {party} does not tie to its cash account")
            if cube.balance("in_kind").any():
                raise LedgerImbalance(f"{party}: values in kind do not cancel")
        check_mirrors(self.journal, self.parties)


def books(
    flows: Iterable[Flow] | FlowColumns,
    *,
    opening: Opening,
    parties: Sequence[str] = ("offtaker", "provider"),
    policies: Policies | None = None,
    marks: Sequence[Holding] = (),
) -> Books:
    """Post flows into the books of every party and check them.

    Parameters
    ----------
    flows : iterable of Flow, or columns of them
    opening : Opening               its date is the first day of the books
    parties : names that come first; everyone else with a flow or an opening position follows
    policies : Policies | None      calendar years and no tax by default
    marks : Holding, …              how stakes are held and what they are worth; entry price without

    Returns
    -------
    Books                           checked

    Raises
    ------
    OfftakeError                    a flow before the opening date, of another currency, or not in whole cents
    LedgerImbalance                 never with these rules; the check is made on every call all the same

    Examples
    --------
    One rent payment of 3.00 in books that open with 10.00 of cash:

    >>> from offtake.deal.flows import Account, Firmness, Flow, Layer
    >>> from offtake.ledger.opening import Opening
    >>> rent = Flow(
    ...     date=date(2027, 1, 31), payer="offtaker", payee="provider", amount=Decimal("3.00"), currency="USD",
    ...     account=Account.RENT, layer=Layer.CLOUD, firmness=Firmness.FIRM, cause="contract.rent",
    ...     interval=(date(2027, 1, 1), date(2027, 2, 1)),
    ... )
    >>> kept = books([rent], opening=Opening(date=date(2027, 1, 1), cash={"offtaker": Decimal("10.00")}))
    >>> kept.balance("offtaker", "cash", date(2027, 1, 31))
    Decimal('7.00')
    """
    rules = policies or Policies()
    names = tuple(dict.fromkeys((*parties, *sorted(opening.parties))))
    columns = flows if isinstance(flows, FlowColumns) else FlowColumns.of(flows, parties=names, currency=rules.currency)
    missing = set(names) - set(columns.parties)
    if missing:
        raise OfftakeError(f"columns of flows were made without {sorted(missing)}")
    periods = rules.reporting or calendar_years(opening.date, _last_day(columns, opening.date))
    if periods.start != opening.date:
        raise OfftakeError(f"reporting begins {periods.start}, the books {opening.date}")
    edges = _edges(periods)
    journal, free = post(columns, opening, edges, rules, marks)
    journal = post_afterwards(journal, columns, edges, rules, marks, first_free=free)
    kept = Books(
        flows=columns,
        opening=opening,
        policies=rules,
        periods=periods,
        journal=journal,
        cubes=cubes(journal, columns, edges),
        stakes=tuple(marks),
    )
    kept.check()
    return kept


def calendar_years(start: date, end: date) -> Grid:
    """Cut ``[start, end)`` at each first of January.

    Examples
    --------
    >>> calendar_years(date(2026, 7, 1), date(2028, 4, 1)).labels
    ('2026-H2', '2027', '2028-Q1')
    """
    inner = [date(y, 1, 1) for y in range(start.year + 1, end.year + 1) if date(y, 1, 1) < end]
    cuts = [start, *inner, end]
    return Grid(tuple(cuts[:-1]), tuple(cuts[1:]))


def _last_day(flows: FlowColumns, opening: date) -> date:
    """Day after the last payment and the last service."""
    last = max((int(flows.day.max()) + 1, int(flows.end.max()))) if len(flows) else 0
    return max(date.fromordinal(last) if last else opening, opening + timedelta(days=1))


def _edges(periods: Grid) -> Ints:
    return np.array([d.toordinal() for d in (*periods.starts, periods.end)], dtype=np.int64)


def _check_entries(journal: Journal, parties: tuple[str, ...]) -> None:
    """Check that each entry sums to zero, and each party's books on every date."""
    if not len(journal):
        return
    by_entry = np.zeros(int(journal.entry.max()) + 1, dtype=np.int64)
    np.add.at(by_entry, journal.entry, journal.cents)
    if by_entry.any():
        entry = int(np.flatnonzero(by_entry)[0])
        raise LedgerImbalance(f"entry {entry} is out of balance by {usd(int(by_entry[entry]))}")
    first = int(journal.day.min())
    by_day = np.zeros((len(parties), int(journal.day.max()) - first + 1), dtype=np.int64)
    np.add.at(by_day, (journal.party, journal.day - first), journal.cents)
    if by_day.any():
        party, day = np.argwhere(by_day)[0].tolist()
        raise LedgerImbalance(
            f"books of {parties[party]} are out of balance by {usd(int(by_day[party, day]))} "
            f"on {date.fromordinal(first + day)}"
        )
