"""Small vectorised kernels on coordinate lists (row, column, value), shared by expressions and model.

All kernels work on whole arrays: no Python loop runs over entries. Rows are flat (C order) element numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def frozen(array: Floats | Ints) -> None:
    """Mark an array as read-only, so that expressions can share it."""
    array.setflags(write=False)


def expand(start: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Concatenate the ranges ``start[i] … start[i] + count[i] - 1``.

    Parameters
    ----------
    start : int64[n]     first position of each range
    count : int64[n]     its length, 0 allowed

    Returns
    -------
    owner : int64[total]       i, repeated count[i] times
    position : int64[total]    the positions themselves

    Examples
    --------
    >>> owner, position = expand(np.array([5, 0]), np.array([2, 1]))
    >>> owner.tolist(), position.tolist()
    ([0, 0, 1], [5, 6, 0])
    """
    total = int(count.sum())
    owner = np.repeat(np.arange(len(count), dtype=np.int64), count)
    shift = start - (np.cumsum(count) - count)
    return owner, np.arange(total, dtype=np.int64) + np.repeat(shift, count)


def by_row(row: Ints, size: int) -> tuple[Ints, Ints]:
    """Return ``(order, pointer)`` that groups entries by row: entries ``order[pointer[i]:pointer[i + 1]]`` are row i's.

    The sort is stable and runs in linear time on the concatenation of a few sorted lists, the usual case here.
    """
    pointer = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=size), out=pointer[1:])
    return np.argsort(row, kind="stable"), pointer


def gather(row: Ints, size: int, wanted: Ints) -> tuple[Ints, Ints]:
    """Select whole rows, repeats allowed: ``(new_row, entry)``, where entry ``entry[k]`` lands in ``new_row[k]``.

    Parameters
    ----------
    row : int64[nonzeros]    row of each entry
    size : int               number of rows
    wanted : int64[m]        rows to take, in the new order
    """
    if wanted.size == size and np.array_equal(wanted, np.arange(size)):
        return row, np.arange(len(row), dtype=np.int64)
    order, pointer = by_row(row, size)
    start = pointer[wanted]
    new_row, position = expand(start, pointer[wanted + 1] - start)
    return new_row, order[position]


def totals(number: Ints, weight: Floats, size: int) -> Floats:
    """Sum the weights that share a number; float64[size].

    Examples
    --------
    >>> totals(np.array([0, 2, 0]), np.array([1.0, 5.0, 2.0]), 3).tolist()
    [3.0, 0.0, 5.0]
    """
    return np.bincount(number, weights=weight, minlength=size).astype(np.float64, copy=False)


def sum_duplicates(row: Ints, col: Ints, val: Floats) -> tuple[Ints, Ints, Floats]:
    """Sum entries at the same place, drop those that cancel to exactly 0, and sort by row, then column.

    Examples
    --------
    >>> r, c, v = sum_duplicates(np.array([0, 0, 1]), np.array([2, 2, 0]), np.array([1.0, 3.0, 5.0]))
    >>> r.tolist(), c.tolist(), v.tolist()
    ([0, 1], [2, 0], [4.0, 5.0])
    """
    if not len(row):
        return row, col, val
    width = int(col.max()) + 1
    place = row * width + col
    order = np.argsort(place, kind="stable")
    place = place[order]
    first = np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1])))
    total = np.add.reduceat(val[order], first)
    keep = total != 0.0
    first = first[keep]
    return row[order[first]], col[order[first]], total[keep]
