"""Solve the equations among shared columns for some of them, so that the others are free.

Most such equations keep a stock (chips, power, debt) or name a sum.  Taken in the right order each gives one column by those before it, so
that no general factorisation is needed to choose; a remainder without such an order is chosen by a pivoted QR.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.lp.sparse import Floats, Ints

_ZERO = 1e-12
_OF_LARGEST = 1e-9  # a pivot below this share of the largest counts as none


class DependentError(Exception):
    """Equations that depend on each other."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StockBasis:
    """``a_0 x = r`` for all x = space z + particular(r).

    Parameters
    ----------
    space : float64[column, free column]     sparse
    """

    space: sp.csr_array
    _given: Ints
    _factor: scipy.sparse.linalg.SuperLU | None

    def particular(self, r: Floats) -> Floats:
        """Return the columns that meet the equations with all free ones at 0; float64[column]."""
        x = np.zeros(self.space.shape[0])
        if self._factor is not None and r.any():
            x[self._given] = self._factor.solve(r)
        return x

    def prices(self, c: Floats) -> Floats:
        """Return y with ``a_0' y = c`` on the columns that the equations give; float64[row]."""
        return np.zeros(0) if self._factor is None else self._factor.solve(c[self._given], trans="T")


def stock_basis(a_0: sp.csr_array, costly: NDArray[np.bool_]) -> StockBasis:
    """Choose as many columns as there are equations, such that these give them.

    Parameters
    ----------
    a_0 : float64[row, column]     sparse
    costly : bool[column]          rather leave these free

    Raises
    ------
    DependentError      the equations depend on each other

    Examples
    --------
    >>> a_0 = sp.csr_array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])     # all three are equal
    >>> basis = stock_basis(a_0, np.array([True, False, False]))
    >>> basis.space.toarray().ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    rows, columns = a_0.shape
    if rows == 0:
        return StockBasis(space=sp.csr_array(sp.eye_array(columns)), _given=np.zeros(0, dtype=np.int64), _factor=None)
    given, left = _in_turn(a_0, costly)
    if len(left):
        given = np.concatenate((given, _by_size(a_0, given, left)))
    free = np.setdiff1d(np.arange(columns), given)
    factor = scipy.sparse.linalg.splu(a_0[:, given].tocsc())
    follows = -factor.solve(a_0[:, free].toarray())
    follows[np.abs(follows) < _ZERO] = 0.0
    row, column = np.nonzero(follows)
    place = np.arange(len(free))
    entries = (
        np.concatenate((follows[row, column], np.ones(len(free)))),
        (np.concatenate((given[row], free)), np.concatenate((column, place))),
    )
    return StockBasis(space=sp.csr_array(entries, shape=(columns, len(free))), _given=given, _factor=factor)


def _in_turn(a_0: sp.csr_array, costly: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Take columns that stand in one row left each, cheap ones first, then slacks, then costly ones of long rows.

    Returns the columns and the rows that have none.
    """
    by_column = a_0.tocsc()
    slack = (np.diff(by_column.indptr) == 1) & ~costly
    kind = np.where(slack, 1, np.where(costly, 2, 0))
    length, count = np.diff(a_0.indptr), np.diff(by_column.indptr).copy()
    open_, taken, found = np.ones(a_0.shape[0], dtype=np.bool_), np.zeros(a_0.shape[1], dtype=np.bool_), []
    queue: list[tuple[int, int, int, int]] = []

    def offer(column: int) -> None:
        rows = by_column.indices[by_column.indptr[column] : by_column.indptr[column + 1]]
        row = int(rows[open_[rows]][0])
        heapq.heappush(queue, (int(kind[column]), -int(length[row]), -column, row))

    for column in np.flatnonzero(count == 1).tolist():
        offer(column)
    while queue:
        _, _, column, row = heapq.heappop(queue)
        if not open_[row] or taken[-column]:
            continue
        open_[row], taken[-column] = False, True
        found.append(-column)
        others = a_0.indices[a_0.indptr[row] : a_0.indptr[row + 1]]
        count[others] -= 1
        for other in others[(count[others] == 1) & ~taken[others]].tolist():
            offer(other)
    return np.array(found, dtype=np.int64), np.flatnonzero(open_)


def _by_size(a_0: sp.csr_array, given: Ints, left: Ints) -> Ints:
    """Return columns for the rows left, by a pivoted QR of what these read beside the columns already given."""
    rest = np.setdiff1d(np.unique(a_0[left].indices), given)
    _, r, order = scipy.linalg.qr(a_0[left][:, rest].toarray(), mode="economic", pivoting=True)
    size = np.abs(np.diag(r))
    if len(size) < len(left) or size[-1] <= _OF_LARGEST * size[0]:
        raise DependentError
    chosen: Ints = rest[order[: len(left)]]
    return chosen
