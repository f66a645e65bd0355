"""Write a program as an interior point method takes it: least cost, equations with slacks, few columns without bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from offtake.lp.settled import AT_LOWER, BASIC

if TYPE_CHECKING:
    from offtake.lp.settled import Settled
    from offtake.lp.sparse import Floats, Ints

_PASSES = 4
_FILL = 12  # times the entries there are: what substituting free columns may add
_TRIED = 8  # times as much is not even worked out
_ROUNDING = 1e-13  # part of what an entry is the difference of that is rounding
_APART = 1e-12  # part of the largest entry below which entries are looked at for that


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Substituted:
    """Free columns that an equation each gives: ``x = start - by x``, and what to do with their costs.

    Parameters
    ----------
    columns, rows : int64[free]            numbers in the program with slacks
    by : float64[free, column]             sparse, a row's other entries over its pivot
    start : float64[free]
    cost : float64[free]                   of the columns, when they were substituted
    reads : float64[row, free]             sparse, the columns' entries in other rows
    pivot : float64[free]
    """

    columns: Ints
    rows: Ints
    by: sp.csr_array
    start: Floats
    cost: Floats
    reads: sp.csr_array
    pivot: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Equations:
    """``min cost x, matrix x = right, lower <= x <= upper``.

    Parameters
    ----------
    matrix : float64[row, column]     sparse
    cost, lower, upper : float64[column]
    right : float64[row]
    """

    matrix: sp.csr_array
    cost: Floats
    lower: Floats
    upper: Floats
    right: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standard(Equations):
    """Equations in the columns and rows that are left once free ones are substituted.

    Parameters
    ----------
    constant : float
    worth : float                     by how much costs were divided
    by_column, by_row : float64[…]    x is `by_column` times the values here, and y is `worth` times `by_row` times the prices here
    columns, rows : int64[…]          numbers in the program with slacks
    substituted : tuple of Substituted
    whole : (int, int)                rows and columns with slacks
    """

    constant: float
    worth: float
    by_column: Floats
    by_row: Floats
    columns: Ints
    rows: Ints
    substituted: tuple[Substituted, ...]
    whole: tuple[int, int]

    def values(self, x: Floats) -> Floats:
        """Return values with those of the substituted columns."""
        whole = np.zeros(self.whole[1])
        whole[self.columns] = self.by_column * x
        for step in reversed(self.substituted):
            whole[step.columns] = step.start - step.by @ whole
        return whole

    def prices(self, y: Floats) -> Floats:
        """Return prices with those of the rows that gave the substituted columns."""
        whole = np.zeros(self.whole[0])
        whole[self.rows] = self.worth * self.by_row * y
        for step in reversed(self.substituted):
            whole[step.rows] = (step.cost - step.reads.T @ whole) / step.pivot
        return whole

    def basis(self, columns: Ints, rows: Ints) -> tuple[Ints, Ints]:
        """Return a basis with the substituted columns, each basic in the row that gave it."""
        of_columns, of_rows = np.full(self.whole[1], BASIC), np.full(self.whole[0], AT_LOWER)
        of_columns[self.columns], of_rows[self.rows] = columns, rows
        return of_columns, of_rows


def with_slacks(left: Settled) -> tuple[Equations, Ints]:
    """Return what is left of a program as equations, and the rows that have a slack, in the order of the slacks."""
    a = left.arrays
    whole = sp.csc_array((a.value, a.index, a.start), shape=(a.rows, a.columns))
    matrix = whole[:, left.columns].tocsr()[left.rows]
    slack = np.flatnonzero(left.row_lower != left.row_upper)
    entries = (np.full(len(slack), -1.0), (slack, np.arange(len(slack))))
    equations = Equations(
        matrix=sp.csr_array(sp.hstack([matrix, sp.csr_array(entries, shape=(len(left.rows), len(slack)))])),
        cost=np.concatenate(((-a.cost if a.maximise else a.cost)[left.columns], np.zeros(len(slack)))),
        lower=np.concatenate((a.col_lower[left.columns], left.row_lower[slack])),
        upper=np.concatenate((a.col_upper[left.columns], left.row_upper[slack])),
        right=np.where(left.row_lower == left.row_upper, left.row_lower, 0.0),
    )
    return equations, slack


def standard(left: Settled) -> Standard:
    """Write what is left of a program for an interior point method."""
    all_, slack = with_slacks(left)
    matrix, cost, lower, upper, right = all_.matrix, all_.cost, all_.lower, all_.upper, all_.right
    rows, columns = np.ones(len(right), dtype=np.bool_), np.ones(len(cost), dtype=np.bool_)
    equation = np.diff(matrix.indptr) > 0
    equation[slack] = False
    free = np.isinf(lower) & np.isinf(upper)
    constant, steps, room = 0.0, [], _FILL * matrix.nnz
    while (step := _step(matrix, cost, right, np.flatnonzero(free & columns), equation & rows)) is not None:
        if np.bincount(step.reads.indices, minlength=len(step.rows)) @ np.diff(step.by.indptr) > _TRIED * room:
            break
        taken = _difference(matrix, step.reads, step.by)
        if taken.nnz > room:
            break
        rows[step.rows] = columns[step.columns] = False
        keep_rows, keep_columns = sp.diags_array(rows.astype(np.float64)), sp.diags_array(columns.astype(np.float64))
        matrix = sp.csr_array(keep_rows @ taken @ keep_columns)
        matrix.eliminate_zeros()
        constant += float(step.cost @ step.start)
        cost, right = cost - step.by.T @ step.cost, right - step.reads @ step.start
        steps.append(step)
    kept, stays = np.flatnonzero(columns), np.flatnonzero(rows)
    matrix = sp.csr_array(matrix[stays][:, kept])
    matrix.eliminate_zeros()
    by_row, by_column, size = _even(matrix, right[stays], lower[kept], upper[kept])
    priced = cost[kept] * by_column
    worth = _middle(priced)
    return Standard(
        matrix=sp.csr_array(sp.diags_array(by_row) @ matrix @ sp.diags_array(by_column / size)),
        cost=priced / worth,
        lower=lower[kept] / by_column,
        upper=upper[kept] / by_column,
        right=right[stays] * by_row / size,
        constant=constant,
        worth=worth,
        by_column=by_column,
        by_row=by_row / size,
        columns=kept,
        rows=stays,
        substituted=tuple(steps),
        whole=(len(right), len(cost)),
    )


def _difference(matrix: sp.csr_array, reads: sp.csr_array, by: sp.csr_array) -> sp.csr_array:
    """Return ``matrix - reads by`` without what rounding leaves where entries cancel: scaled up, it would be a row of its own."""
    found = sp.csr_array(matrix - reads @ by)
    size = np.abs(found.data)
    if (size > _APART * size.max(initial=0.0)).all():
        return found
    return sp.csr_array(found * (abs(found) > _ROUNDING * (abs(matrix) + abs(reads) @ abs(by))))


def _even(matrix: sp.csr_array, right: Floats, lower: Floats, upper: Floats) -> tuple[Floats, Floats, float]:
    """Return factors of rows and columns, powers of two, that bring the largest entry of each near 1 and numbers near 1 on average.

    A column of one entry, such as a slack, follows its row: it would hide how small the row's other entries are.

    D. Ruiz, A scaling algorithm to equilibrate both rows and columns norms in matrices, Rutherford Appleton Laboratory report
    RAL-TR-2001-034 (2001).
    """
    size, alone = abs(matrix), np.bincount(matrix.indices, minlength=matrix.shape[1]) == 1
    entry = np.flatnonzero(alone[matrix.indices])
    column, row = matrix.indices[entry], np.searchsorted(matrix.indptr, entry, side="right") - 1
    single, size.data[entry] = size.data[entry], 0.0
    by_row, by_column = np.ones(matrix.shape[0]), np.ones(matrix.shape[1])
    for _ in range(_PASSES):
        now = sp.csr_array(sp.diags_array(by_row) @ size @ sp.diags_array(by_column))
        by_row /= np.sqrt(_largest(now))
        by_column /= np.sqrt(_largest(now.T.tocsr()))
    by_column[column] = 1.0 / (single * by_row[row])
    by_row, by_column = np.exp2(np.rint(np.log2(by_row))), np.exp2(np.rint(np.log2(by_column)))
    ends = np.concatenate(
        (right * by_row, (lower / by_column)[np.isfinite(lower)], (upper / by_column)[np.isfinite(upper)])
    )
    unit = _middle(ends)
    return by_row, by_column * unit, unit


def _largest(matrix: sp.csr_array) -> Floats:
    """Return the largest entry of each row, 1 where there is none."""
    found = matrix.max(axis=1).toarray().ravel() if matrix.nnz else np.zeros(matrix.shape[0])
    return np.where(found > 0.0, found, 1.0)


def _middle(values: Floats) -> float:
    """Return the power of two nearest to the geometric mean of the sizes of what is not 0."""
    sizes = np.abs(values[values != 0.0])
    return float(np.exp2(np.rint(np.log2(sizes).mean()))) if len(sizes) else 1.0


def _step(matrix: sp.csr_array, cost: Floats, right: Floats, free: Ints, equation: np.ndarray) -> Substituted | None:
    """Substitute every free column that stands alone, among free ones, in one of its equations."""
    if not len(free):
        return None
    theirs = matrix[:, free].tocoo()
    alone = np.bincount(theirs.row, minlength=matrix.shape[0]) == 1
    entry = np.flatnonzero(alone[theirs.row] & equation[theirs.row])
    entry = entry[np.lexsort((-np.abs(theirs.data[entry]), theirs.col[entry]))]
    entry = entry[np.unique(theirs.col[entry], return_index=True)[1]]
    if not len(entry):
        return None
    columns, rows, pivot = free[theirs.col[entry]], theirs.row[entry].astype(np.int64), theirs.data[entry]
    other_columns, other_rows = np.ones(matrix.shape[1]), np.ones(matrix.shape[0])
    other_columns[columns], other_rows[rows] = 0.0, 0.0
    by = sp.csr_array(sp.diags_array(1.0 / pivot) @ matrix[rows] @ sp.diags_array(other_columns))
    by.eliminate_zeros()
    reads = sp.csr_array(sp.diags_array(other_rows) @ matrix[:, columns])
    reads.eliminate_zeros()
    return Substituted(
        columns=columns, rows=rows, by=by, start=right[rows] / pivot, cost=cost[columns], reads=reads, pivot=pivot
    )
