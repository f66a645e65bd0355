"""Delay: something comes some months later than the scenario says, by a discrete law or a lognormal one in steps.

The law is read at the probability of its one innovation, from the shortest delay to the longest, so that a positive innovation is a
longer delay.  At the median innovation the delay is the law's median.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from offtake.outlook.processes.parts import Spread, known_from, once, passed, uniform
from offtake.spec.fields import Day, Frac, Model, Months, Unit
from offtake.spec.outlook import Process
from offtake.spec.scalars import Problem, failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation, Measure

    Float = NDArray[np.float64]

__all__ = ["Chance", "Delay"]

_SUM_TOLERANCE = 1e-9


class Chance(Model):
    """One delay and how likely it is."""

    by_months: Months
    """Months later."""
    probability_frac: Frac
    """How likely; those of a law sum to 100 %."""


class Delay(Process):
    """Months by which something is late."""

    kind: ClassVar[str] = "delay"

    law: Annotated[tuple[Chance, ...], Field(min_length=1)] | None = None
    """The possible delays; instead of `median` and `spread`."""
    median_months: Months | None = None
    """Median of a lognormal delay."""
    spread_frac: Spread | None = None
    """Standard deviation of its logarithm."""
    step_months: Annotated[float, Unit("month", above=0.0)] = 1.0
    """A lognormal delay is rounded to a multiple of it."""
    known: Day | None = None
    """When the delay is known; with the first period if absent."""

    @model_validator(mode="after")
    def _one_law(self) -> Delay:
        lognormal = self.median_months is not None and self.spread_frac is not None
        if (self.law is not None) == lognormal or (
            self.law is not None and (self.median_months, self.spread_frac) != (None, None)
        ):
            hint = "write `law: [{by: 0 months, probability: 60 %}, …]`, or `median: 6 months` and `spread: 50 %`"
            raise failure(Problem("E503", "a delay has a `law`, or a `median` and a `spread`", hint))
        if self.law is not None:
            total = sum(c.probability_frac for c in self.law)
            if abs(total - 1.0) > _SUM_TOLERANCE:
                said = f"the probabilities add up to {100 * total:.6g} %, not 100 %"
                raise failure(Problem("E504", said, "one of the delays happens", ("law",), on_key=True))
        return self

    @property
    def measure(self) -> Measure:
        """Months."""
        return "months"

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """One for all time."""
        return (once(known=known_from(self.known, grid)),)

    def problems(self, grid: Grid) -> Sequence[Problem]:
        """Refuse a number that is known already."""
        return passed("known", self.known, grid)

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the delay [month] : float64[path, period], constant over the periods.

        Examples
        --------
        >>> from datetime import date
        >>> from offtake.dates import Grid
        >>> grid = Grid.of(date(2027, 1, 1), quarters=1, half_years=0, years=0)
        >>> law = [{"by": "6 months", "probability": "30 %"}, {"by": "0 months", "probability": "70 %"}]
        >>> Delay(law=law).effect(np.array([[0.0], [1.0]]), grid).tolist()
        [[0.0], [6.0]]
        """
        if self.law is None:
            median, spread = self.median_months or 0.0, self.spread_frac or 0.0
            months = np.round(median * np.exp(spread * z[:, 0]) / self.step_months) * self.step_months
        else:
            ordered = sorted(self.law, key=lambda c: c.by_months)
            upto = np.cumsum([c.probability_frac for c in ordered])[:-1]
            months = np.array([c.by_months for c in ordered])[np.searchsorted(upto, uniform(z[:, 0]), side="left")]
        return np.repeat(months[:, None], len(grid), axis=1)
