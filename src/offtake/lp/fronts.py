"""Factorise a sparse symmetric matrix whose pivots have known signs, in dense fronts, and solve with it.

Each front eliminates its pivots from the rows that they touch and hands what is left to its parent, so all arithmetic is that of dense
matrices and fronts of different branches can be factorised at once.  After I. S. Duff and J. K. Reid, The multifrontal solution of
indefinite sparse symmetric linear equations, ACM Transactions on Mathematical Software 9 (1983) 302–325.  No pivot is exchanged: the
matrices of interior points are quasidefinite, for which every order works, R. J. Vanderbei, Symmetric quasidefinite matrices, SIAM Journal
on Optimization 5 (1995) 100–113.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import _sparsetools

from offtake.executors import side_by_side
from offtake.lp.dissection import fronts_of, turns_of
from offtake.lp.elimination import NotDefiniteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.lp.dissection import Front
    from offtake.lp.elimination import Places
    from offtake.lp.sparse import Floats, Ints

__all__ = ["Fronts", "TooLargeError"]

_MOST = 2**29  # numbers in fronts, 4 GiB
_BLOCK = 128  # rows or columns taken at a time: no more is computed twice over


class TooLargeError(Exception):
    """Fronts that would not fit into memory, such as one row that meets all others in a program of a million rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """Pivots of one sign in a front.

    Parameters
    ----------
    sign : float                         s, 1 or -1
    start, end : int                     the first pivot and the first after the last
    inverse : float64[pivot, pivot]      L⁻¹, where s L L' is what the pivots have of each other
    right : float64[pivot, row]          of `above`, right of the block
    """

    sign: float
    start: int
    end: int
    inverse: Floats
    right: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Dense:
    """One front: where its numbers come from, and its part of the factors.

    Parameters
    ----------
    rows : int64[…]                          pivots, then the border
    sign : float64[pivot, 1]
    blocks : tuple of _Block
    numbers : float64[…]                     `above`, then `left`, row by row; the last takes what stands twice
    above : float64[pivot, row]              the upper half; once factorised, right of each block ``s L⁻¹`` times what stood there
    left : float64[border, border]           the lower half of what the border is left with
    entry, cell : int64[…]                   numbers of the matrix, and where they go
    children : tuple of (int, tuple of int32[…])     fronts that are added, and where the numbers of their `left` go, block by block
    """

    rows: Ints
    sign: Floats
    blocks: tuple[_Block, ...]
    numbers: Floats
    above: Floats
    left: Floats
    entry: Ints
    cell: Ints
    children: tuple[tuple[int, tuple[NDArray[np.int32], ...]], ...]


class Fronts:
    """One matrix by its places; :meth:`factor` with its numbers, then :meth:`solve` as often as wanted.

    Parameters
    ----------
    places : Places
    last : bool[row]     rows that are eliminated at the end

    Raises
    ------
    TooLargeError     the fronts would not fit into memory

    Examples
    --------
    >>> from offtake.lp.elimination import Places
    >>> places = Places(sign=np.array([1, -1], np.int8), row=np.array([0, 1, 1]), column=np.array([0, 0, 1]))
    >>> fronts = Fronts(places, np.zeros(2, dtype=np.bool_))
    >>> fronts.factor(np.array([2.0, 1.0, -1.0]))
    >>> fronts.solve(np.array([3.0, 0.0])).round(12).tolist()
    [1.0, 1.0]
    """

    def __init__(self, places: Places, last: NDArray[np.bool_]) -> None:
        """Choose the fronts and find out where everything falls."""
        fronts = fronts_of(places, last)
        if sum((len(f.pivots) + len(f.border)) ** 2 for f in fronts) > _MOST:
            raise TooLargeError
        self._turns = turns_of(fronts)
        local, entries = np.zeros(places.rows, dtype=np.int64), _entries_of(fronts, places)
        self._dense = [_dense(k, fronts, places, entries[k], local) for k in range(len(fronts))]
        most = max((len(front.border) for front in fronts), default=0) * _BLOCK
        self._counted, self._ones = np.arange(most + 1, dtype=np.int32), np.ones(most)

    def factor(self, s: Floats) -> None:
        """Take the numbers of the matrix; float64[entry].

        Raises
        ------
        offtake.lp.elimination.NotDefiniteError     rounding left a pivot of the wrong sign
        """
        self._s = s
        self._done = [Event() for _ in self._dense]
        side_by_side(self._in_turn, self._turns)

    def _in_turn(self, number: int) -> None:
        """Factorise one front as soon as its children are done; what comes first in turn waits for nothing that comes later."""
        dense = self._dense[number]
        try:
            for child, _ in dense.children:
                self._done[child].wait()
            # What the caller set for its own thread does not hold in this one; what leaves the range of numbers is told below.
            with np.errstate(all="ignore"):
                self._eliminate(dense)
        finally:
            self._done[number].set()

    def _eliminate(self, d: _Dense) -> None:
        """Factorise one front."""
        d.numbers[:] = 0.0
        d.numbers[d.cell] = self._s[d.entry]
        for child, cells in d.children:
            theirs = self._dense[child].left
            for at, cell in zip(range(0, len(theirs), _BLOCK), cells, strict=True):
                part = theirs[at : at + _BLOCK, : at + _BLOCK].ravel()
                # It adds to what is there, which the public product cannot.
                _sparsetools.csc_matvec(len(d.numbers), len(part), self._counted, cell, self._ones, part, d.numbers)
        above, left, pivots = d.above, d.left, len(d.above)
        for block in d.blocks:
            start, end = block.start, block.end
            row = above[start:end, start:]
            if start:
                row -= (d.sign[:start] * above[:start, start:end]).T @ above[:start, start:]
            # Row by row the upper half is LAPACK's lower one.
            lower, failed = lapack.dpotrf(block.sign * row[:, : end - start].T, lower=1, clean=1)
            # What is not a number spreads to the last pivot, and LAPACK may take it for one.
            if failed or not lower[-1, -1] > 0.0:
                raise NotDefiniteError
            block.inverse[:] = lapack.dtrtri(lower, lower=1)[0]
            block.right[:] = (block.sign * block.inverse) @ block.right
        for at in range(pivots, len(d.rows), _BLOCK):
            low = at - pivots
            left[low:, low : low + _BLOCK] -= above[:, at:].T @ (d.sign * above[:, at : at + _BLOCK])

    def solve(self, h: Floats) -> Floats:
        """Return x with the matrix times x equal to h; float64[row]."""
        x = h.copy()
        for d in self._dense:
            here = x[d.rows]
            for block in d.blocks:
                y = block.inverse @ here[block.start : block.end]
                here[block.end :] -= y @ block.right
                here[block.start : block.end] = block.sign * y
            x[d.rows] = here
        for d in reversed(self._dense):
            here = x[d.rows]
            for block in reversed(d.blocks):
                y = here[block.start : block.end] - block.right @ here[block.end :]
                here[block.start : block.end] = y @ block.inverse
            x[d.rows[: len(d.above)]] = here[: len(d.above)]
        return x


