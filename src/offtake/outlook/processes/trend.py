"""Trend: level and growth are uncertain, and the level wanders.

With level spread s, growth spread g, volatility v, standard normal numbers Z and a Brownian motion W, a path leaves the scenario's own
by the factor

    F(t) = exp(s Z1 + v W(t) + integral of G from 0 to t),    G = g Z2,

or, where the growth is learned over L years, G(t) = g × the sum of sqrt(w_k) Z_k over the periods k begun by t, w_k being the share of
L that lies in period k: what is believed of the growth is a martingale that ends with spread g.  The effect is the mean of F over the
period: exact in level and growth, the geometric mean in W.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import model_validator

from offtake.outlook.processes.parts import MOST_LOG, Spread, edges_y, learned, learned_slots, mixed, once, shock
from offtake.spec.fields import FracPerYear, Years
from offtake.spec.outlook import Process
from offtake.spec.scalars import Problem, failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]

__all__ = ["Trend", "grown"]


class Trend(Process):
    """Level and growth that are not known."""

    kind: ClassVar[str] = "trend"

    level_frac: Spread = 0.0
    """Standard deviation of the logarithm of today's level."""
    growth_frac_per_y: FracPerYear = 0.0
    """Standard deviation of the yearly growth, of logarithms."""
    learned_y: Years = 0.0
    """Time over which the growth becomes known, evenly; 0: with the first period."""
    volatility_frac: Spread = 0.0
    """Standard deviation that a year adds to the logarithm, beside growth (of a random walk)."""

    @model_validator(mode="after")
    def _some(self) -> Trend:
        if not (self.level_frac or self.growth_frac_per_y or self.volatility_frac):
            hint = "write `growth: 10 %/y`, `level: 10 %`, `volatility: 20 %`, or several"
            raise failure(Problem("E503", "a trend is uncertain in `growth`, `level` or `volatility`", hint))
        return self

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """Growth, then level, then the random walk; the first of them that there is leads its slot."""
        growth = learned_slots(self.learned_y, 1, grid) if self.growth_frac_per_y else ()
        level = (once(1 if self.learned_y or not growth else 2),) if self.level_frac else ()
        rank = 2 if growth and self.learned_y else 1
        walk = [shock(t, rank) for t in range(len(grid))] if self.volatility_frac else []
        return (*growth, *level, *walk)

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the mean of the factor over each period : float64[path, period].

        Examples
        --------
        >>> from datetime import date
        >>> from offtake.dates import Grid
        >>> grid = Grid.of(date(2027, 1, 1), quarters=0, half_years=0, years=2)
        >>> Trend(growth_frac_per_y=0.1).effect(np.array([[0.0], [1.0]]), grid).round(4).tolist()
        [[1.0, 1.0], [1.0517, 1.1625]]
        """
        growth = len(learned_slots(self.learned_y, 1, grid)) if self.growth_frac_per_y else 0
        mean = grown(self.growth_frac_per_y * learned(z[:, :growth], self.learned_y, grid), grid)
        if self.level_frac:
            mean = mean * np.exp(self.level_frac * z[:, growth : growth + 1])
        if self.volatility_frac:
            walk = mixed(z[:, -len(grid) :], np.linalg.cholesky(_brownian(edges_y(grid))))
            mean = mean * np.exp(self.volatility_frac * walk)
        return mean


def grown(growth: Float, grid: Grid) -> Float:
    """Return the mean over each period of what grows from 1 at yearly rates : float64[path, period].

    Parameters
    ----------
    growth : float64[path, period] [1/y]    of logarithms
    """
    gained = np.clip(growth * np.diff(edges_y(grid)), -MOST_LOG, MOST_LOG)
    begin = np.cumsum(gained, axis=1) - gained
    within = np.divide(np.expm1(gained), gained, out=np.ones_like(gained), where=gained != 0.0)
    mean: Float = np.exp(np.clip(begin, -MOST_LOG, MOST_LOG)) * within
    return mean


def _brownian(edges: Float) -> Float:
    """Covariances of the means of a Brownian motion over periods : float64[period, period] [y]."""
    middle = (edges[:-1] + edges[1:]) / 2.0
    both: Float = np.minimum(middle[:, None], middle[None, :])
    np.fill_diagonal(both, edges[:-1] + np.diff(edges) / 3.0)
    return both
