"""Mean reversion fitted to several short series read at uneven times, with reading error.

Model of each series: y(t) = m + x(t) + s e, x an Ornstein–Uhlenbeck process of long-run spread S and half-life H that all series share,
Cov[x(u), x(v)] = S² 2^(−|u − v| / H). For each H and share of reading error, S² and the means are generalised least squares, closed form;
the grid of (H, share) is weighed by the restricted likelihood with a flat prior on log H, which gives median and 80 % interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.outlook.fit.laws import Estimate, weighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Float = NDArray[np.float64]

__all__ = ["SHORTEST", "Wandering", "wandering"]

SHORTEST, LONGEST = 1.0 / 12.0, 4.0
"""Half-lives considered [y]: below a month nothing is left at a plan's periods; above four years two years of data say nothing."""

_HALF_LIVES = np.geomspace(SHORTEST, LONGEST, 40)
_SHARES = np.linspace(0.0, 0.8, 17)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wandering:
    """What the series share.

    Attributes
    ----------
    half_life : Estimate [y]
    spread : Estimate         long-run standard deviation
    noise : float             standard deviation of a reading
    means : tuple of float    of each series
    points, series : int
    """

    half_life: Estimate
    spread: Estimate
    noise: float
    means: tuple[float, ...]
    points: int
    series: int


def wandering(series: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Wandering:
    """Fit a common half-life and spread to (times [y], values) of several series, each with a mean of its own.

    Examples
    --------
    >>> found = wandering([([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.1, -0.1, 0.1, -0.1, 0.1, -0.1])])
    >>> found.half_life.value < 1.0, found.points
    (True, 6)
    """
    times = [np.asarray(t, dtype=np.float64) for t, _ in series]
    y = np.concatenate([np.asarray(v, dtype=np.float64) for _, v in series])
    free = len(y) - len(series)
    if free < 4:
        msg = f"a half-life needs at least {len(series) + 4} points, got {len(y)}"
        raise ValueError(msg)
    owner = np.repeat(np.arange(len(times)), [len(t) for t in times])
    design = (owner[:, None] == np.arange(len(times))).astype(np.float64)
    flat = np.concatenate(times)
    apart = np.abs(flat[:, None] - flat[None, :])
    together = owner[:, None] == owner[None, :]
    found = []
    for half_life in _HALF_LIVES:
        true = np.where(together, 0.5 ** (apart / half_life), 0.0)
        for share in _SHARES:
            fitted = _solved(design, true * (1.0 - share) + max(share, 1e-6) * np.eye(len(y)), y, free)
            found.append((fitted[0], float(half_life), fitted[1] * (1.0 - share), fitted[1] * share, fitted[2]))
    weight = np.exp(np.array([f[0] for f in found]) - max(f[0] for f in found))
    weight /= weight.sum()
    noise = math.sqrt(float(weight @ np.array([f[3] for f in found])))
    means = weight @ np.array([f[4] for f in found])
    return Wandering(
        half_life=weighted(np.array([f[1] for f in found]), weight),
        spread=_spread(np.array([f[2] for f in found]), weight, free),
        noise=noise, means=tuple(means.tolist()), points=len(y), series=len(times),
    )  # fmt: skip


def _solved(design: Float, covariance: Float, y: Float, free: int) -> tuple[float, float, Float]:
    """Return (restricted log likelihood, variance, means)."""
    inverse = np.linalg.inv(covariance)
    information = design.T @ inverse @ design
    means = np.linalg.solve(information, design.T @ inverse @ y)
    left = y - design @ means
    variance = max(float(left @ inverse @ left) / free, 1e-12)
    determinants = float(np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1])
    return -0.5 * (free * math.log(variance) + determinants), variance, np.asarray(means)


def _spread(variances: Float, weight: Float, free: int) -> Estimate:
    """Return the spread's median and interval: at each point of the grid the variance has a scaled inverse χ² law."""
    from scipy.stats import chi2

    parts = (np.arange(40) + 0.5) / 40.0
    scale = free / chi2.ppf(parts, free)
    values = np.sqrt(variances[:, None] * scale[None, :]).ravel()
    return weighted(values, np.repeat(weight / len(parts), len(parts)))
