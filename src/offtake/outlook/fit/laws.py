"""Small samples of sizes and counts: lognormal sizes and Poisson rates, with 80 % intervals that hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.outlook.fit.reversion import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Float = NDArray[np.float64]

__all__ = ["Estimate", "Sizes", "exponential_mean", "rate", "share", "sizes", "spread_of", "weighted"]

_TAIL = (1.0 - LEVEL) / 2.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 80 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """A lognormal law: median and standard deviation of the logarithm."""

    median: Estimate
    spread: Estimate
    points: int


def sizes(values: Sequence[float]) -> Sizes:
    """Fit a lognormal law to positive sizes, exact intervals (Student, χ²).

    Examples
    --------
    >>> sizes([1.0, 2.0, 4.0]).median.value
    2.0
    """
    from scipy.stats import t

    logs = np.log(np.asarray(values, dtype=np.float64))
    spread = spread_of(logs)
    middle, reach = float(logs.mean()), float(t.ppf(1.0 - _TAIL, len(logs) - 1)) * spread.value / math.sqrt(len(logs))
    return Sizes(
        median=Estimate(round(math.exp(middle), 12), math.exp(middle - reach), math.exp(middle + reach)),
        spread=spread, points=len(logs),
    )  # fmt: skip


def spread_of(values: Sequence[float] | Float) -> Estimate:
    """Return the standard deviation of normal values with its χ² interval."""
    from scipy.stats import chi2

    x = np.asarray(values, dtype=np.float64)
    free = len(x) - 1
    if free < 1:
        msg = f"a spread needs at least two values, got {len(x)}"
        raise ValueError(msg)
    squares = float(((x - x.mean()) ** 2).sum())
    return Estimate(
        math.sqrt(squares / free),
        math.sqrt(squares / float(chi2.ppf(1.0 - _TAIL, free))),
        math.sqrt(squares / float(chi2.ppf(_TAIL, free))),
    )


def weighted(values: Float, weight: Float) -> Estimate:
    """Return median and 80 % interval of values with weights that sum to one.

    Examples
    --------
    >>> weighted(np.array([3.0, 1.0, 2.0]), np.array([0.2, 0.2, 0.6]))
    Estimate(value=2.0, low=1.0, high=3.0)
    """
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weight[order])
    low, middle, high = (
        float(values[order[min(int(np.searchsorted(upto, p)), len(values) - 1)]]) for p in (_TAIL, 0.5, 1.0 - _TAIL)
    )
    return Estimate(middle, low, high)


def exponential_mean(values: Sequence[float]) -> Estimate:
    """Return the mean of exponential sizes with its exact χ² interval.

    Examples
    --------
    >>> found = exponential_mean([1.0, 2.0, 3.0])
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (2.0, 1.13, 5.44)
    """
    from scipy.stats import chi2

    count, total = len(values), float(sum(values))
    return Estimate(
        total / count,
        2.0 * total / float(chi2.ppf(1.0 - _TAIL, 2 * count)),
        2.0 * total / float(chi2.ppf(_TAIL, 2 * count)),
    )


def rate(count: int, exposure: float) -> Estimate:
    """Return events per unit of exposure with Garwood's exact interval; for no events, the value that half of the chance lies under.

    Examples
    --------
    >>> found = rate(4, 2.0)
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (2.0, 0.87, 4.0)
    """
    from scipy.stats import chi2

    low = float(chi2.ppf(_TAIL, 2 * count)) / 2.0 if count else 0.0
    high = float(chi2.ppf(1.0 - _TAIL, 2 * count + 2)) / 2.0
    value = float(count) if count else float(chi2.ppf(0.5, 1)) / 2.0  # the median under Jeffreys' prior
    return Estimate(value / exposure, low / exposure, high / exposure)


def share(count: int, of: int) -> Estimate:
    """Return a probability from `count` in `of` trials with the exact interval of Clopper and Pearson.

    Examples
    --------
    >>> found = share(0, 12)
    >>> found.low, round(found.high, 2)
    (0.0, 0.17)
    """
    from scipy.stats import beta

    low = float(beta.ppf(_TAIL, count, of - count + 1)) if count else 0.0
    high = float(beta.ppf(1.0 - _TAIL, count + 1, of - count)) if count < of else 1.0
    value = count / of if 0 < count < of else float(beta.ppf(0.5, count + 0.5, of - count + 0.5))
    return Estimate(value, low, high)
