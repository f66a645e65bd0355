"""Level: one factor for all time, for a useful life, a financing rate, the price of a chip.

The law is read at the probability of the one innovation; at the median innovation the factor is the law's median, which is 1 for a
lognormal law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import model_validator

from offtake.outlook.processes.parts import Spread, known_from, once, passed, uniform
from offtake.spec.fields import Day, PlainAboveZero
from offtake.spec.outlook import Process
from offtake.spec.scalars import Problem, failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]

__all__ = ["Level"]

_NEEDS = {"lognormal": {"spread"}, "triangular": {"low", "mode", "high"}, "uniform": {"low", "high"}}


class Level(Process):
    """A factor that is drawn once."""

    kind: ClassVar[str] = "level"

    law: Literal["lognormal", "triangular", "uniform"] = "lognormal"
    """Its law."""
    spread_frac: Spread | None = None
    """Standard deviation of the logarithm, of a lognormal law with median 1."""
    low: PlainAboveZero | None = None
    """Least factor, of the other laws."""
    mode: PlainAboveZero | None = None
    """Likeliest factor, of a triangular law."""
    high: PlainAboveZero | None = None
    """Largest factor."""
    known: Day | None = None
    """When it is known; with the first period if absent."""

    @model_validator(mode="after")
    def _whole(self) -> Level:
        given = {"spread": self.spread_frac, "low": self.low, "mode": self.mode, "high": self.high}
        there = {name for name, value in given.items() if value is not None}
        if there != _NEEDS[self.law]:
            wanted = " and ".join(f"`{name}`" for name in given if name in _NEEDS[self.law])
            raise failure(Problem("E503", f"a {self.law} law has {wanted}, and no more", f"write {wanted}"))
        ordered = [value for value in (self.low, self.mode, self.high) if value is not None]
        if ordered != sorted(ordered) or (ordered and ordered[0] == ordered[-1]):
            raise failure(Problem("E504", "the factors of a law ascend", "write low < mode < high"))
        return self

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """One for all time."""
        return (once(known=known_from(self.known, grid)),)

    def problems(self, grid: Grid) -> Sequence[Problem]:
        """Refuse a number that is known already."""
        return passed("known", self.known, grid)

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the factor : float64[path, period], constant over the periods.

        Examples
        --------
        >>> from datetime import date
        >>> from offtake.dates import Grid
        >>> grid = Grid.of(date(2027, 1, 1), quarters=1, half_years=0, years=0)
        >>> Level(law="uniform", low=0.8, high=1.4).effect(np.array([[0.0]]), grid).round(9).tolist()
        [[1.1]]
        """
        return np.repeat(self._factor(z[:, 0])[:, None], len(grid), axis=1)

    def _factor(self, z: Float) -> Float:
        if self.law == "lognormal":
            return np.exp((self.spread_frac or 0.0) * z)
        low, high, u = self.low or 0.0, self.high or 0.0, uniform(z)
        if self.law == "uniform":
            return low + (high - low) * u
        mode = self.mode or 0.0
        rising = low + np.sqrt(u * (high - low) * (mode - low))
        falling = high - np.sqrt((1.0 - u) * (high - low) * (high - mode))
        return np.where(u * (high - low) <= mode - low, rising, falling)
