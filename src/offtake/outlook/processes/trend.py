"""Trend: the level of a series and its growth are uncertain.

With level spread s, growth spread g and standard normal numbers Z, a path leaves the scenario's own by the factor

    F(t) = exp(s Z1 + integral of G from 0 to t),    G = g Z2,

or, where the growth is learned over L years, G(t) = g × the sum of sqrt(w_k) Z_k over the periods k begun by t, w_k being the share of
L that lies in period k: what is believed of the growth is a martingale that ends with spread g.  The effect is the exact mean of
F over each period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import model_validator

from offtake.outlook.processes.parts import edges_y, learned_shares, once, shock
from offtake.spec.fields import Frac, FracPerYear, Years
from offtake.spec.outlook import Process
from offtake.spec.scalars import Problem, failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]

__all__ = ["Trend"]


class Trend(Process):
    """Level and growth that are not known."""

    kind: ClassVar[str] = "trend"

    level_frac: Frac = 0.0
    """Standard deviation of the logarithm of today's level."""
    growth_frac_per_y: FracPerYear = 0.0
    """Standard deviation of the yearly growth, of logarithms."""
    learned_y: Years = 0.0
    """Time over which the growth becomes known, evenly; 0: with the first period."""

    @model_validator(mode="after")
    def _some(self) -> Trend:
        if not self.level_frac and not self.growth_frac_per_y:
            hint = "write `growth: 10 %/y`, `level: 10 %`, or both"
            raise failure(Problem("E503", "a trend is uncertain in its `growth` or its `level`", hint))
        return self

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """Growth before level; growth by period where it is learned over time."""
        ranks = iter((1, 2))
        growth: list[Innovation] = []
        if self.growth_frac_per_y and self.learned_y:
            growth = [shock(t) for t in range(self._learning(grid))]
        elif self.growth_frac_per_y:
            growth = [once(next(ranks))]
        return (*growth, once(next(ranks))) if self.level_frac else growth

    def _learning(self, grid: Grid) -> int:
        """Count the periods in which the growth is learned."""
        return int(np.count_nonzero(learned_shares(self.learned_y, grid)))

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
        steps = np.zeros((len(z), len(grid)))
        if self.growth_frac_per_y and self.learned_y:
            learning = self._learning(grid)
            steps[:, :learning] = z[:, :learning] * np.sqrt(learned_shares(self.learned_y, grid)[:learning])
        elif self.growth_frac_per_y:
            steps[:, 0] = z[:, 0]
        gained = self.growth_frac_per_y * np.cumsum(steps, axis=1) * np.diff(edges_y(grid))
        begin = np.cumsum(gained, axis=1) - gained
        if self.level_frac:
            begin += self.level_frac * z[:, -1:]
        mean: Float = np.exp(begin) * _mean_exp(gained)
        return mean


def _mean_exp(x: Float) -> Float:
    """Return the mean of exp(u x) over u in 0..1."""
    return np.divide(np.expm1(x), x, out=np.ones_like(x), where=x != 0.0)
