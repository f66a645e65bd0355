"""Solve the linear systems of an interior point in a program of many paths, exploiting that paths meet in shared columns only.

With the rows of paths written ``A x_p + B x_0 = b`` and the shared ones ``A_0 x_0 = b_0``, a step (dx, dy) of an interior point obeys

    A dx = r,    A' dy - D dx = g

with D diagonal and positive.  Each path's rows are eliminated in two parts: rows that meet few others (the use of one chip in one period,
then the power of one site) by a division each, what remains (balances, training: some hundred rows a path) by a dense inverse K.  What the
shared columns feel of a path is then ``V' K V`` with V sparse, a few entries for each shared column, so that adding up all paths costs a
few sparse products instead of a factorisation of what couples them.  Equations among the shared columns (a stock is what it was and what
was added) are solved for as many of them; the rest is one dense positive definite system, the same size whatever the number of paths.

The method is that of J. R. Birge and L. Qi, Computing block-angular Karmarkar projections with applications to stochastic programming,
Management Science 34 (1988) 1472–1479; keeping V and K apart is what makes it fast where the first stage is large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import _sparsetools

from offtake.executors import side_by_side
from offtake.lp.cholesky import NotDefiniteError, cholesky
from offtake.lp.elimination import Places, rounds_of
from offtake.lp.patterns import Products, TooLargeError
from offtake.lp.sparse import totals
from offtake.lp.stock_basis import stock_basis

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from offtake.lp.sparse import Floats, Ints

_GROUPS = 4  # paths are added up in as many groups, whatever the number of cores, so that sums do not depend on it
_MOST = 2**29  # numbers in dense parts, 4 GiB
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
    offtake.lp.patterns.TooLargeError          what is dense would not fit into memory, such as one long path beside many short ones
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
        self._layout(path_of_row[self.rows], matrix[self.shared_rows][:, self.shared].tocsr())

    def _layout(self, path: Ints, a_0: sp.csr_array) -> None:
        """Lay out the rounds of elimination, the kernels that they leave, and what the shared columns are."""
        self._linked = np.unique(self._b.indices)
        links = self._b[:, self._linked].tocoo()
        self._s = Products(self._a, self._a)
        self._s_lower = np.flatnonzero(self._s.row >= self._s.column)
        row, column = self._s.row[self._s_lower], self._s.column[self._s_lower]
        self._s_diagonal = row == column
        places = Places(
            rows=len(path),
            links=len(self._linked),
            row=row,
            column=column,
            linked_row=links.row.astype(np.int64),
            link=links.col.astype(np.int64),
        )
        self._v_start = links.data
        self._rounds = rounds_of(places)
        for one in self._rounds:
            places, path = one.left, path[one.kernel]
        first = np.searchsorted(path, np.arange(self.paths + 1))
        self._count = np.diff(first)
        self._wide = int(self._count.max(initial=0))
        if self.paths * self._wide**2 + len(self.shared) ** 2 > _MOST:
            raise TooLargeError
        self._path_of_kernel, self._place = path, np.arange(len(path)) - first[path]
        self._cell = (path[places.row] * self._wide + self._place[places.row]) * self._wide + self._place[places.column]
        self._pads = np.nonzero(np.arange(self._wide) >= self._count[:, None])
        of_path = path[places.linked_row]
        order = np.lexsort((self._place[places.linked_row], places.link, of_path))
        at = np.searchsorted(of_path[order], np.arange(self.paths + 1))
        self._v_by_path = tuple(self._columns_of(places, order[at[k] : at[k + 1]]) for k in range(self.paths))
        linked = np.zeros(len(self.shared), dtype=np.bool_)
        linked[self._linked] = True
        self._basis = stock_basis(a_0, linked)
        t = self._basis.space
        self._t, self._tt = t, t.T.tocsr()
        self._reads = t[self._linked].T.tocsr()
        self._bounds = Products(self._tt, self._tt)

    def _columns_of(self, places: Places, entry: Ints) -> tuple[NDArray[np.int32], NDArray[np.int32], Ints]:
        """Return one path's part of V by shared column: pointer, kernel row in the path, and number of each entry in V."""
        pointer = np.zeros(len(self._linked) + 1, dtype=np.int32)
        np.cumsum(np.bincount(places.link[entry], minlength=len(self._linked)), out=pointer[1:])
        return pointer, self._place[places.linked_row[entry]].astype(np.int32), entry

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
        s, v = self._s.fill(1.0 / diagonal[self.own])[self._s_lower], self._v_start
        s[self._s_diagonal] += added
        gains = []
        for one in self._rounds:
            s, v, gained = one.down(s, v)
            gains.append(gained)
        self._v = v
        stack = totals(self._cell, s, self.paths * self._wide**2)
        self._inverse = stack.reshape(self.paths, self._wide, self._wide)
        path, place = self._pads
        self._inverse[path, place, place] = 1.0
        self._factor_shared(self._felt(gains))

    def _felt(self, gains: list[Floats]) -> Floats:
        """Return what the linked shared columns feel of all paths; inverts the kernels on the way."""
        size = len(self._linked)
        parts = side_by_side(self._add_up, range(min(_GROUPS, self.paths)))
        felt = np.zeros((size, size))
        for number, at in enumerate(range(0, size, _WIDTH)):
            strip = felt[at:, at : at + _WIDTH]
            for part in parts:
                strip += part[number].reshape(strip.shape)
        for one, gained in zip(self._rounds, gains, strict=True):
            felt[one.met, one.met_by] += gained
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
            value = self._v[entry]
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
        # LAPACK's wrapper does not take a system without columns.
        free = lapack.dpotrs(self._system.T, self._tt @ push, lower=0)[0] if len(self._system) else np.zeros(0)
        dx, dy = np.empty(len(d)), np.empty(len(r))
        dx[shared] = self._t @ free + start
        dy[self.rows] = q - self._paths(self._b @ dx[shared])
        dx[self.own] = (self._at @ dy[self.rows] - g[self.own]) / d_own
        dy[self.shared_rows] = self._basis.prices(g[shared] + d_shared * dx[shared] - self._bt @ dy[self.rows])
        return dx, dy

    def _paths(self, h: Floats) -> Floats:
        """Solve the rows of all paths with the shared columns held; float64[row of a path]."""
        went = []
        for one in self._rounds:
            light, h = one.forward(h)
            went.append(light)
        padded = np.zeros((self.paths, self._wide))
        padded[self._path_of_kernel, self._place] = h
        out: Floats = np.matmul(self._inverse, padded[:, :, None])[self._path_of_kernel, self._place, 0]
        for one, light in zip(reversed(self._rounds), reversed(went), strict=True):
            out = one.back(light, out)
        return out
