"""Small vectorised kernels on coordinate lists (row, column, value), shared by expressions and model.

All kernels work on whole arrays: no Python loop runs over entries. Rows are flat (C order) element numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

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


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """A sparse matrix as a list of places and values; read-only, equal places summed, zeros dropped, sorted by row.

    Parameters
    ----------
    shape : (rows, columns)
    row, col : int64[nonzeros]
    val : float64[nonzeros]

    Examples
    --------
    >>> m = Coordinates((2, 3), [0, 1, 1], [2, 0, 0], [5.0, 1.0, 2.0])
    >>> (m @ np.array([1.0, 0.0, 10.0])).tolist(), m.back(np.array([1.0, 1.0])).tolist()
    ([50.0, 3.0], [3.0, 0.0, 5.0])
    >>> np.asarray(m).tolist()
    [[0.0, 0.0, 5.0], [3.0, 0.0, 0.0]]
    """

    shape: tuple[int, int]
    row: Ints
    col: Ints
    val: Floats

    def __post_init__(self) -> None:
        """Check the places and put them in order."""
        row, col = (np.asarray(places, dtype=np.int64).reshape(-1) for places in (self.row, self.col))
        val = np.asarray(self.val, dtype=np.float64).reshape(-1)
        if not len(row) == len(col) == len(val):
            raise ValueError(f"{len(row)} rows, {len(col)} columns and {len(val)} values do not make entries")
        for places, size, what in ((row, self.shape[0], "row"), (col, self.shape[1], "column")):
            if len(places) and not (places.min() >= 0 and places.max() < size):
                raise ValueError(f"an entry's {what} is not in 0 to {size - 1}")
        if not np.isfinite(val).all():
            raise ValueError("a coefficient is not a finite number")
        for name, array in zip(("row", "col", "val"), sum_duplicates(row, col, val), strict=True):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def of(cls, matrix: ArrayLike | Coordinates) -> Coordinates:
        """Return a dense matrix as a list of its entries, and a sparse one as it is."""
        if isinstance(matrix, Coordinates):
            return matrix
        dense = np.atleast_2d(np.asarray(matrix, dtype=np.float64))
        row, col = np.nonzero(dense)
        return cls((dense.shape[0], dense.shape[1]), row, col, dense[row, col])

    def __len__(self) -> int:
        """Count the rows."""
        return self.shape[0]

    def __matmul__(self, x: Floats) -> Floats:
        """Return the product with a vector; float64[row]."""
        return totals(self.row, self.val * x[self.col], self.shape[0])

    def back(self, y: Floats) -> Floats:
        """Return the transposed product with a vector; float64[column]."""
        return totals(self.col, self.val * y[self.row], self.shape[1])

    def placed(self, down: int, right: int, shape: tuple[int, int]) -> Coordinates:
        """Return the same entries further down and to the right in a matrix of another shape."""
        return Coordinates(shape, self.row + down, self.col + right, self.val)

    def with_entries(self, row: ArrayLike, col: ArrayLike, val: ArrayLike) -> Coordinates:
        """Return the matrix with more entries; those at one place add up."""
        return Coordinates(
            self.shape,
            np.concatenate((self.row, np.asarray(row, dtype=np.int64).reshape(-1))),
            np.concatenate((self.col, np.asarray(col, dtype=np.int64).reshape(-1))),
            np.concatenate((self.val, np.asarray(val, dtype=np.float64).reshape(-1))),
        )

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001 - numpy's
        """Return the dense matrix, as numpy asks for it."""
        out = np.zeros(self.shape)
        out[self.row, self.col] = self.val
        return out if dtype is None else out.astype(dtype)
