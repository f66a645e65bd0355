"""Factorise a dense positive definite matrix on several threads, each of which calls the BLAS for itself.

To be called within offtake.executors.one_thread: a BLAS that starts threads of its own waits in loops where other work has the cores, and
then takes ten times as long as on one; and its last digits depend on how many it starts, those of this module do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.linalg import lapack

from offtake.executors import side_by_side

if TYPE_CHECKING:
    from offtake.lp.sparse import Floats

_BLOCK = 192


class NotDefiniteError(Exception):
    """A matrix lost its definiteness to rounding: more must be added to its diagonal."""


def cholesky(a: Floats) -> None:
    """Replace the lower half of a by its factor L with ``L L' = a``; the upper half is not looked at.

    Parameters
    ----------
    a : float64[n, n]     row by row

    Raises
    ------
    NotDefiniteError

    Examples
    --------
    >>> import numpy as np
    >>> a = np.array([[4.0, 0.0], [2.0, 5.0]])
    >>> cholesky(a)
    >>> a.tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    size = len(a)
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        factor, failed = lapack.dpotrf(a[start:stop, start:stop], lower=1)
        if failed:
            raise NotDefiniteError
        a[start:stop, start:stop] = factor
        if stop == size:
            return
        below = lapack.dtrtrs(factor, a[stop:, start:stop].T, lower=1)[0].T
        a[stop:, start:stop] = below

        def subtract(at: int, below: Floats = below, stop: int = stop) -> None:
            end = min(at + _BLOCK, size)
            a[at:, at:end] -= below[at - stop :] @ below[at - stop : end - stop].T

        side_by_side(subtract, range(stop, size, _BLOCK))
