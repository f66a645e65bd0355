"""The futures that a plan is made for: drawn, and few of them drawn well.

Six futures of a dozen quantities go together by accident: pairs that ought to be independent, or correlated by a half, come out nearly
equal or opposite, so that futures hedge one another that would not.  Where few are drawn in mirrored strata, many such draws are made and
the one is kept whose futures lie least far from a large sample, by the energy distance of what they do.

References
----------
Székely and Rizzo, "Energy statistics: a class of statistics based on distances", Journal of Statistical Planning and Inference 143 (2013)
1249-1272. Mak and Joseph, "Support points", Annals of Statistics 46 (2018) 2562-2592 (few points that stand for a law by that distance).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.outlook.reduction import features, reduced
from offtake.outlook.sampling import sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.outlook.futures import Futures
    from offtake.spec.outlook import Outlook

    Float = NDArray[np.float64]

__all__ = ["distance", "drawn"]

TRIES = 128
"""Draws of which the best is kept."""
POOL = 512
"""Futures that the draws are compared with."""
FEW = 64
"""Up to so many paths a draw is chosen; more represent themselves."""


def drawn(outlook: Outlook, grid: Grid, *, seed: int, stream: str = "plan") -> Futures:
    """Draw the futures of an outlook: as many as it plans for, or more of which they are chosen.

    Parameters
    ----------
    outlook : Outlook    `paths`, `drawn`, `method`
    grid : Grid
    seed : int ; stream : str    as of `offtake.outlook.sampling.sample`
    """
    if outlook.drawn is None and outlook.method == "latin" and 1 < outlook.paths <= FEW:
        return _best(outlook, grid, seed=seed, stream=stream)
    whole = sample(outlook, grid, paths=outlook.to_draw, seed=seed, stream=stream)
    return reduced(whole, outlook.paths, grid=grid)


def _best(outlook: Outlook, grid: Grid, *, seed: int, stream: str) -> Futures:
    many = outlook.model_copy(update={"method": "random"})
    pool = features(sample(many, grid, paths=POOL, seed=seed, stream=f"{stream}, pool"), grid=grid)
    tries = [sample(outlook, grid, paths=outlook.paths, seed=seed, stream=f"{stream}, try {k}") for k in range(TRIES)]
    apart = [round(distance(features(one, grid=grid), pool), 9) for one in tries]
    return tries[int(np.argmin(apart))]


def distance(few: Float, many: Float) -> float:
    """Energy distance of a few equally likely points from a large sample, less what depends on the sample alone.

    Parameters
    ----------
    few : float64[point, feature] ; many : float64[sample, feature]

    Examples
    --------
    Two points stand better for a sample of -1, 0 and 1 when they lie on both sides:

    >>> many = np.array([[-1.0], [0.0], [1.0]])
    >>> distance(np.array([[-0.8], [0.8]]), many) < distance(np.array([[0.0], [0.1]]), many)
    True
    """
    from scipy.spatial.distance import cdist

    return float(2.0 * cdist(few, many).mean() - cdist(few, few).mean())
