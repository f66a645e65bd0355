"""Reverting trend: mean reversion around a trend that is itself uncertain, for rents and prices that cycle.

    F(t) = exp(m t + integral of G from 0 to t + x(t))

with m the drift beyond the scenario's own series, G the growth of `trend`, and x the deviation of `mean_reversion`.  Nothing makes F
decline: published rents of a chip rose in 2026 (docs/explanation/uncertainty.md), and the drift may have either sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from offtake.outlook.processes.mean_reversion import MeanReversion
from offtake.outlook.processes.parts import Spread, learned, learned_slots
from offtake.outlook.processes.trend import grown
from offtake.spec.fields import FracPerYear, Unit, Years, YearsAboveZero
from offtake.spec.outlook import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]

__all__ = ["RevertingTrend"]

SignedFracPerYear = Annotated[float, Unit("%/y", at_least=-10.0, at_most=10.0)]


class RevertingTrend(Process):
    """Deviations that fade, around growth that is not known."""

    kind: ClassVar[str] = "reverting_trend"

    spread_frac: Spread
    """Standard deviation of the logarithm around the trend in the long run."""
    half_life_y: YearsAboveZero
    """Time in which half of a deviation fades."""
    growth_frac_per_y: FracPerYear = 0.0
    """Standard deviation of the yearly growth, of logarithms."""
    learned_y: Years = 0.0
    """Time over which the growth becomes known, evenly; 0: with the first period."""
    drift_frac_per_y: SignedFracPerYear = 0.0
    """Growth on every path beyond the scenario's own series, of logarithms."""

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """Deviation, one a period, then growth."""
        growth = learned_slots(self.learned_y, 2 if self.learned_y else 1, grid) if self.growth_frac_per_y else ()
        return (*self._deviation.innovations(grid), *growth)

    @property
    def _deviation(self) -> MeanReversion:
        return MeanReversion(spread_frac=self.spread_frac, half_life_y=self.half_life_y)

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the mean of the factor over each period : float64[path, period]."""
        growth = self.growth_frac_per_y * learned(z[:, len(grid) :], self.learned_y, grid)
        trend = grown(self.drift_frac_per_y + growth, grid)
        return trend * self._deviation.effect(z[:, : len(grid)], grid)
