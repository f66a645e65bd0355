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
_SPECK = 1e-9  # HiGHS drops entries up to this size (its small_matrix_value): what rounding leaves of 0 would hold columns at far bounds
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
        """Copy what is to be changed in place, without entries that no solver sees."""
        seen = np.abs(a.value) > _SPECK
        names = ("cost", "col_lower", "col_upper", "row_lower", "row_upper")
        return cls(
            maximise=a.maximise,
            offset=a.offset,
            row=a.index[seen],
            col=a.entry_columns()[seen],
            val=a.value[seen],
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

    def twos(self, entries: Flags) -> tuple[Ints, Ints]:
        """Return some entries of the rows that have two such, first and second of each, in order of rows, then columns."""
        count = np.bincount(self.row[entries], minlength=len(self.rows))
        chosen = np.flatnonzero(entries & (count == 2)[self.row])
        chosen = chosen[np.argsort(self.row[chosen], kind="stable")]
        return chosen[0::2], chosen[1::2]

    def apart(self, a: Ints, b: Ints) -> Flags:
        """Return which pairs of entries are the first of both their columns, so that no two have a column in common."""
        first = np.full(len(self.columns), len(self.rows))
        for entry in (a, b):
            np.minimum.at(first, self.col[entry], self.row[entry])
        free: Flags = (first[self.col[a]] == self.row[a]) & (first[self.col[b]] == self.row[b])
        return free

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

    def shift(self, constant: Floats) -> None:
        """Move a constant part of each column to the limits and the objective."""
        moved = totals(self.row, self.val * constant[self.col], len(self.rows))
        self.row_lower -= moved
        self.row_upper -= moved
        self.offset += float(self.cost @ constant)

    def tighten(self, column: Ints, low: Floats, high: Floats) -> None:
        """Bound columns, repeats allowed; bounds that have passed each other by rounding meet."""
        np.maximum.at(self.col_lower, column, low)
        np.minimum.at(self.col_upper, column, high)
        over = self.col_lower - self.col_upper
        met = (over > 0.0) & (over <= NO_ROOM)
        self.col_upper[met] = self.col_lower[met]

    def add_rows(self, lower: Floats, upper: Floats) -> None:
        """Append rows without entries."""
        self.row_lower, self.row_upper = np.append(self.row_lower, lower), np.append(self.row_upper, upper)
        self.rows = np.append(self.rows, np.ones(len(lower), dtype=np.bool_))

    def sort(self) -> None:
        """Add up entries at one place and sort them by column."""
        self.col, self.row, self.val = sum_duplicates(self.col, self.row, self.val)


def held(p: Program) -> Undo | None:
    """Take out columns that have one value, such as decisions that are past."""
    same = p.col_lower == p.col_upper
    if not same.any():
        return None
    column = np.flatnonzero(same)
    value = p.col_lower[column]
    p.shift(np.where(same, p.col_lower, 0.0))
    p.drop_columns(same)
    p.col_lower[column], p.col_upper[column] = 0.0, 0.0

    def undo(x: Floats) -> None:
        x[column] = value

    return undo


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
    p.tighten(col, low, high)
    p.drop_rows(alone)


def two_in_an_equation(p: Program) -> Undo | None:
    """Take out one of two columns tied by an equation of their own, that of fewer entries."""
    size = p.count_columns()
    equation = (p.count_rows() == 2) & (p.row_lower == p.row_upper)
    a, b = p.twos(equation[p.row])
    fewer = size[p.col[a]] < size[p.col[b]]
    a, b = np.where(fewer, b, a), np.where(fewer, a, b)
    per = p.val[a] / p.val[b]
    right = (np.abs(per) <= _STEEP) & (np.abs(per) >= 1.0 / _STEEP)
    a, b, per = a[right], b[right], per[right]
    right = p.apart(a, b)
    a, b, per = a[right], b[right], per[right]
    if not len(a):
        return None
    x, y, row = p.col[a], p.col[b], p.row[a]
    given = p.row_lower[row] / p.val[b]  # y = given - per x
    low, high = swapped(per > 0.0, (given - p.col_lower[y]) / per, (given - p.col_upper[y]) / per)
    p.tighten(x, low, high)
    gone = np.zeros(len(p.rows), dtype=np.bool_)
    gone[row] = True
    p.drop_rows(gone)
    to, factor, constant = np.arange(len(p.columns)), np.ones(len(p.columns)), np.zeros(len(p.columns))
    to[y], factor[y], constant[y] = x, -per, given
    p.shift(constant)
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
