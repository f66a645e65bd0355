"""Solve the linear systems of an interior point in a program of many paths, exploiting that paths meet in shared columns only.

With the rows of paths written ``A x_p + B x_0 = b`` and the shared ones ``A_0 x_0 = b_0``, a step (dx, dy) of an interior point obeys

    A dx = r,    A' dy - D dx = g

with D diagonal and positive.  Each path's rows are eliminated in two parts: rows that share no column (such as the use of one chip in one
period) by a division each, what remains (power, balances, training: some hundred rows a path) by a dense inverse.  What the shared columns
feel of a path is then ``V' K V`` with V sparse, a few entries in each row of K, so that adding up all paths costs a few sparse products
instead of a factorisation of what couples them.  Equations among the shared columns (a stock is what it was and what was added) are solved
for as many of them; the rest is one dense positive definite system, the same size whatever the number of paths.

The method is that of J. R. Birge and L. Qi, Computing block-angular Karmarkar projections with applications to stochastic programming,
Management Science 34 (1988) 1472–1479; keeping V and K apart is what makes it fast where the first stage is large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack
from scipy.sparse import _sparsetools

from offtake.executors import side_by_side
from offtake.lp.cholesky import NotDefiniteError, cholesky
from offtake.lp.patterns import Products, Transposed, numbers_in, pairs_within
from offtake.lp.sparse import totals
from offtake.lp.stock_basis import stock_basis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from offtake.lp.sparse import Floats, Ints

_FEW = 14  # neighbours up to which a row is eliminated by a division
_GROUPS = 4  # paths are added up in as many groups, whatever the number of cores, so that sums do not depend on it
_WIDTH = 256  # columns added at a time: what they read then stays in a core's cache


class Arrowhead:
    """The systems of one program; :meth:`factor` with the diagonal, then :meth:`solve` as often as wanted.

    Parameters
    ----------
    matrix : float64[row, column]                  sparse; rows are equations, slacks among the columns
    path_of_column, path_of_row : int64[…]         -1 = shared; rows of a path read its own and shared columns, shared rows shared ones

    Raises
    ------
    offtake.lp.stock_basis.DependentError      the shared equations depend on each other
    """

    def __init__(self, matrix: sp.csr_array, path_of_column: Ints, path_of_row: Ints) -> None:
        """Find out once what stays the same at every step."""
        self.matrix, self.transposed = matrix, matrix.T.tocsr()
        self.own, self.shared = np.flatnonzero(path_of_column >= 0), np.flatnonzero(path_of_column < 0)
        by_path = np.argsort(path_of_row, kind="stable")
        self.rows, self.shared_rows = by_path[path_of_row[by_path] >= 0], np.flatnonzero(path_of_row < 0)
        self.paths = int(path_of_row.max(initial=-1)) + 1
        mine = matrix[self.rows]
        self._a, self._b = mine[:, self.own].tocsr(), mine[:, self.shared].tocsr()
        self._at, self._bt = self._a.T.tocsr(), self._b.T.tocsr()
        self._divide(path_of_row[self.rows])
        self._meet(matrix[self.shared_rows][:, self.shared].tocsr())

    def _divide(self, path: Ints) -> None:
        """Tell the rows that are eliminated by a division (light) from those that stay (kernel), and lay out both."""
        light = _independent(self._a)
        self._light, self._kernel = np.flatnonzero(light), np.flatnonzero(~light)
        of_light, of_kernel = self._a[self._light], self._a[self._kernel]
        at = np.searchsorted(path[self._kernel], np.arange(self.paths + 1))
        self._first, self._count = at[:-1], np.diff(at)
        self._wide = int(self._count.max(initial=0))
        self._path_of_kernel = path[self._kernel]
        self._place = np.arange(len(self._kernel)) - self._first[self._path_of_kernel]
        self._squares = of_light.power(2)
        self._u = Products(of_kernel, of_light)
        self._k = Products(of_kernel, of_kernel)
        row, column = self._k.row, self._k.column
        self._k_lower = np.flatnonzero(row >= column)
        self._k_cell = self._cell(row[self._k_lower], column[self._k_lower])
        self._u_columns = Transposed(self._u.pattern)
        first, second = pairs_within(self._u_columns.pointer)
        kernel = self._u_columns.index
        lower = kernel[first] >= kernel[second]
        self._pair = first[lower], second[lower]
        self._pair_light = self._u_columns.owner[first[lower]]
        self._pair_cell = self._cell(kernel[first[lower]], kernel[second[lower]])
        self._pads = np.flatnonzero(np.arange(self._wide) >= self._count[:, None])

    def _cell(self, row: Ints, column: Ints) -> Ints:
        """Return the number of a pair of kernel rows in the stack of all paths' squares."""
        found: Ints = (self._path_of_kernel[row] * self._wide + self._place[row]) * self._wide + self._place[column]
        return found

    def _meet(self, a_0: sp.csr_array) -> None:
        """Lay out what paths feel of the shared columns, and solve the shared equations for some of these."""
        self._linked = np.unique(self._b.indices)
        of_light, of_kernel = (
            self._b[self._light][:, self._linked].tocsr(),
            self._b[self._kernel][:, self._linked].tocsr(),
        )
        self._v = sp.csr_array(abs(of_kernel) + abs(self._u.pattern) @ abs(of_light))
        self._v.sort_indices()
        self._v_base = np.zeros(self._v.nnz)
        self._v_base[numbers_in(self._v, *of_kernel.nonzero())] = of_kernel.data
        width = np.diff(of_light.indptr)[self._u_columns.owner]
        entry = np.repeat(np.arange(len(width)), width)
        link = (
            of_light.indptr[self._u_columns.owner[entry]]
            + np.arange(len(entry))
            - np.repeat(np.cumsum(width) - width, width)
        )
        self._v_from = entry, self._u_columns.owner[entry], of_light.data[link]
        self._v_cell = numbers_in(self._v, self._u_columns.index[entry], of_light.indices[link])
        self._v_by_path = tuple(self._columns_of(path) for path in range(self.paths))
        light_t = of_light.T.tocsr()
        self._direct = Products(light_t, light_t)
        linked = np.zeros(len(self.shared), dtype=np.bool_)
        linked[self._linked] = True
        self._basis = stock_basis(a_0, linked)
        t = self._basis.space
        self._t, self._tt = t, t.T.tocsr()
        self._reads = t[self._linked].T.tocsr()
        self._bounds = Products(self._tt, self._tt)

    def _columns_of(self, path: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Ints]:
        """Return one path's part of V by shared column: pointer, kernel row in the path, and number of each entry in V."""
        rows = slice(self._first[path], self._first[path] + self._count[path])
        entry = np.arange(self._v.indptr[rows.start], self._v.indptr[rows.stop])
        kernel = np.repeat(np.arange(self._count[path]), np.diff(self._v.indptr[rows.start : rows.stop + 1]))
        order = np.argsort(self._v.indices[entry], kind="stable")
        pointer = np.zeros(len(self._linked) + 1, dtype=np.int32)
        np.cumsum(np.bincount(self._v.indices[entry], minlength=len(self._linked)), out=pointer[1:])
        return pointer, kernel[order].astype(np.int32), entry[order]

    def factor(self, diagonal: Floats, *, added: float) -> None:
        """Take the diagonal D of a step; float64[column], > 0 for the columns of paths.

        Parameters
        ----------
        added : float     to the diagonal of each row of a path, against rounding

        Raises
        ------
        offtake.lp.cholesky.NotDefiniteError     more must be added
        """
        self._diagonal = diagonal
        weight = 1.0 / diagonal[self.own]
        self._over = 1.0 / (self._squares @ weight + added)
        u = self._u.fill(weight)
        across = u[self._u_columns.order]
        entry, light, link = self._v_from
        self._v.data = self._v_base - totals(self._v_cell, across[entry] * link * self._over[light], self._v.nnz)
        cells = self.paths * self._wide**2
        taken = across[self._pair[0]] * across[self._pair[1]] * self._over[self._pair_light]
        stack = totals(self._pair_cell, -taken, cells)
        stack[self._k_cell] += self._k.fill(weight)[self._k_lower]
        self._inverse = stack.reshape(self.paths, self._wide, self._wide)
        every = np.arange(self._wide)
        self._inverse[:, every, every] += added
        self._inverse[self._pads // self._wide, self._pads % self._wide, self._pads % self._wide] = 1.0
        self._factor_shared(self._felt())

    def _felt(self) -> Floats:
        """Return what the linked shared columns feel of all paths, the lower half of a square; inverts the kernels on the way."""
        size = len(self._linked)
        parts = side_by_side(self._add_up, range(min(_GROUPS, self.paths)))
        felt = np.zeros((size, size))
        for number, at in enumerate(range(0, size, _WIDTH)):
            strip = felt[at:, at : at + _WIDTH]
            for part in parts:
                strip += part[number].reshape(strip.shape)
        felt[self._direct.row, self._direct.column] += self._direct.fill(self._over)
        for at in range(0, size, _WIDTH):
            stop = at + _WIDTH
            square = np.tril(felt[at:stop, at:stop])
            felt[at:stop, at:stop] = square + np.tril(square, -1).T
            felt[at:stop, stop:] = felt[stop:, at:stop].T
        return felt

    def _add_up(self, group: int) -> list[Floats]:
        """Invert the kernels of a group's paths and add up ``V' K V`` in strips of columns, each from its diagonal down."""
        size = len(self._linked)
        strips = [np.zeros((size - at) * min(_WIDTH, size - at)) for at in range(0, size, _WIDTH)]
        for path in range(group, self.paths, _GROUPS):
            inverse, count = self._invert(path), int(self._count[path])
            pointer, kernel, entry = self._v_by_path[path]
            value = self._v.data[entry]
            across = np.zeros((size, count))
            _sparsetools.csr_matvecs(size, count, count, pointer, kernel, value, inverse.ravel(), across.ravel())
            for strip, at in zip(strips, range(0, size, _WIDTH), strict=True):
                part = np.ascontiguousarray(across[at : at + _WIDTH].T)
                # It adds to what is there, which the public product cannot.
                _sparsetools.csr_matvecs(
                    size - at, count, part.shape[1], pointer[at:], kernel, value, part.ravel(), strip
                )
        return strips

    def _invert(self, path: int) -> Floats:
        """Replace a path's kernel by its inverse; return it without padding."""
        count = int(self._count[path])
        if count == 0:
            return np.zeros((0, 0))
        factor, failed = lapack.dpotrf(self._inverse[path].T, lower=0)
        if failed:
            raise NotDefiniteError
        inverse = lapack.dpotri(factor, lower=0)[0]
        upper = np.triu(inverse)
        self._inverse[path] = upper + np.triu(upper, 1).T
        return np.ascontiguousarray(self._inverse[path, :count, :count])

    def _factor_shared(self, felt: Floats) -> None:
        """Factorise the system of the free shared columns."""
        self._felt_by = felt
        system = self._read(self._read(felt).T)
        system[self._bounds.row, self._bounds.column] += self._bounds.fill(self._diagonal[self.shared])
        cholesky(system)
        self._system = system

    def _read(self, square: Floats) -> Floats:
        """Multiply what the free shared columns read of the linked ones with a square, in strips side by side."""
        strips = [np.ascontiguousarray(square[:, at : at + _WIDTH]) for at in range(0, square.shape[1], _WIDTH)]
        out = np.empty((self._reads.shape[0], square.shape[1]))

        def fill(number: int) -> None:
            out[:, number * _WIDTH : (number + 1) * _WIDTH] = self._reads @ strips[number]

        side_by_side(fill, range(len(strips)))
        return out

    def solve(self, r: Floats, g: Floats) -> tuple[Floats, Floats]:
        """Return (dx, dy) with ``A dx = r`` and ``A' dy - D dx = g``; float64[column], float64[row]."""
        d, shared = self._diagonal, self.shared
        d_own, d_shared = d[self.own], d[shared]
        q = self._paths(r[self.rows] + self._a @ (g[self.own] / d_own))
        start = self._basis.particular(r[self.shared_rows])
        push = self._bt @ q - g[shared] - d_shared * start
        push[self._linked] -= self._felt_by @ start[self._linked]
        free = lapack.dpotrs(self._system.T, self._tt @ push, lower=0)[0]
        dx, dy = np.empty(len(d)), np.empty(len(r))
        dx[shared] = self._t @ free + start
        dy[self.rows] = q - self._paths(self._b @ dx[shared])
        dx[self.own] = (self._at @ dy[self.rows] - g[self.own]) / d_own
        dy[self.shared_rows] = self._basis.prices(g[shared] + d_shared * dx[shared] - self._bt @ dy[self.rows])
        return dx, dy

    def _paths(self, h: Floats) -> Floats:
        """Solve the rows of all paths with the shared columns held; float64[row of a path]."""
        light, padded = h[self._light], np.zeros((self.paths, self._wide))
        padded[self._path_of_kernel, self._place] = h[self._kernel] - self._u.pattern @ (self._over * light)
        kernel = np.matmul(self._inverse, padded[:, :, None])[self._path_of_kernel, self._place, 0]
        out = np.empty_like(h)
        out[self._kernel] = kernel
        out[self._light] = self._over * (light - self._u.transposed() @ kernel)
        return out


def _independent(a: sp.csr_array) -> NDArray[np.bool_]:
    """Return rows of which no two read the same column, those with few neighbours first."""
    alike = sp.csr_array(abs(a) @ abs(a).T)
    pointer, index = alike.indptr.tolist(), alike.indices
    neighbours = np.diff(alike.indptr) - 1
    free = np.ones(a.shape[0], dtype=np.bool_)
    chosen = np.zeros(a.shape[0], dtype=np.bool_)
    for row in _from_fewest(neighbours):
        if free[row]:
            free[index[pointer[row] : pointer[row + 1]]] = False
            chosen[row] = True
    return chosen


def _from_fewest(neighbours: Ints) -> Iterator[int]:
    """Yield the rows with few neighbours, those with fewest first."""
    few = np.flatnonzero(neighbours <= _FEW)
    yield from few[np.argsort(neighbours[few], kind="stable")].tolist()
