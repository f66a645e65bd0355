"""Regimes: a quantity is as the scenario says, or by a factor other, and changes between the two at random times (Markov).

With a = 1 / stays and b = 1 / lasts, the share of time in the other regime tends to p = a / (a + b), and over D years

    P(normal → other) = p (1 - e),    P(other → other) = p + (1 - p) e,    e = exp(-(a + b) D).

The regime at the end of each period is drawn by these; the effect is the mean of the factors at both ends of the period.  Excursions
that begin and end within one period are left out, and so the spread of the means is overstated in periods much longer than a regime.

References
----------
Hamilton, "A New Approach to the Economic Analysis of Nonstationary Time Series and the Business Cycle", Econometrica 57 (1989) 357-384.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from offtake.outlook.processes.parts import edges_y, shock, uniform
from offtake.spec.fields import Ratio, YearsAboveZero
from offtake.spec.outlook import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]
    Bool = NDArray[np.bool_]

__all__ = ["Regimes"]


class Regimes(Process):
    """Two states of the world, each for some time."""

    kind: ClassVar[str] = "regimes"

    factor: Ratio
    """Factor in the other regime; it is 1 in the normal one."""
    stays_y: YearsAboveZero
    """Mean time in the normal regime before it changes."""
    lasts_y: YearsAboveZero
    """Mean time in the other regime before it changes back."""
    begins: Literal["normal", "other"] = "normal"
    """The regime of today."""

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """One a period."""
        return tuple(shock(t) for t in range(len(grid)))

    def states(self, z: Float, grid: Grid) -> Bool:
        """Return whether the other regime holds, at each edge of the periods : bool[path, period + 1]."""
        leave, back = 1.0 / self.stays_y, 1.0 / self.lasts_y
        share = leave / (leave + back)
        other = np.zeros((len(z), len(grid) + 1), dtype=np.bool_)
        other[:, 0] = self.begins == "other"
        u = uniform(z)
        for t, years in enumerate(np.diff(edges_y(grid))):
            kept = np.exp(-(leave + back) * years)
            chance = np.where(other[:, t], share + (1.0 - share) * kept, share * (1.0 - kept))
            other[:, t + 1] = u[:, t] > 1.0 - chance
        return other

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the mean of the factor over each period : float64[path, period]."""
        factor = np.where(self.states(z, grid), self.factor, 1.0)
        mean: Float = (factor[:, :-1] + factor[:, 1:]) / 2.0
        return mean
