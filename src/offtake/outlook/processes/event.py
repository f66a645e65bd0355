"""Event: something happens or not, on a date or within a window, and then changes a quantity or delays it.

Over a window, or what is left of it, the time of the event is spread evenly.  Period by period it comes with probability
p w_k / (1 - p (w_0 + … + w_(k-1))) unless it has come before, w_k being the share of the window in period k; in that period it comes in
the middle of what the window has of it.  A positive innovation is the event: to correlate two events positively makes both happen
together.  Where the event is less likely than not, the median innovation leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import model_validator

from offtake.dates import DAYS_PER_MONTH
from offtake.outlook.processes.parts import known_from, once, passed, shock, uniform
from offtake.spec.fields import Day, Frac, Months, Ratio
from offtake.spec.outlook import Process
from offtake.spec.scalars import Problem, failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation, Measure

    Float = NDArray[np.float64]

__all__ = ["Event"]


class Event(Process):
    """What may happen once: a rule, a failure, a moratorium."""

    kind: ClassVar[str] = "event"

    probability_frac: Frac
    """How likely it is to happen at all."""
    on: Day | None = None
    """The day on which it is decided; instead of a window."""
    from_: Day | None = None
    """First day of the window."""
    until: Day | None = None
    """Day after the window."""
    factor: Ratio | None = None
    """What it multiplies the quantity by, from then on."""
    lasts_months: Months | None = None
    """How long the factor holds; for good if absent."""
    delay_months: Months | None = None
    """Months by which it delays, instead of a factor."""

    @model_validator(mode="after")
    def _one_way(self) -> Event:
        window = (self.from_ is not None, self.until is not None)
        if window not in ((True, True), (False, False)) or (self.on is not None) == window[0]:
            hint = "write `on: 2027-06-30`, or `from: 2027-01-01` and `until: 2029-01-01`"
            raise failure(Problem("E503", "an event has a day `on`, or a window `from` … `until`", hint))
        if self.from_ is not None and self.until is not None and self.until <= self.from_:
            said = f"the window ends {self.until}, not after {self.from_}"
            raise failure(Problem("E501", said, "change one of the dates", ("until",)))
        if (self.factor is None) == (self.delay_months is None):
            hint = "write `factor: 0` with `lasts: 6 months`, or `delay: 6 months`"
            raise failure(Problem("E503", "an event has a `factor` or a `delay`", hint))
        if self.delay_months is not None and self.lasts_months is not None:
            said = "only a factor lasts, a delay is as long as it is"
            raise failure(Problem("E503", said, "leave `lasts` out", ("lasts",), on_key=True))
        return self

    @property
    def measure(self) -> Measure:
        """Months where it delays."""
        return "factor" if self.delay_months is None else "months"

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """One for a day; one for each period that the window touches."""
        if self.on is not None:
            return (once(known=known_from(self.on, grid)),)
        return tuple(shock(t) for t in np.flatnonzero(self._shares(grid)).tolist())

    def problems(self, grid: Grid) -> Sequence[Problem]:
        """Refuse what has passed, and what lies behind the end."""
        key, day = ("on", self.on) if self.on is not None else ("until", self.until)
        if past := passed(key, day, grid):
            return past
        key, day = ("on", self.on) if self.on is not None else ("from", self.from_)
        if day is not None and day >= grid.end:
            return (Problem("E502", f"{day} lies behind the end of the plan {grid.end}", "leave it out", (key,)),)
        return ()

    def happens(self, z: Float, grid: Grid) -> Float:
        """Return 1 for the innovation with which it happens, 0 for others : float64[path, dimension]."""
        u = uniform(z)
        if self.on is not None:
            return (u > 1.0 - self.probability_frac).astype(np.float64)
        shares = self._shares(grid)
        shares = self.probability_frac * shares[shares > 0.0]
        left = 1.0 - (np.cumsum(shares) - shares)
        hazard = np.divide(shares, left, out=np.zeros_like(shares), where=left > 0.0)
        strikes = u > 1.0 - hazard
        first = strikes & (np.cumsum(strikes, axis=1) == 1)
        happened: Float = first.astype(np.float64)
        return happened

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the mean of the factor over each period, or the delay [month] : float64[path, period].

        Examples
        --------
        A failure in the middle of the first quarter takes half a year's supply away:

        >>> from datetime import date
        >>> from offtake.dates import Grid
        >>> grid = Grid.of(date(2027, 1, 1), quarters=3, half_years=0, years=0)
        >>> failure = Event(probability="20 %", on="2027-02-15", factor=0, lasts="6 months")
        >>> failure.effect(np.array([[0.0], [1.0]]), grid).round(2).tolist()
        [[1.0, 1.0, 1.0], [0.5, 0.0, 0.49]]
        """
        happens = self.happens(z, grid)
        if self.delay_months is not None:
            return np.repeat(self.delay_months * happens.sum(axis=1, keepdims=True), len(grid), axis=1)
        active = np.array([self._active(day, grid) for day in self._days(grid)]).reshape(-1, len(grid))
        share = np.zeros((len(z), len(grid)))
        for k in range(happens.shape[1]):
            share += happens[:, k : k + 1] * active[k]
        return 1.0 + ((self.factor or 0.0) - 1.0) * share

    def _shares(self, grid: Grid) -> Float:
        """Return which share of the window lies in each period : float64[period]."""
        if self.from_ is None or self.until is None:
            return np.zeros(len(grid))
        begin, end = max(grid.at(self.from_), 0.0), grid.at(self.until)  # of what is still to come
        edges = np.clip(grid.edges_days, begin, end)
        shares: Float = np.diff(edges) / (end - begin)
        return shares

    def _days(self, grid: Grid) -> list[float]:
        """Return when it happens with each innovation [day since the first]."""
        if self.on is not None:
            return [grid.at(self.on)]
        first, last = self.from_ or grid.start, self.until or grid.end
        edges = np.clip(grid.edges_days, grid.at(first), grid.at(last))
        middle = (edges[:-1] + edges[1:]) / 2.0
        days: list[float] = middle[np.diff(edges) > 0.0].tolist()
        return days

    def _active(self, day: float, grid: Grid) -> Float:
        """Return the share of each period in which the factor holds, if it happens on a day."""
        end = np.inf if self.lasts_months is None else day + self.lasts_months * DAYS_PER_MONTH
        share: Float = np.diff(np.clip(grid.edges_days, day, end)) / grid.days
        return share
