"""Take out of a linear program what its limits leave no choice about, in such a way that a basis of the rest is one of the whole.

A column of one value is a number.  A row that can only just be met holds all its columns at one end; one that cannot be missed says
nothing.  Before a chip is on sale, no more than that is left of it.  Every row that holds columns comes back with a price, the smallest
that makes none of them worth moving, and the column that sets it is basic in the row's place.  See E. D. Andersen and K. D. Andersen,
Presolving in linear programming, Mathematical Programming 71 (1995) 221–245, on forcing constraints.

The first steps of offtake.lp.reduced take out the same, for values alone: they need no order, keep no prices, and make one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.reducing import NO_ROOM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.lp.build import LpArrays
    from offtake.lp.sparse import Floats, Ints

_ROUNDS = 200  # a chain of rows that settle one another, period by period, takes a round each

AT_LOWER, BASIC, AT_UPPER, FREE = 0, 1, 2, 3  # as HiGHS numbers what a basis says of a column or a row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forced:
    """Rows that hold columns at one end, found in one round.

    Parameters
    ----------
    row, column, value : int64, int64, float64 [entry]     no two rows hold the same column
    at_upper : bool[entry]                                 whether it is the row's upper limit that does
    """

    row: Ints
    column: Ints
    value: Floats
    at_upper: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """What is left to decide.

    Parameters
    ----------
    arrays : LpArrays                the whole program
    columns, rows : int64[…]         numbers of those that are left
    x : float64[column]              the values of those that are not
    row_lower, row_upper : float64[row left]     limits less what is settled
    rounds : tuple of Forced
    """

    arrays: LpArrays
    columns: Ints
    rows: Ints
    x: Floats
    row_lower: Floats
    row_upper: Floats
    rounds: tuple[Forced, ...]

    def basis(self, column_status: Ints, row_status: Ints, y: Floats) -> tuple[Ints, Ints]:
        """Return the whole program's basis from that of what is left and its prices (of a minimum).

        Parameters
        ----------
        column_status, row_status : int64[column left], int64[row left]
        y : float64[row left]
        """
        a = self.arrays
        cost = -a.cost if a.maximise else a.cost
        owner = a.entry_columns()
        price = np.zeros(a.rows)
        price[self.rows] = y
        worth = cost - np.bincount(owner, a.value * price[a.index], a.columns)
        columns = np.where(np.isfinite(a.col_lower), AT_LOWER, np.where(np.isfinite(a.col_upper), AT_UPPER, FREE))
        columns = np.where((self.x == a.col_upper) & (self.x != a.col_lower), AT_UPPER, columns)
        rows = np.full(a.rows, BASIC)
        columns[self.columns], rows[self.rows] = column_status, row_status
        for forced in reversed(self.rounds):
            ratio = worth[forced.column] / forced.value
            ratio = np.where(forced.at_upper, np.minimum(ratio, 0.0), np.maximum(ratio, 0.0))
            order = np.lexsort((-np.abs(ratio), forced.row))
            first = order[np.unique(forced.row[order], return_index=True)[1]]
            first = first[ratio[first] != 0.0]
            columns[forced.column[first]] = BASIC
            rows[forced.row[first]] = np.where(forced.at_upper[first], AT_UPPER, AT_LOWER)
            change = np.zeros(a.rows)
            change[forced.row[first]] = ratio[first]
            worth -= np.bincount(owner, a.value * change[a.index], a.columns)
        return columns, rows


def settled(a: LpArrays) -> Settled | None:
    """Take out what is settled; None where limits contradict each other, which a solver is to say."""
    lower, upper = a.col_lower.copy(), a.col_upper.copy()
    row_lower, row_upper = a.row_lower.copy(), a.row_upper.copy()
    rows, columns = np.ones(a.rows, dtype=np.bool_), np.ones(a.columns, dtype=np.bool_)
    row, column, value = a.index, a.entry_columns(), a.value
    x, rounds, look = np.zeros(a.columns), [], rows.copy()
    for _ in range(_ROUNDS):
        held = columns & (lower == upper)
        if held.any():
            x[held], columns = lower[held], columns & ~held
            taken = held[column]
            look[row[taken]] = True
            shift = np.bincount(row[taken], value[taken] * lower[column[taken]], a.rows)
            row_lower, row_upper = row_lower - shift, row_upper - shift
            row, column, value = row[~taken], column[~taken], value[~taken]
        # What can be said of a row changes with its columns only.
        look &= rows
        at = look[row]
        of_row, low, high = row[at], value[at] * lower[column[at]], value[at] * upper[column[at]]
        least = np.bincount(of_row, np.minimum(low, high), a.rows)
        most = np.bincount(of_row, np.maximum(low, high), a.rows)
        if (look & ((least > row_upper + NO_ROOM) | (most < row_lower - NO_ROOM))).any():
            return None
        idle = look & (least >= row_lower - NO_ROOM) & (most <= row_upper + NO_ROOM)
        at_upper = look & ~idle & (least >= row_upper - NO_ROOM)
        at_lower = look & ~idle & ~at_upper & (most <= row_lower + NO_ROOM)
        forced = (at_upper | at_lower)[row]
        done = np.zeros(a.rows, dtype=np.bool_)
        if forced.any():
            rounds.append(_forced(row[forced], column[forced], value[forced], at_upper))
            done[rounds[-1].row] = True
            low = rounds[-1].at_upper == (rounds[-1].value > 0)
            end = np.where(low, lower[rounds[-1].column], upper[rounds[-1].column])
            lower[rounds[-1].column] = upper[rounds[-1].column] = end
        gone = idle | done
        look = (at_upper | at_lower) & ~done
        if not (gone.any() or held.any()):
            break
        rows &= ~gone
        stays = rows[row]
        row, column, value = row[stays], column[stays], value[stays]
    left = np.flatnonzero(rows)
    return Settled(
        arrays=a,
        columns=np.flatnonzero(columns),
        rows=left,
        x=x,
        row_lower=row_lower[left],
        row_upper=row_upper[left],
        rounds=tuple(rounds),
    )


def _forced(row: Ints, column: Ints, value: Floats, at_upper: NDArray[np.bool_]) -> Forced:
    """Return the rows that share no column with a row before them; the others wait, so that each can set its price alone."""
    order = np.argsort(row, kind="stable")
    row, column, value = row[order], column[order], value[order]
    mine = np.zeros(len(row), dtype=np.bool_)
    mine[np.unique(column, return_index=True)[1]] = True
    waits = np.unique(row[~mine])
    alone = ~np.isin(row, waits)
    return Forced(row=row[alone], column=column[alone], value=value[alone], at_upper=at_upper[row[alone]])
