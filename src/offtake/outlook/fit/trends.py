"""Growth fitted to few dated levels: drift, its spread over companies, and whether it declines.

Model: log level = a + g t − ½ d t² + σ B(t) + s e, with Brownian motion B and a reading error e. For the share of the variance that is
reading error everything else is generalised least squares, closed form; the share is found on a grid by restricted likelihood.
"""

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

__all__ = ["Drift", "Pool", "drift", "pooled"]

_SHARES = 0.975 * np.linspace(0.0, 1.0, 40) ** 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Growth of one series; logarithms, years.

    Attributes
    ----------
    growth, growth_se : float [1/y]       log growth: at the first date where a decline is fitted, over the whole otherwise
    decline, decline_se : float [1/y²]    by how much log growth falls each year; 0 and infinite where not fitted
    volatility : float [y^-1/2]           σ: standard deviation of log growth that a year adds
    noise : float                         s: standard deviation of a reading, as a logarithm
    free : int                            degrees of freedom of the spread
    points : int
    level : float                         fitted log level at the last date
    level_se : float
    """

    growth: float
    growth_se: float
    decline: float
    decline_se: float
    volatility: float
    noise: float
    free: int
    points: int
    level: float
    level_se: float

    def interval(self, value: float, error: float) -> tuple[float, float]:
        """Return the 80 % interval of an estimate with a standard error."""
        from scipy.stats import t

        reach = float(t.ppf(0.5 + LEVEL / 2.0, self.free)) * error
        return value - reach, value + reach

    def ahead(self, years: float, *, extra: float = 0.0) -> tuple[float, float, float]:
        """Return (low, middle, high) of the log level `years` after the last date, as it would be read: 80 %.

        `extra` [1/y] is a further standard deviation of growth, as the spread over companies.
        """
        middle = self.level + self.growth * years
        variance = (
            self.level_se**2 + (self.growth_se**2 + extra**2) * years**2 + self.volatility**2 * years + self.noise**2
        )
        low, high = self.interval(middle, math.sqrt(variance))
        return low, middle, high


def drift(years: Sequence[float], logs: Sequence[float], *, declining: bool = False) -> Drift:
    """Fit growth to dated log levels.

    Parameters
    ----------
    years : float[point]     dates as years, in order; two may be equal (then the reading error is seen)
    logs : float[point]      log of the level
    declining : bool         fit a decline of growth too (one degree of freedom)

    Returns
    -------
    Drift : averages over the share of reading error, each weighted by its restricted likelihood.

    Examples
    --------
    >>> found = drift([0, 1, 2, 3, 4], [0.0, 1.1, 1.9, 3.0, 4.05])
    >>> round(found.growth, 1), found.free
    (1.0, 3)
    """
    t = np.asarray(years, dtype=np.float64)
    y = np.asarray(logs, dtype=np.float64)
    t = t - t[0]
    columns = [np.ones_like(t), t] + ([-0.5 * t**2] if declining else [])
    design = np.stack(columns, axis=1)
    free = len(t) - design.shape[1]
    if free < 2:
        msg = f"growth needs at least {design.shape[1] + 2} points, got {len(t)}"
        raise ValueError(msg)
    scale = max(
        t[-1] / (len(t) - 1), 1e-9
    )  # a step's worth of Brownian variance is as much as one unit of reading error
    found = [_at(design, t, y, float(share), scale) for share in _SHARES]
    likelihood = np.array([one.likelihood for one in found])
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()
    values = np.array([one.values for one in found])
    mean = weight @ values
    errors = np.sqrt(weight @ (np.array([one.variances for one in found]) + (values - mean) ** 2))
    moved, read = (float(weight @ np.array([one.parts[k] for one in found])) for k in (0, 1))
    return Drift(
        growth=float(mean[0]), growth_se=float(errors[0]), level=float(mean[1]), level_se=float(errors[1]),
        decline=float(mean[2]) if declining else 0.0, decline_se=float(errors[2]) if declining else math.inf,
        volatility=math.sqrt(moved / scale), noise=math.sqrt(read), free=free, points=len(t),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Solved:
    """The fit at one share of reading error: values and variances are of (growth, last level, decline where fitted)."""

    likelihood: float
    values: Float
    variances: Float
    parts: tuple[float, float]


def _at(design: Float, t: Float, y: Float, share: float, scale: float) -> _Solved:
    """Solve generalised least squares at one share of reading error; the last level is the level behind the last reading."""
    floor = 1e-6  # equal dates without reading error would be singular
    true = (1.0 - share) / scale * np.minimum(t[:, None], t[None, :])
    covariance = true + max(share, floor) * np.eye(len(t))
    inverse = np.linalg.inv(covariance)
    information = design.T @ inverse @ design
    spread = np.linalg.inv(information)
    beta = spread @ design.T @ inverse @ y
    left = y - design @ beta
    free = len(t) - design.shape[1]
    variance = max(float(left @ inverse @ left) / free, 1e-12)
    determinants = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
    gain = inverse @ true[-1]  # kriging: what the readings near the end say about the level there
    rest = design[-1] - design.T @ gain
    level = float(design[-1] @ beta + gain @ left)
    level_variance = variance * max(float(true[-1, -1] - true[-1] @ gain + rest @ spread @ rest), 0.0)
    values = [beta[1], level, *beta[2:]]
    variances = [variance * spread[1, 1], level_variance, *(variance * np.diag(spread)[2:])]
    return _Solved(
        float(-0.5 * (free * math.log(variance) + determinants)), np.array(values), np.array(variances),
        (variance * (1.0 - share), variance * share),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Several estimates of one kind of thing: what they share and how they differ.

    Attributes
    ----------
    mean, se : float                       of the population, 80 % interval in `low` and `high`
    low, high : float
    between, between_low, between_high : float   standard deviation between the members, with its interval
    members : int
    """

    mean: float
    se: float
    low: float
    high: float
    between: float
    between_low: float
    between_high: float
    members: int


def pooled(values: Sequence[float], errors: Sequence[float]) -> Pool:
    """Pool estimates with standard errors: the spread between them by Paule and Mandel, its interval by the Q profile.

    Examples
    --------
    >>> pooled([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]).mean
    2.0
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2, t

    y, v = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64) ** 2
    free = len(y) - 1
    if free < 1:
        msg = f"pooling needs at least two estimates, got {len(y)}"
        raise ValueError(msg)

    def q(tau2: float) -> float:
        weights = 1.0 / (v + tau2)
        return float(weights @ (y - weights @ y / weights.sum()) ** 2)

    def solved(target: float) -> float:
        if q(0.0) <= target:
            return 0.0
        top = 1.0
        while q(top) > target:
            top *= 4.0
        return math.sqrt(float(brentq(lambda tau2: q(tau2) - target, 0.0, top)))

    tail = (1.0 - LEVEL) / 2.0
    between = solved(float(free))
    weights = 1.0 / (v + between**2)
    mean = float(weights @ y / weights.sum())
    # Knapp and Hartung: the error of the mean from the scatter that is there, never smaller than what the members' errors give
    error = math.sqrt(max(q(between**2) / free, 1.0) / float(weights.sum()))
    reach = float(t.ppf(0.5 + LEVEL / 2.0, free)) * error
    return Pool(
        mean=mean, se=error, low=mean - reach, high=mean + reach, between=between,
        between_low=solved(float(chi2.ppf(1.0 - tail, free))), between_high=solved(float(chi2.ppf(tail, free))), members=len(y),
    )  # fmt: skip
