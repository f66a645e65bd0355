"""S-curve: adoption from a known share today to an uncertain ceiling, at an uncertain speed (logistic).

    dx/dt = r x (1 - x / K),    x(0) = x0,    r = r0 exp(-m Z1),    K = exp(c Z2),    r0 = ln(1 / x0 - 1) / T

so that on the central path the ceiling is 1 and half of it is reached after T years, and after T exp(m Z1) where only the midpoint
differs.  The effect is the mean of x over the period over that of the central path; the scenario's own series is its central path.
Where the numbers are learned over L years, r and K are those believed in each period (see `offtake.outlook.processes.parts.learned`).

References
----------
Verhulst (1838) as in Griliches, "Hybrid Corn: An Exploration in the Economics of Technological Change", Econometrica 25 (1957) 501-522.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from offtake.outlook.processes.parts import Spread, edges_y, learned, learned_slots
from offtake.spec.fields import Unit, Years, YearsAboveZero
from offtake.spec.outlook import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]

__all__ = ["SCurve"]

Share = Annotated[float, Unit("%", above=0.0, at_most=0.49)]


class SCurve(Process):
    """Adoption whose midpoint and ceiling are not known."""

    kind: ClassVar[str] = "s_curve"

    now_frac: Share
    """Share of the central ceiling that is reached today; below one half."""
    midpoint_y: YearsAboveZero
    """Time from today until half of the ceiling is reached, on the central path."""
    midpoint_spread_frac: Spread = 0.0
    """Standard deviation of the logarithm of that time."""
    ceiling_spread_frac: Spread = 0.0
    """Standard deviation of the logarithm of the ceiling."""
    learned_y: Years = 0.0
    """Time over which both become known, evenly; 0: with the first period."""

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """Ceiling, then midpoint."""
        return (*learned_slots(self.learned_y, 1, grid), *learned_slots(self.learned_y, 2, grid))

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the mean of the factor over each period : float64[path, period].

        Examples
        --------
        At a quarter of the ceiling today and half of it in a year, twice the ceiling doubles demand only in the end:

        >>> from datetime import date
        >>> from offtake.dates import Grid
        >>> grid = Grid.of(date(2027, 1, 1), quarters=0, half_years=0, years=10)
        >>> curve = SCurve(now_frac=0.25, midpoint_y=1.0, ceiling_spread_frac=math.log(2.0))
        >>> curve.effect(np.array([[1.0, 0.0]]), grid)[0, [0, 1, 9]].round(3).tolist()
        [1.101, 1.357, 2.0]
        """
        half = z.shape[1] // 2
        ceiling = np.exp(self.ceiling_spread_frac * learned(z[:, :half], self.learned_y, grid))
        speed = np.exp(-self.midpoint_spread_frac * learned(z[:, half:], self.learned_y, grid))
        first = math.log(1.0 / self.now_frac - 1.0) / self.midpoint_y
        one = np.ones((1, len(grid)))
        return self._adopted(ceiling, first * speed, grid) / self._adopted(one, first * one, grid)

    def _adopted(self, ceiling: Float, rate: Float, grid: Grid) -> Float:
        """Return the mean of x over each period : float64[path, period]."""
        mean = np.empty_like(ceiling)
        x = np.full(len(ceiling), self.now_frac)
        for t, years in enumerate(np.diff(edges_y(grid))):
            k, grows = ceiling[:, t], np.exp(np.minimum(rate[:, t] * years, _MOST_LOG))
            reached = (k + x * (grows - 1.0)) / k
            mean[:, t] = k * np.log(reached) / np.log(grows)
            x = x * grows / reached
        return mean


_MOST_LOG = 600.0
"""Growth within a period beyond exp(600) is at the ceiling, and exp(710) is no double."""
