"""Solve the linear systems of an interior point method: ``A dx = r, A' dy - D dx = g`` with D diagonal.

Columns that stand in few rows are substituted, ``dx = (A' dy - g) / D``; those that stand in many, such as what is decided before a path is
known, stay beside the rows, since substituting one would tie together all the rows that it stands in.  What is left is a symmetric matrix
with positive pivots for rows and negative ones for columns: rows that meet few others go in rounds (offtake.lp.elimination), the rest in
fronts (offtake.lp.fronts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.elimination import Places, rounds_of
from offtake.lp.fronts import Fronts
from offtake.lp.patterns import Products

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from offtake.lp.sparse import Floats

_MANY = 6  # entries above which a column stays beside the rows


class Augmented:
    """The systems of one program; :meth:`factor` with the diagonal, then :meth:`solve` as often as wanted.

    Parameters
    ----------
    matrix : float64[row, column]     sparse; rows are equations, slacks among the columns
    free : bool[column]               columns without bounds, whose diagonal is next to nothing

    Raises
    ------
    offtake.lp.fronts.TooLargeError      what must be kept would not fit into memory
    """

    def __init__(self, matrix: sp.csr_array, free: NDArray[np.bool_]) -> None:
        """Find out once what stays the same at every step."""
        rows = matrix.shape[0]
        kept = free | (np.bincount(matrix.indices, minlength=matrix.shape[1]) > _MANY)
        self._few, self._kept = np.flatnonzero(~kept), np.flatnonzero(kept)
        self._a = matrix[:, self._few].tocsr()
        self._at = self._a.T.tocsr()
        beside = matrix[:, self._kept].tocoo()
        self._s = Products(self._a)
        row, column = self._s.row, self._s.column
        self._beside, self._rows = beside.data, rows
        # A row that only kept columns stand in has no product of its own.
        every, bare = np.arange(rows + len(self._kept)), np.setdiff1d(np.arange(rows), row[row == column])
        row, column = np.concatenate((row, bare)), np.concatenate((column, bare))
        self._bare, self._diagonal_of_rows = len(bare), np.flatnonzero(row == column)
        places = Places(
            sign=np.where(every < rows, 1, -1).astype(np.int8),
            row=np.concatenate((row, rows + beside.col.astype(np.int64), every[rows:])),
            column=np.concatenate((column, beside.row.astype(np.int64), every[rows:])),
        )
        last = np.concatenate((np.zeros(rows, dtype=np.bool_), free[self._kept]))
        self._rounds = rounds_of(places, last)
        for one in self._rounds:
            places, last = one.left, last[one.kernel]
        self._fronts = Fronts(places, last)

    def factor(self, diagonal: Floats, *, added: float) -> None:
        """Take the diagonal D of a step; float64[column], > 0.

        Parameters
        ----------
        added : float     to the diagonal of each row, against rounding

        Raises
        ------
        offtake.lp.elimination.NotDefiniteError     more must be added
        """
        self._diagonal = diagonal
        products = self._s.fill(1.0 / diagonal[self._few])
        s = np.concatenate((products, np.zeros(self._bare), self._beside, -diagonal[self._kept]))
        s[self._diagonal_of_rows] += added
        for one in self._rounds:
            s = one.down(s)
        self._fronts.factor(s)

    def solve(self, r: Floats, g: Floats) -> tuple[Floats, Floats]:
        """Return (dx, dy) with ``A dx = r`` and ``A' dy - D dx = g``; float64[column], float64[row]."""
        d = self._diagonal[self._few]
        h = np.concatenate((r + self._a @ (g[self._few] / d), g[self._kept]))
        went = []
        for one in self._rounds:
            light, h = one.forward(h)
            went.append(light)
        h = self._fronts.solve(h)
        for one, light in zip(reversed(self._rounds), reversed(went), strict=True):
            h = one.back(light, h)
        dy, dx = h[: self._rows], np.empty(len(g))
        dx[self._kept] = h[self._rows :]
        dx[self._few] = (self._at @ dy - g[self._few]) / d
        return dx, dy
