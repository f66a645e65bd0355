"""Confidence intervals of means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = NDArray[np.float64]

__all__ = ["interval", "upper_limit"]


def interval(values: Float, *, level: float = 0.95) -> tuple[float, float]:
    """Two-sided confidence interval of the mean of independent values, by Student's t; infinite with fewer than two.

    Examples
    --------
    >>> low, high = interval(np.array([1.0, 2.0, 3.0]))      # 2 ± 4.303 × 1 / √3
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    half = _half(values, 0.5 + level / 2.0)
    mean = float(np.mean(values))
    return mean - half, mean + half


def upper_limit(values: Float, *, level: float = 0.95) -> float:
    """One-sided upper confidence limit of the mean of independent values.

    Examples
    --------
    >>> round(upper_limit(np.array([1.0, 2.0, 3.0])), 3)     # 2 + 2.920 × 1 / √3
    3.686
    """
    return float(np.mean(values)) + _half(values, level)


def _half(values: Float, quantile: float) -> float:
    from scipy.special import stdtrit

    count = len(values)
    if count < 2:
        return math.inf
    return float(stdtrit(count - 1, quantile) * np.std(values, ddof=1) / math.sqrt(count))
