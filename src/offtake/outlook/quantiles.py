"""Quantiles over paths with probabilities: what half, a tenth, nine tenths of the probability lie below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Float = NDArray[np.float64]

__all__ = ["FAN_LEVELS", "dot_levels", "quantiles"]

FAN_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Levels of a fan: the middle 80 % and the middle 50 %, around the median."""

_REACHED = 1e-9
"""A level counts as reached where rounding alone keeps the sum of probabilities below it."""


def quantiles(values: Float, probability: Float, levels: Sequence[float]) -> Float:
    """Return the smallest values that at least a given share of the probability does not exceed.

    Every quantile is a value of some path, so that a law of a few values keeps to them; equal paths and their order do not matter.

    Parameters
    ----------
    values : float64[path, ...]
    probability : float64[path]     sums to 1
    levels : sequence of float      between 0 and 1

    Returns
    -------
    float64[level, ...]

    Raises
    ------
    ValueError                      a level outside 0..1, or probabilities of another number of paths

    Examples
    --------
    >>> quantiles(np.array([6.0, 0.0, 3.0]), np.array([0.2, 0.5, 0.3]), (0.1, 0.5, 0.51, 1.0)).tolist()
    [0.0, 0.0, 3.0, 6.0]
    """
    if values.shape[:1] != probability.shape or not len(values):
        msg = f"values of shape {values.shape} and probabilities of shape {probability.shape}"
        raise ValueError(msg)
    if not all(0.0 <= level <= 1.0 for level in levels):
        msg = f"levels lie between 0 and 1, not {tuple(levels)}"
        raise ValueError(msg)
    flat = values.reshape(len(values), -1)
    order = np.argsort(flat, axis=0, kind="stable")
    ranked = np.take_along_axis(flat, order, axis=0)
    reached = np.cumsum(probability[order], axis=0)
    found = np.empty((len(levels), flat.shape[1]))
    for k, level in enumerate(levels):
        at = np.minimum((reached < level - _REACHED).sum(axis=0), len(values) - 1)
        found[k] = ranked[at, np.arange(flat.shape[1])]
    return found.reshape(len(levels), *values.shape[1:])


def dot_levels(count: int = 20) -> tuple[float, ...]:
    """Return the levels of a quantile dot plot: the middles of `count` equal shares.

    Examples
    --------
    >>> dot_levels(4)
    (0.125, 0.375, 0.625, 0.875)
    """
    return tuple((k + 0.5) / count for k in range(count))
