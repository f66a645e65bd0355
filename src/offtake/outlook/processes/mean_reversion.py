"""Mean reversion: the logarithm wanders around the scenario's own path and returns to it (Ornstein and Uhlenbeck).

With spread s and rate k = ln 2 / half-life, x(0) = 0 and

    Cov[x(u), x(v)] = s² (exp(-k |u - v|) - exp(-k (u + v))).

The effect is exp(Y), Y being the mean of x over the period: normal numbers whose covariances are known in closed form, made of one
innovation a period by their Cholesky factor, so that they are exact on any grid.  exp(Y) is the geometric mean over the period; what
the arithmetic mean has beyond it is nearly constant, and stands in the scenario's own series already.

References
----------
Uhlenbeck and Ornstein, "On the Theory of the Brownian Motion", Physical Review 36 (1930) 823-841; for commodity prices Schwartz,
"The Stochastic Behavior of Commodity Prices", Journal of Finance 52 (1997) 923-973, model 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from offtake.outlook.processes.parts import Spread, edges_y, mixed, shock
from offtake.spec.fields import YearsAboveZero
from offtake.spec.outlook import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]

__all__ = ["MeanReversion", "covariance"]


class MeanReversion(Process):
    """Deviations that fade."""

    kind: ClassVar[str] = "mean_reversion"

    spread_frac: Spread
    """Standard deviation of the logarithm in the long run."""
    half_life_y: YearsAboveZero
    """Time in which half of a deviation fades."""

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """One a period."""
        return tuple(shock(t) for t in range(len(grid)))

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the geometric mean of the factor over each period : float64[path, period]."""
        deviation = mixed(z, np.linalg.cholesky(covariance(self.half_life_y, edges_y(grid))))
        mean: Float = np.exp(self.spread_frac * deviation)
        return mean


def covariance(half_life_y: float, edges: Float) -> Float:
    """Covariances of the means over periods of a deviation with long-run variance 1, zero at the first edge.

    Parameters
    ----------
    half_life_y : float [y]
    edges : float64[period + 1] [y]

    Returns
    -------
    float64[period, period]
    """
    rate = math.log(2.0) / half_life_y
    x = rate * np.diff(edges)
    faded = -np.expm1(-x) / x
    from_start = np.exp(-rate * edges[:-1]) * faded
    gap = np.maximum(edges[None, :-1] - edges[1:, None], 0.0)  # [earlier, later]
    across = np.triu(np.exp(-rate * gap) * faded[:, None] * faded[None, :], 1)
    own = np.where(x > 1e-4, 2.0 * (x + np.expm1(-x)) / np.maximum(x, 1e-4) ** 2, 1.0 - x / 3.0 + x**2 / 12.0)
    both: Float = across + across.T + np.diag(own) - np.outer(from_start, from_start)
    return both
