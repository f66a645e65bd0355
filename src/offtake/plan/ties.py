"""Decisions that several paths share: one column read by every path that cannot yet be told apart from the others.

Non-anticipativity by shared columns: the block of a tied decision has columns only for the path that represents a node of the tree, and
every path of the node reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.lp.affine import Affine
    from offtake.plan.problem import Bool, Int


def own(rep: Int) -> Bool:
    """Which paths (and periods) have columns of their own : bool[path] or bool[path, period].

    Examples
    --------
    >>> own(np.array([[0, 0], [0, 1]])).tolist()     # the second path shares the first period with the first
    [[True, True], [False, True]]
    """
    each = np.arange(len(rep)).reshape(-1, *[1] * (rep.ndim - 1))
    mine: Bool = rep == each
    return mine


def shared(decision: Affine, rep: Int) -> Affine:
    """Read each path's decision off the path that it shares it with.

    Parameters
    ----------
    decision : Affine[path, …] or [path, period, …]
    rep : int64[path] or [path, period]     number of that path
    """
    if own(rep).all():
        return decision
    if rep.ndim == 1:
        return decision[rep]
    return decision[rep, np.arange(rep.shape[1])[None, :]]


def period_of(on: Intervals, grid: Intervals) -> Int:
    """Return the period in which each interval begins, the first or last one outside the grid : int64[interval].

    Examples
    --------
    >>> from datetime import date
    >>> from offtake.dates import Intervals
    >>> grid = Intervals.every(6, date(2027, 1, 1), date(2029, 1, 1))
    >>> period_of(Intervals.every(12, date(2027, 1, 1), date(2030, 1, 1)), grid).tolist()
    [0, 2, 3]
    """
    begun = np.searchsorted(
        [day.toordinal() for day in grid.starts], [day.toordinal() for day in on.starts], side="right"
    )
    found: Int = np.clip(begun - 1, 0, len(grid) - 1).astype(np.int64)
    return found


def tied_to_now(rep: Int) -> Bool:
    """In which periods all paths share one decision : bool[period]."""
    now: Bool = (rep == rep[:1]).all(axis=0)
    return now
