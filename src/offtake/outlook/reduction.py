"""Fewer paths that stand for many: forward selection, each dropped path's probability carried to the nearest kept one.

Paths are compared by what they do: the logarithm of factors, and months of delay over `LIKE_E_MONTHS`, periods weighted by their
length. A quantity that moves little tells paths little apart, however it is spread within that little. The distance is Euclidean; the
kept paths are chosen one after another so that the mean distance to the nearest kept path falls most (fast forward selection).

References
----------
Heitsch and Römisch, "Scenario Reduction Algorithms in Stochastic Programming", Computational Optimization and Applications 24
(2003) 187-206, algorithm 2.4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.outlook.futures import Futures

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = ["additive", "features", "reduced"]

_LEAST_FACTOR = 1e-3
"""A smaller factor counts as this one: what falls to a thousandth is gone, and gone altogether is no further away."""

_DIGITS = 12
"""Decimals of a distance, which is of the order of one, that count: the rest is rounding and must not decide a tie."""

LIKE_E_MONTHS = 48.0
"""Months late that count like a factor of e (assumption): what lasts five years and comes two late has lost two fifths, as if by a factor
of e^(-1/2)."""


def reduced(futures: Futures, paths: int, *, grid: Grid | None = None) -> Futures:
    """Keep the given number of paths, as near to all of them as forward selection finds; ties go to the lower path number.

    Parameters
    ----------
    futures : Futures
    paths : int            how many to keep, at least 1; all of them where there are no more
    grid : Grid            weights the periods by their length; alike without it

    Returns
    -------
    Futures                the kept paths in rising order, with their own probability and that of the paths they stand for

    Raises
    ------
    ValueError             fewer than one path is asked for

    Examples
    --------
    Of three equally likely demands, two near each other, the middle one stands for both:

    >>> import numpy as np
    >>> from offtake.outlook.futures import Futures
    >>> three = Futures(
    ...     quantities=("demand",), targets=(("demand.*.volume",),), measures=("factor",),
    ...     effect=np.array([[[0.5]], [[1.0]], [[1.1]]]), probability=np.full(3, 1 / 3),
    ...     innovations=np.array([[-1.0], [0.0], [0.2]]), known=np.array([1]),
    ... )
    >>> two = reduced(three, 2)
    >>> two.effect.ravel().tolist(), two.probability.round(3).tolist()
    ([0.5, 1.0], [0.333, 0.667])
    """
    if paths < 1:
        msg = f"at least one path must be kept, not {paths}"
        raise ValueError(msg)
    if paths >= len(futures):
        return futures
    distance = _distances(features(futures, grid=grid))
    chance = futures.probability
    kept: list[int] = []
    nearest = np.full(len(futures), np.inf)
    for _ in range(paths):
        # Mean distance to the nearest kept path, were path u kept too.
        mean = np.round(chance @ np.minimum(nearest[:, None], distance), _DIGITS)
        mean[kept] = np.inf
        kept.append(int(np.argmin(mean)))
        nearest = np.minimum(nearest, distance[:, kept[-1]])
    chosen = np.array(sorted(kept), dtype=np.int64)
    heir = np.argmin(distance[:, chosen], axis=1)
    heir[chosen] = np.arange(paths)  # a kept path stands for itself, though another be equal to it
    carried: Float = np.bincount(heir, weights=chance, minlength=paths).astype(np.float64)
    return replace(futures.only(chosen), probability=carried)


def additive(futures: Futures) -> Float:
    """Return effects on a scale on which differences add: logarithms of factors, months as they are : float64[path, quantity, period]."""
    factor = np.array([measure == "factor" for measure in futures.measures], dtype=np.bool_)
    values = futures.effect.copy()
    values[:, factor] = np.log(np.maximum(values[:, factor], _LEAST_FACTOR))
    return values


def features(futures: Futures, *, grid: Grid | None = None, first_period: int = 0) -> Float:
    """Return what tells the paths apart : float64[path, quantity × period].

    Squared differences summed over a row are squared differences of the quantities, months over `LIKE_E_MONTHS`, averaged over the
    periods from `first_period` on by their length.
    """
    weight = _weights(futures, grid)
    weight[:first_period] = 0.0
    weight /= weight.sum()
    scale = np.array([LIKE_E_MONTHS if measure == "months" else 1.0 for measure in futures.measures])
    values: Float = additive(futures) / scale[None, :, None] * np.sqrt(weight)
    return values[:, :, first_period:].reshape(len(futures), -1)


def _weights(futures: Futures, grid: Grid | None) -> Float:
    periods = futures.effect.shape[2]
    if grid is None:
        return np.full(periods, 1.0 / periods)
    if len(grid) != periods:
        msg = f"the futures have {periods} periods and the grid has {len(grid)}"
        raise ValueError(msg)
    weight: Float = grid.days / grid.days.sum()
    return weight


def _distances(points: Float) -> Float:
    """Return the Euclidean distance of every pair of rows : float64[row, row]."""
    from scipy.spatial.distance import cdist

    distance: Float = np.round(cdist(points, points), _DIGITS)
    return distance