def _entries_of(fronts: Sequence[Front], places: Places) -> list[Ints]:
    """Return the numbers of the matrix that each front takes: those of which one row is among its pivots and the other not yet gone."""
    of_row = np.zeros(places.rows, dtype=np.int64)
    for k, front in enumerate(fronts):
        of_row[front.pivots] = k
    of_entry = np.minimum(of_row[places.row], of_row[places.column])
    return np.split(np.argsort(of_entry, kind="stable"), np.cumsum(np.bincount(of_entry, minlength=len(fronts)))[:-1])


def _dense(number: int, fronts: Sequence[Front], places: Places, entry: Ints, local: Ints) -> _Dense:
    """Find out where a front's numbers come from; `local` is scratch space, int64[row]."""
    front = fronts[number]
    rows = np.concatenate((front.pivots, front.border))
    pivots, size = len(front.pivots), len(rows)
    border = size - pivots
    local[rows] = np.arange(size)

    def cells(one: Ints, other: Ints) -> Ints:
        high, low = np.maximum(one, other), np.minimum(one, other)
        return np.where(low < pivots, low * size + high, pivots * size + (high - pivots) * border + low - pivots)

    nowhere = pivots * size + border * border
    children = []
    for child in front.children:
        met = local[fronts[child].border]
        parts = []
        for at in range(0, len(met), _BLOCK):
            part = cells(met[at : at + _BLOCK, None], met[: at + _BLOCK])
            part[:, at:][np.triu_indices(part.shape[0], 1)] = nowhere
            parts.append(part.astype(np.int32).ravel())
        children.append((child, tuple(parts)))
    numbers, sign = np.zeros(nowhere + 1), places.sign[front.pivots].astype(np.float64)
    above = numbers[: pivots * size].reshape(pivots, size)
    return _Dense(
        rows=rows,
        sign=sign[:, None],
        blocks=_blocks(sign, above),
        numbers=numbers,
        above=above,
        left=numbers[pivots * size : nowhere].reshape(border, border),
        entry=entry,
        cell=cells(local[places.row[entry]], local[places.column[entry]]),
        children=tuple(children),
    )


def _blocks(sign: Floats, above: Floats) -> tuple[_Block, ...]:
    """Cut a front's pivots into blocks of one sign."""
    found, positive = [], int((sign > 0.0).sum())
    for first, last, what in ((0, positive, 1.0), (positive, len(sign), -1.0)):
        for start in range(first, last, _BLOCK):
            end = min(start + _BLOCK, last)
            inverse = np.zeros((end - start, end - start))
            found.append(_Block(sign=what, start=start, end=end, inverse=inverse, right=above[start:end, end:]))
    return tuple(found)
