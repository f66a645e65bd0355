"""A linear program in work, and the steps that make it smaller row by row and column by column; offtake.lp.reduced says what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.build import LpArrays
from offtake.lp.sparse import sum_duplicates, totals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.lp.sparse import Floats, Ints

    Flags = NDArray[np.bool_]

NO_ROOM = 1e-9  # below what a solver can tell from 0
_STEEP = 1e3  # no column is written by another that weighs more than so many times it: errors would grow as much

Undo = Callable[["Floats"], None]
"""Set in place, in the columns of the whole program, what a step took out."""


@dataclass(slots=True, kw_only=True)
class Program:
    """A program in work; entries are sorted by column, and all numbers are those of the whole program.

    Parameters
    ----------
    columns, rows : bool[…]     those that are left
    """

    maximise: bool
    offset: float
    cost: Floats
    col_lower: Floats
    col_upper: Floats
    row_lower: Floats
    row_upper: Floats
    row: Ints
    col: Ints
    val: Floats
    columns: Flags = field(init=False)
    rows: Flags = field(init=False)

    def __post_init__(self) -> None:
        self.columns = np.ones(len(self.cost), dtype=np.bool_)
        self.rows = np.ones(len(self.row_lower), dtype=np.bool_)

    @classmethod
    def of(cls, a: LpArrays) -> Program:
        """Copy what is to be changed in place."""
        names = ("cost", "col_lower", "col_upper", "row_lower", "row_upper")
        return cls(
            maximise=a.maximise,
            offset=a.offset,
            row=a.index,
            col=a.entry_columns(),
            val=a.value,
            **{name: getattr(a, name).copy() for name in names},
        )

    def arrays(self, integer: Flags) -> LpArrays:
        """Return what is left."""
        row, col = np.cumsum(self.rows) - 1, np.cumsum(self.columns) - 1
        start = np.zeros(int(self.columns.sum()) + 1, dtype=np.int64)
        np.cumsum(np.bincount(col[self.col], minlength=len(start) - 1), out=start[1:])
        return LpArrays(
            maximise=self.maximise,
            offset=self.offset,
            cost=self.cost[self.columns],
            col_lower=self.col_lower[self.columns],
            col_upper=self.col_upper[self.columns],
            integer=integer[self.columns],
            row_lower=self.row_lower[self.rows],
            row_upper=self.row_upper[self.rows],
            start=start,
            index=row[self.row],
            value=self.val,
        )

    def count_rows(self) -> Ints:
        """Count the entries of each row."""
        return np.bincount(self.row, minlength=len(self.rows))

    def count_columns(self) -> Ints:
        """Count the entries of each column."""
        return np.bincount(self.col, minlength=len(self.columns))

    def rows_all(self, of_entry: Flags) -> Flags:
        """Return the rows left of whose entries all are so."""
        found: Flags = self.rows & (np.bincount(self.row[~of_entry], minlength=len(self.rows)) == 0)
        return found

    def twos(self, rows: Flags) -> tuple[Ints, Ints]:
        """Return the two entries of each of some rows that have two, in order of rows, then columns."""
        entries = np.flatnonzero(rows[self.row])
        entries = entries[np.argsort(self.row[entries], kind="stable")]
        return entries[0::2], entries[1::2]

    def once(self, a: Ints, b: Ints) -> Flags:
        """Return which pairs of entries are of columns that stand in no other pair."""
        first, second = self.col[a], self.col[b]
        uses = np.bincount(np.concatenate((first, second)), minlength=len(self.columns))
        alone: Flags = (uses[first] == 1) & (uses[second] == 1)
        return alone

    def keep(self, entries: Flags) -> None:
        """Keep only these entries."""
        self.row, self.col, self.val = self.row[entries], self.col[entries], self.val[entries]

    def drop_rows(self, rows: Flags) -> None:
        """Take rows out."""
        self.rows &= ~rows
        self.keep(~rows[self.row])

    def drop_columns(self, columns: Flags) -> None:
        """Take columns out at 0."""
        self.columns &= ~columns
        self.keep(~columns[self.col])

    def sort(self) -> None:
        """Add up entries at one place and sort them by column."""
        self.col, self.row, self.val = sum_duplicates(self.col, self.row, self.val)


def no_room(p: Program) -> None:
    """Hold at 0 what a row whose sum may not exceed 0 adds up."""
    from_zero = p.col_lower[p.col] == 0.0
    full = (np.abs(p.row_upper) <= NO_ROOM) & p.rows_all((p.val > 0.0) & from_zero)
    full |= (np.abs(p.row_lower) <= NO_ROOM) & p.rows_all((p.val < 0.0) & from_zero)
    shut = np.zeros(len(p.columns), dtype=np.bool_)
    shut[p.col[full[p.row]]] = True
    p.rows &= ~full
    p.columns &= ~shut
    p.keep(p.rows[p.row] & p.columns[p.col])


def one_column(p: Program) -> None:
    """Make a bound of each row of one column."""
    alone = p.count_rows() == 1
    entry = alone[p.row]
    row, col, val = p.row[entry], p.col[entry], p.val[entry]
    low, high = swapped(val < 0.0, p.row_lower[row] / val, p.row_upper[row] / val)
    np.maximum.at(p.col_lower, col, low)
    np.minimum.at(p.col_upper, col, high)
    p.drop_rows(alone)


def same_two(p: Program) -> None:
    """Merge rows that limit the same two columns in the same proportion."""
    a, b = p.twos(p.count_rows() == 2)
    ratio = p.val[b] / p.val[a]
    order = np.lexsort((p.row[a], ratio, p.col[b], p.col[a]))
    a, b, ratio = a[order], b[order], ratio[order]
    new = np.ones(len(a), dtype=np.bool_)
    new[1:] = (np.diff(p.col[a]) != 0) | (np.diff(p.col[b]) != 0) | (np.diff(ratio) != 0.0)
    if new.all():
        return
    row, weight = p.row[a], p.val[a]
    low, high = swapped(weight < 0.0, p.row_lower[row] / weight, p.row_upper[row] / weight)
    first = np.flatnonzero(new)
    low, high, kept, weight = (
        np.maximum.reduceat(low, first),
        np.minimum.reduceat(high, first),
        row[first],
        weight[first],
    )
    p.row_lower[kept], p.row_upper[kept] = swapped(weight < 0.0, low * weight, high * weight)
    merged = np.zeros(len(p.rows), dtype=np.bool_)
    merged[row[~new]] = True
    p.drop_rows(merged)


def two_in_an_equation(p: Program) -> Undo | None:
    """Take out one of two columns tied by an equation of their own, that of fewer entries."""
    size = p.count_columns()
    equation = (p.count_rows() == 2) & (p.row_lower == p.row_upper) & np.isfinite(p.row_lower)
    a, b = p.twos(equation)
    fewer = size[p.col[a]] < size[p.col[b]]
    a, b = np.where(fewer, b, a), np.where(fewer, a, b)
    per = p.val[a] / p.val[b]
    right = p.once(a, b) & (np.abs(per) <= _STEEP) & (np.abs(per) >= 1.0 / _STEEP)
    a, b, per = a[right], b[right], per[right]
    if not len(a):
        return None
    x, y, row = p.col[a], p.col[b], p.row[a]
    given = p.row_lower[row] / p.val[b]  # y = given - per x
    low, high = swapped(per > 0.0, (given - p.col_lower[y]) / per, (given - p.col_upper[y]) / per)
    p.col_lower[x], p.col_upper[x] = np.maximum(p.col_lower[x], low), np.minimum(p.col_upper[x], high)
    gone = np.zeros(len(p.rows), dtype=np.bool_)
    gone[row] = True
    p.drop_rows(gone)
    to, factor, constant = np.arange(len(p.columns)), np.ones(len(p.columns)), np.zeros(len(p.columns))
    to[y], factor[y], constant[y] = x, -per, given
    shift = totals(p.row, p.val * constant[p.col], len(p.rows))
    p.row_lower -= shift
    p.row_upper -= shift
    p.offset += float(p.cost[y] @ given)
    p.cost[x] -= per * p.cost[y]
    p.val, p.col = p.val * factor[p.col], to[p.col]
    p.columns[y] = False
    p.sort()

    def undo(values: Floats) -> None:
        values[y] = given - per * values[x]

    return undo


def free(p: Program) -> Undo | None:
    """Take out columns without bounds that stand in an equation and one other row, with the equation."""
    unbounded = p.columns & np.isneginf(p.col_lower) & np.isposinf(p.col_upper) & (p.count_columns() == 2)
    entries = np.flatnonzero(unbounded[p.col])
    a, b = entries[0::2], entries[1::2]
    equation = p.row_lower == p.row_upper
    later = equation[p.row[b]] & ~equation[p.row[a]]
    a, b = np.where(later, b, a), np.where(later, a, b)
    uses = np.bincount(p.row[a], minlength=len(p.rows))
    per = p.val[b] / p.val[a]
    right = equation[p.row[a]] & (uses[p.row[a]] == 1) & (uses[p.row[b]] == 0) & (np.abs(per) <= _STEEP)
    a, b, per = a[right], b[right], per[right]
    if not len(a):
        return None
    column, row, pivot, given = p.col[a], p.row[a], p.val[a], p.row_lower[p.row[a]]
    other, weight = p.row[b], p.val[b]
    gone, dropped = np.zeros(len(p.rows), dtype=np.bool_), np.zeros(len(p.columns), dtype=np.bool_)
    gone[row], dropped[column] = True, True
    p.columns[column], p.rows[row] = False, False
    p.keep(~dropped[p.col])
    # The column is (given - rest) / pivot: the rest goes to the other row and to the costs.
    number = np.zeros(len(p.rows), dtype=np.int64)
    number[row] = np.arange(len(row))
    mine = np.flatnonzero(gone[p.row])
    which, col, val = number[p.row[mine]], p.col[mine], p.val[mine] / pivot[number[p.row[mine]]]
    p.cost -= totals(col, val * p.cost[column][which], len(p.columns))
    p.offset += float(p.cost[column] @ (given / pivot))
    shift = totals(other, weight * given / pivot, len(p.rows))
    p.row_lower -= shift
    p.row_upper -= shift
    p.row[mine], p.val[mine] = other[which], -weight[which] * val
    p.sort()

    def undo(x: Floats) -> None:
        x[column] = given / pivot - totals(which, val * x[col], len(column))

    return undo


def swapped(where: Flags, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return two arrays with their places exchanged somewhere."""
    return np.where(where, second, first), np.where(where, first, second)
