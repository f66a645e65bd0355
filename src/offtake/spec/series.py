"""A quantity over time: dated points and the rule between them.

Between two points ``(t0, v0)`` and ``(t1, v1)``, with ``u = (t − t0)/(t1 − t0)``: *step* holds ``v0``, *linear* is ``v0 + u (v1 − v0)``,
*geometric* is ``v0 (v1/v0)^u``.  Before the first and after the last point the value is constant.  A mean over days is the exact integral.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from offtake.dates import DAYS_PER_MONTH, add_months

__all__ = ["Interpolation", "Series"]

Interpolation = Literal["linear", "step", "geometric"]

_HARDLY_GROWS = 1e-6  # below this |ln(v1/v0)| the logarithmic mean is a difference of nearly equal numbers


@dataclass(frozen=True, slots=True)
class Series:
    """A value at every date, in the canonical unit of its field.

    Parameters
    ----------
    days : tuple[date, ...]         of the points, ascending, at least one
    values : tuple[float, ...]      at those dates
    interpolation : Interpolation   between them
    low, high : float               factors on the whole series that bound it; None where not given

    Examples
    --------
    >>> price = Series((date(2026, 1, 1), date(2028, 1, 1)), (90.0, 70.0))
    >>> price.at(date(2027, 1, 1)), price.at(date(2040, 1, 1))
    (80.0, 70.0)
    >>> price.mean(date(2026, 1, 1), date(2028, 1, 1))
    80.0
    >>> price.scaled(2.0).at(date(2020, 1, 1))
    180.0
    """

    days: tuple[date, ...]
    values: tuple[float, ...]
    interpolation: Interpolation = "linear"
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """Refuse rows of points that are no function of time."""
        if not self.days or len(self.days) != len(self.values):
            raise ValueError(
                f"a series needs as many values as dates and at least one, got {len(self.values)} and {len(self.days)}"
            )
        if any(b <= a for a, b in zip(self.days, self.days[1:], strict=False)):
            raise ValueError("the dates of a series must ascend")
        if self.interpolation == "geometric" and min(self.values) <= 0:
            raise ValueError("geometric interpolation needs values above zero")

    @classmethod
    def constant(cls, value: float) -> Series:
        """Build a series that has the same value at every date.

        Examples
        --------
        >>> Series.constant(3.0).at(date(2030, 5, 1))
        3.0
        """
        return cls((date(2000, 1, 1),), (float(value),), "step")

    @property
    def is_constant(self) -> bool:
        """Whether every date has the same value."""
        return min(self.values) == max(self.values)

    def at(self, day: date) -> float:
        """Return the value at a date."""
        k = bisect_right(self.days, day) - 1
        if k < 0:
            return self.values[0]
        if k == len(self.days) - 1 or self.interpolation == "step":
            return self.values[k]
        u = (day - self.days[k]).days / (self.days[k + 1] - self.days[k]).days
        v0, v1 = self.values[k], self.values[k + 1]
        return float(v0 * (v1 / v0) ** u) if self.interpolation == "geometric" else v0 + u * (v1 - v0)

    def mean(self, start: date, end: date) -> float:
        """Return the mean over ``[start, end)``; the value at `start` where they are equal.

        Raises
        ------
        ValueError    if the end lies before the start
        """
        if end < start:
            raise ValueError(f"the end {end} lies before the start {start}")
        if end == start:
            return self.at(start)
        return self.integral(start, end) / (end - start).days

    def integral(self, start: date, end: date) -> float:
        """Return the integral over ``[start, end)`` [unit × day].

        Examples
        --------
        >>> Series((date(2026, 1, 1), date(2026, 1, 11)), (0.0, 10.0)).integral(date(2026, 1, 1), date(2026, 1, 16))
        100.0
        """
        edges = [start, *(d for d in self.days if start < d < end), end]
        return math.fsum(self._piece(a, b) for a, b in itertools.pairwise(edges))

    def _piece(self, a: date, b: date) -> float:
        """Integrate over days without a point inside."""
        days = (b - a).days
        v0 = self.at(a)
        if self.interpolation == "step" or a >= self.days[-1] or b <= self.days[0]:
            return v0 * days
        v1 = self.at(b)
        if self.interpolation == "linear":
            return (v0 + v1) / 2 * days
        growth = math.log(v1 / v0)
        if abs(growth) < _HARDLY_GROWS:
            return v0 * days * (1 + growth / 2)  # two terms of the expansion: exact to 2e-13
        return (v1 - v0) / growth * days

    def scaled(self, factor: float) -> Series:
        """Return the series times a factor."""
        return replace(self, values=tuple(v * factor for v in self.values))

    def held_from(self, day: date) -> Series:
        """Return the series that keeps from `day` on the value it has there: growth stops.

        Examples
        --------
        >>> Series((date(2026, 1, 1), date(2028, 1, 1)), (1.0, 3.0)).held_from(date(2027, 1, 1)).at(date(2030, 1, 1))
        2.0
        """
        kept = [(d, v) for d, v in zip(self.days, self.values, strict=True) if d < day]
        kept.append((day, self.at(day)))
        return replace(self, days=tuple(d for d, _ in kept), values=tuple(v for _, v in kept))

    def later(self, months: float) -> Series:
        """Return the series moved later: whole months by the calendar, the rest in days of a twelfth of a year's month.

        Examples
        --------
        >>> Series((date(2027, 1, 31),), (1.0,)).later(13).days
        (datetime.date(2028, 2, 29),)
        """
        whole = int(months)
        rest = timedelta(days=round((months - whole) * DAYS_PER_MONTH))
        moved: list[date] = []
        for day in self.days:
            new = add_months(day, whole) + rest
            moved.append(max(new, moved[-1] + timedelta(days=1)) if moved else new)  # month ends may fall together
        return replace(self, days=tuple(moved))
