"""Sparse products whose places stay and whose numbers change: found out once, filled at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from offtake.lp.sparse import expand

if TYPE_CHECKING:
    from offtake.lp.sparse import Floats, Ints

__all__ = ["Products", "pairs_within"]


class Products:
    """The lower half of ``X diag(w) X'`` for many w.

    Parameters
    ----------
    x : float64[row, column]     sparse

    Attributes
    ----------
    row, column : int64[entry]     where numbers stand, row >= column, sorted

    Examples
    --------
    >>> products = Products(sp.csr_array([[1.0, 2.0], [0.0, 3.0]]))
    >>> products.row.tolist(), products.column.tolist()
    ([0, 1, 1], [0, 0, 1])
    >>> products.fill(np.array([1.0, 10.0])).tolist()
    [41.0, 60.0, 90.0]
    """

    def __init__(self, x: sp.csr_array) -> None:
        """Find the places."""
        by_column, rows = x.tocsc(), x.shape[0]
        stands = by_column.indices.astype(np.int64)
        of_column = np.repeat(np.arange(x.shape[1]), np.diff(by_column.indptr))
        first, second = pairs_within(by_column.indptr.astype(np.int64))
        lower = stands[first] >= stands[second]
        first, second = first[lower], second[lower]
        keys = stands[first] * rows + stands[second]
        order = np.argsort(keys, kind="stable")
        first, second, keys = first[order], second[order], keys[order]
        new = np.append(keys[:1] == keys[:1], keys[1:] != keys[:-1])
        keys, place = keys[new], np.cumsum(new) - 1
        self.row, self.column = keys // max(1, rows), keys % max(1, rows)
        value = by_column.data[first] * by_column.data[second]
        self._sums = sp.csr_array((value, (place, of_column[first])), shape=(len(keys), x.shape[1]))

    def fill(self, w: Floats) -> Floats:
        """Return the numbers by entry."""
        found: Floats = self._sums @ w
        return found


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
