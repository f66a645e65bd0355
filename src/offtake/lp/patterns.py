"""Sparse products whose places stay and whose numbers change: found out once, filled at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from offtake.lp.sparse import expand

if TYPE_CHECKING:
    from offtake.lp.sparse import Floats, Ints

__all__ = ["Products", "TooLargeError", "pairs_within"]

_MOST = 2**26  # products that one pattern may take: some gigabytes while it is made


class TooLargeError(Exception):
    """A pattern that would not fit into memory, such as one of a column that stands in all rows."""


class Products:
    """``X diag(w) Y'`` for many w.

    Parameters
    ----------
    x, y : float64[row, column]     sparse, of the same columns

    Attributes
    ----------
    pattern : float64[row of x, row of y]     sparse, holding the last numbers filled in
    row, column : int64[entry]                where they stand

    Raises
    ------
    TooLargeError

    Examples
    --------
    >>> x = sp.csr_array([[1.0, 2.0], [0.0, 3.0]])
    >>> products = Products(x, x)
    >>> _ = products.fill(np.array([1.0, 10.0]))
    >>> products.pattern.toarray().tolist()
    [[41.0, 60.0], [60.0, 90.0]]
    """

    def __init__(self, x: sp.csr_array, y: sp.csr_array) -> None:
        """Find the places."""
        by_column = y.tocsc()
        many = np.diff(by_column.indptr)[x.indices].astype(np.int64)
        if many.sum() > _MOST:
            raise TooLargeError
        pattern = sp.csr_array(abs(x) @ abs(y).T)
        pattern.sort_indices()
        self.pattern = pattern
        self.row = np.repeat(np.arange(x.shape[0]), np.diff(pattern.indptr))
        self.column = pattern.indices.astype(np.int64)
        row = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
        entry, other = expand(by_column.indptr[x.indices].astype(np.int64), many)
        place = _numbers_in(pattern, row[entry], by_column.indices[other])
        value = x.data[entry] * by_column.data[other]
        shape = (pattern.nnz, x.shape[1])
        self._sums = sp.csr_array((value, (place, x.indices[entry])), shape=shape)

    def fill(self, w: Floats) -> Floats:
        """Put in w; return the numbers by entry."""
        found: Floats = self._sums @ w
        self.pattern.data = found
        return found


def _numbers_in(pattern: sp.csr_array, row: Ints, column: Ints) -> Ints:
    """Return the number of each entry (row, column) in a sorted pattern that has it."""
    wide = np.int64(pattern.shape[1])
    there = np.repeat(np.arange(pattern.shape[0], dtype=np.int64), np.diff(pattern.indptr)) * wide + pattern.indices
    return np.searchsorted(there, row.astype(np.int64) * wide + column)


def pairs_within(pointer: Ints) -> tuple[Ints, Ints]:
    """Return all ordered pairs of entries of the same column, as two lists of entries.

    Examples
    --------
    >>> first, second = pairs_within(np.array([0, 2, 3]))
    >>> list(zip(first.tolist(), second.tolist(), strict=True))
    [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
    """
    count = np.diff(pointer)
    each = np.repeat(count, count)
    start = np.repeat(pointer[:-1], count)
    first, second = expand(start, each)
    return first, second
