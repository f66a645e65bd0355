"""The arrays of a linear or mixed-integer program, in compressed columns: what a solver reads and a certificate checks.

    maximise (or minimise)  c x + offset   subject to   row_lower <= A x <= row_upper,  col_lower <= x <= col_upper,
    x[j] whole where integer[j]

Axes: ``[row]`` and ``[column]`` numbers of one model; names live in :class:`offtake.lp.model.Model`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.sparse import Floats, Ints, frozen, sum_duplicates, totals

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LpArrays:
    """One program as read-only arrays; equal places are summed and rows ascend within each column.

    Parameters
    ----------
    maximise : bool
    offset : float               constant of the objective
    cost : float64[column]       objective coefficients c
    col_lower, col_upper : float64[column]
    integer : bool[column]
    row_lower, row_upper : float64[row]
    start : int64[column + 1]    column j's entries are ``start[j]:start[j + 1]``
    index : int64[nonzeros]      their rows
    value : float64[nonzeros]    their coefficients
    """

    maximise: bool
    offset: float
    cost: Floats
    col_lower: Floats
    col_upper: Floats
    integer: NDArray[np.bool_]
    row_lower: Floats
    row_upper: Floats
    start: Ints
    index: Ints
    value: Floats

    def __post_init__(self) -> None:
        """Make every array read-only."""
        for field in fields(self):
            item = getattr(self, field.name)
            if isinstance(item, np.ndarray):
                frozen(item)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_lower)

    @property
    def nonzeros(self) -> int:
        """Number of matrix entries."""
        return len(self.value)

    def __repr__(self) -> str:
        """Show the size."""
        whole = int(self.integer.sum())
        return f"LpArrays({self.rows} rows, {self.columns} columns ({whole} whole), {self.nonzeros} nonzeros)"

    def entry_columns(self) -> Ints:
        """Return the column of each matrix entry; int64[nonzeros]."""
        return np.repeat(np.arange(self.columns, dtype=np.int64), np.diff(self.start))

    def activity(self, x: Floats) -> Floats:
        """Return A x, computed here and not by a solver; float64[row]."""
        return totals(self.index, self.value * x[self.entry_columns()], self.rows)

    def column_prices(self, y: Floats) -> Floats:
        """Return A' y; float64[column]."""
        return totals(self.entry_columns(), self.value * y[self.index], self.columns)

    def with_coefficients(self, row: Ints, col: Ints, val: Floats) -> LpArrays:
        """Return a program in which ``A[row[k], col[k]] = val[k]``; 0 removes the entry."""
        old = self.index * self.columns + self.entry_columns()
        keep = ~np.isin(old, row * self.columns + col)
        matrix = compress(
            np.concatenate((self.index[keep], row)),
            np.concatenate((self.entry_columns()[keep], col)),
            np.concatenate((self.value[keep], val)),
            self.columns,
        )
        return replace(self, start=matrix[0], index=matrix[1], value=matrix[2])

    def with_rows(self, new: RowArrays) -> LpArrays:
        """Return a program with rows appended."""
        row = np.repeat(np.arange(new.rows, dtype=np.int64), np.diff(new.start)) + self.rows
        start, index, value = compress(
            np.concatenate((self.index, row)),
            np.concatenate((self.entry_columns(), new.index)),
            np.concatenate((self.value, new.value)),
            self.columns,
        )
        lower, upper = np.concatenate((self.row_lower, new.lower)), np.concatenate((self.row_upper, new.upper))
        return replace(self, row_lower=lower, row_upper=upper, start=start, index=index, value=value)

    def with_columns(self, lower: Floats, upper: Floats, cost: Floats, integer: NDArray[np.bool_]) -> LpArrays:
        """Return a program with columns appended that stand in no row yet."""
        return replace(
            self,
            cost=np.concatenate((self.cost, cost)),
            col_lower=np.concatenate((self.col_lower, lower)),
            col_upper=np.concatenate((self.col_upper, upper)),
            integer=np.concatenate((self.integer, integer)),
            start=np.concatenate((self.start, np.full(len(cost), self.nonzeros, dtype=np.int64))),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowArrays:
    """Some rows on their own, compressed by row: what is appended to a live solver.

    Parameters
    ----------
    lower, upper : float64[row]
    start : int64[row + 1]       row i's entries are ``start[i]:start[i + 1]``
    index : int64[nonzeros]      their columns
    value : float64[nonzeros]    their coefficients
    """

    lower: Floats
    upper: Floats
    start: Ints
    index: Ints
    value: Floats

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.lower)


def compress(major: Ints, minor: Ints, val: Floats, minors: int) -> tuple[Ints, Ints, Floats]:
    """Return ``(start, index, value)`` grouped by `minor`, duplicates summed and zeros dropped.

    Called with (row, column) it compresses by column, with (column, row) by row.

    Examples
    --------
    >>> start, index, value = compress(np.array([1, 0, 1]), np.array([0, 1, 0]), np.array([1.0, 2.0, 3.0]), 2)
    >>> start.tolist(), index.tolist(), value.tolist()
    ([0, 1, 2], [1, 0], [4.0, 2.0])
    """
    outer, inner, value = sum_duplicates(minor, major, val)
    start = np.zeros(minors + 1, dtype=np.int64)
    np.cumsum(np.bincount(outer, minlength=minors), out=start[1:])
    return start, inner, value
