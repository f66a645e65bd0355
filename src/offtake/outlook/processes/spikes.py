"""Spikes: mean reversion with short peaks, for power prices; the effect is the mean over the period.

Beside the deviation x of `mean_reversion`, N spikes come in a period of D years, N of the Poisson law with mean D / every; each adds
h times the ordinary price for the time that it lasts, h of the exponential law with the stated mean.  The heights of N spikes add up
to a gamma law of shape N, so that two innovations a period give the exact law of the period's mean:

    F = exp(Y) × (1 + lasts / D × height × Gamma(N)) / (1 + lasts / every × height).

The last factor makes the mean of the spikes' part 1: the scenario's own price has its spikes in it.

References
----------
Lucia and Schwartz, "Electricity Prices and Power Derivatives", Review of Derivatives Research 5 (2002) 5-50; Cartea and Figueroa, "Pricing
in Electricity Markets: A Mean Reverting Jump Diffusion Model with Seasonality", Applied Mathematical Finance 12 (2005) 313-335.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from offtake.dates import DAYS_PER_YEAR
from offtake.outlook.processes.mean_reversion import MeanReversion
from offtake.outlook.processes.parts import Spread, edges_y, poisson, shock, uniform
from offtake.spec.fields import Days, PlainAboveZero, Unit, YearsAboveZero
from offtake.spec.outlook import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = ["Spikes"]

Wait = Annotated[float, Unit("y", at_least=1e-4, at_most=1000.0)]


class Spikes(Process):
    """Deviations that fade, and short peaks."""

    kind: ClassVar[str] = "spikes"

    spread_frac: Spread
    """Standard deviation of the logarithm of the ordinary price in the long run."""
    half_life_y: YearsAboveZero
    """Time in which half of a deviation fades."""
    every_y: Wait
    """Mean time between two spikes."""
    height: PlainAboveZero
    """Mean height of a spike above the ordinary price, in ordinary prices."""
    lasts_days: Days
    """How long a spike lasts."""

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """Of each period the deviation, the number of spikes, and their height."""
        periods = range(len(grid))
        return (*(shock(t) for t in periods), *(shock(t, 2) for t in periods), *(shock(t, 3) for t in periods))

    def counts(self, z: Float, grid: Grid) -> Int:
        """Return the number of spikes : int64[path, period]."""
        means = np.diff(edges_y(grid)) / self.every_y
        u = uniform(z[:, len(grid) : 2 * len(grid)])
        return np.stack([poisson(float(mean), u[:, t]) for t, mean in enumerate(means)], axis=1)

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the mean of the factor over each period : float64[path, period]."""
        from scipy.special import gammaincinv

        counts = self.counts(z, grid)
        u = uniform(z[:, 2 * len(grid) :])
        heights = np.where(counts > 0, gammaincinv(np.maximum(counts, 1), u), 0.0)
        lasts_y = self.lasts_days / DAYS_PER_YEAR
        spikes = 1.0 + self.height * lasts_y / np.diff(edges_y(grid)) * heights
        ordinary = MeanReversion(spread_frac=self.spread_frac, half_life_y=self.half_life_y)
        mean: Float = ordinary.effect(z[:, : len(grid)], grid) * spikes / (1.0 + self.height * lasts_y / self.every_y)
        return mean
