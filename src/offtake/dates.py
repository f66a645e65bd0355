"""Periods, grids and the weights by which dated stocks are read on them.

A grid is an ordered row of half-open periods ``[start, end)``.  Time inside the planner is a float count of days since the
grid's first day; dates appear only at the boundary.

Stock on any grid: cumulative orders ``C`` at period ends are the variable, linear within a period and zero before the first.
With ``I(x) = integral of C up to x`` every mean ``(I(b - lag) - I(a - lag)) / (b - a)`` is linear in ``C``, so a lead time, a
delay and a life become weights computed once from dates, exact on any grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

DAYS_PER_YEAR = 365.0
"""Day-count basis of every rate: actual/365 fixed (the basis of XIRR)."""

DAYS_PER_MONTH = 365.25 / 12
"""Mean length of a month, for lead times stated in months."""

HOURS_PER_DAY = 24.0


def add_months(day: date, months: int) -> date:
    """Move a date by whole months, clipping to the last day of a shorter month.

    Examples
    --------
    >>> add_months(date(2028, 1, 31), 1)
    datetime.date(2028, 2, 29)
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    first_of_next = date(year + (month == 11), 1 if month == 11 else month + 2, 1)
    last = (first_of_next - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


@dataclass(frozen=True)
class Intervals:
    """An ordered row of half-open, non-empty day intervals ``[start, end)`` that do not overlap.

    Parameters
    ----------
    starts, ends : tuple[date, ...]
        One pair per interval, in time order.

    Raises
    ------
    ValueError
        If an interval is empty or begins before the one ahead of it ends.

    Examples
    --------
    >>> halves = Intervals((date(2027, 1, 1), date(2027, 7, 1)), (date(2027, 7, 1), date(2028, 1, 1)))
    >>> halves.labels
    ('2027-H1', '2027-H2')
    >>> halves.days.tolist()
    [181.0, 184.0]
    """

    starts: tuple[date, ...]
    ends: tuple[date, ...]

    def __post_init__(self) -> None:
        """Refuse empty and overlapping intervals."""
        if len(self.starts) != len(self.ends):
            msg = f"{len(self.starts)} starts but {len(self.ends)} ends"
            raise ValueError(msg)
        for k, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
            if end <= start:
                msg = f"interval {k} is empty: [{start}, {end})"
                raise ValueError(msg)
            if k and start < self.ends[k - 1]:
                msg = f"interval {k} begins {start}, before the one ahead of it ends {self.ends[k - 1]}"
                raise ValueError(msg)

    @classmethod
    def from_edges(cls, edges: Sequence[date]) -> Intervals:
        """Build adjoining intervals from their edges (one more than intervals)."""
        return cls(tuple(edges[:-1]), tuple(edges[1:]))

    @classmethod
    def every(cls, months: int, start: date, end: date) -> Intervals:
        """Build adjoining intervals of whole months from `start`; the last one is cut at `end`.

        Examples
        --------
        >>> Intervals.every(12, date(2027, 4, 1), date(2029, 1, 1)).ends
        (datetime.date(2028, 4, 1), datetime.date(2029, 1, 1))
        """
        edges = [start]
        while edges[-1] < end:
            edges.append(min(add_months(start, months * len(edges)), end))
        return cls.from_edges(edges)

    @classmethod
    def years(cls, start: date, end: date) -> Intervals:
        """Build calendar years covering ``[start, end)``, cut at both ends."""
        edges = [
            start,
            *(date(y, 1, 1) for y in range(start.year + 1, end.year + 1) if start < date(y, 1, 1) < end),
            end,
        ]
        return cls.from_edges(edges)

    def __len__(self) -> int:
        """Count the intervals."""
        return len(self.starts)

    @property
    def start(self) -> date:
        """First day of the first interval."""
        return self.starts[0]

    @property
    def end(self) -> date:
        """Day after the last interval."""
        return self.ends[-1]

    @cached_property
    def days(self) -> Float:
        """Length of each interval [day]."""
        return np.array([(e - s).days for s, e in zip(self.starts, self.ends, strict=True)], dtype=np.float64)

    @cached_property
    def years_long(self) -> Float:
        """Length of each interval in years of 365 days [y]."""
        years: Float = self.days / DAYS_PER_YEAR
        return years

    @cached_property
    def mids(self) -> tuple[date, ...]:
        """Middle day of each interval: the date of money that flows evenly through it."""
        return tuple(s + timedelta(days=(e - s).days // 2) for s, e in zip(self.starts, self.ends, strict=True))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Short name of each interval: ``2027-Q3``, ``2028-H1``, ``2031``, ``2031/32``, or its dates."""
        return tuple(_label(s, e) for s, e in zip(self.starts, self.ends, strict=True))

    def overlap_days(self, other: Intervals) -> Float:
        """Days shared by each interval of this row and each of `other` : float64[self, other] [day]."""
        (a0, a1), (b0, b1) = self._ordinals, other._ordinals
        shared: Float = np.minimum(a1[:, None], b1[None, :]) - np.maximum(a0[:, None], b0[None, :])
        return np.maximum(shared, 0.0)

    @cached_property
    def _ordinals(self) -> tuple[Float, Float]:
        """Starts and ends as day numbers."""
        starts, ends = ([float(d.toordinal()) for d in days] for days in (self.starts, self.ends))
        return np.array(starts), np.array(ends)

    def spread_from(self, other: Intervals) -> Float:
        """Weights that spread a quantity of `other` evenly by day onto this row : float64[self, other].

        Examples
        --------
        >>> year = Intervals((date(2027, 1, 1),), (date(2028, 1, 1),))
        >>> quarter = Intervals((date(2027, 1, 1),), (date(2027, 4, 1),))
        >>> round(quarter.spread_from(year).item() * 365)
        90
        """
        weights: Float = self.overlap_days(other) / other.days[None, :]
        return weights

    def index_of(self, day: date) -> int | None:
        """Position of the interval that holds `day`, or None."""
        for k, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
            if start <= day < end:
                return k
        return None


@dataclass(frozen=True)
class Grid(Intervals):
    """The periods of a plan: adjoining intervals from the valuation date to the horizon."""

    def __post_init__(self) -> None:
        """Refuse gaps between periods."""
        super().__post_init__()
        for k in range(1, len(self.starts)):
            if self.starts[k] != self.ends[k - 1]:
                msg = f"period {k} begins {self.starts[k]}, after a gap from {self.ends[k - 1]}"
                raise ValueError(msg)

    @classmethod
    def of(cls, start: date, *, quarters: int = 8, half_years: int = 6, years: int = 5) -> Grid:
        """Build quarters, then half-years, then years from the valuation date.

        Examples
        --------
        >>> grid = Grid.of(date(2026, 7, 1))
        >>> len(grid), grid.end
        (19, datetime.date(2036, 7, 1))
        """
        months = [3] * quarters + [6] * half_years + [12] * years
        ahead = np.concatenate([[0], np.cumsum(months)]).tolist()
        edges = [add_months(start, int(m)) for m in ahead]
        return cls(tuple(edges[:-1]), tuple(edges[1:]))

    @cached_property
    def edges_days(self) -> Float:
        """Period edges in days since the valuation date : float64[period + 1] [day]."""
        return np.concatenate([[0.0], np.cumsum(self.days)])

    def at(self, day: date) -> float:
        """Days from the valuation date to `day` [day]."""
        return float((day - self.start).days)

    def stock_at(self, times_days: Float) -> Float:
        """Weights of the cumulative stock at given times : float64[time, period].

        Row k dotted with ``C`` (values at period ends) is the stock at ``times_days[k]``: zero before the valuation date,
        linear within a period, constant after the horizon.
        """
        edges = self.edges_days
        out = np.zeros((len(times_days), len(self)))
        for row, x in enumerate(times_days):
            if x <= 0.0:
                continue
            if x >= edges[-1]:
                out[row, -1] = 1.0
                continue
            k = int(np.searchsorted(edges, x, side="right")) - 1
            share = (x - edges[k]) / self.days[k]
            out[row, k] += share
            if k:
                out[row, k - 1] += 1.0 - share
        return out

    def stock_mean(self, lag_days: float) -> Float:
        """Weights of the mean over each period of the stock `lag_days` earlier : float64[period, period].

        Parameters
        ----------
        lag_days : float [day]
            Lead time and delay (or these and the life, to take out what retires).

        Examples
        --------
        An order spread evenly over a 90-day quarter with no lag is half there on average:

        >>> grid = Grid.of(date(2027, 1, 1), quarters=2, half_years=0, years=0)
        >>> grid.stock_mean(0.0).tolist()
        [[0.5, 0.0], [0.5, 0.5]]
        """
        return _stock_mean(self, float(lag_days))

    def _integral(self, times_days: Float) -> Float:
        """Weights of the integral of the stock from the valuation date to given times : float64[time, period] [day]."""
        edges, days, n = self.edges_days, self.days, len(self)
        whole = np.zeros((n + 1, n))
        for k in range(n):
            whole[k + 1] = whole[k]
            whole[k + 1, k] += days[k] / 2
            if k:
                whole[k + 1, k - 1] += days[k] / 2
        out = np.zeros((len(times_days), n))
        for row, x in enumerate(times_days):
            if x <= 0.0:
                continue
            if x >= edges[-1]:
                out[row] = whole[n]
                out[row, -1] += x - edges[-1]
                continue
            k = int(np.searchsorted(edges, x, side="right")) - 1
            inside = x - edges[k]
            out[row] = whole[k]
            rising = inside**2 / (2 * days[k])
            out[row, k] += rising
            if k:
                out[row, k - 1] += inside - rising
        return out


def discount_factors(dates: Sequence[date], *, rate_frac_per_y: float, on: date) -> Float:
    """Discount factors ``(1 + r)^(-days / 365)`` of dated money to the day `on` : float64[date].

    Examples
    --------
    >>> discount_factors([date(2028, 1, 1)], rate_frac_per_y=0.1, on=date(2027, 1, 1)).round(6).tolist()
    [0.909091]
    """
    ahead = np.array([(d - on).days for d in dates], dtype=np.float64) / DAYS_PER_YEAR
    factors: Float = (1.0 + rate_frac_per_y) ** (-ahead)
    return factors


def _label(start: date, end: date) -> str:
    months = (end.year - start.year) * 12 + end.month - start.month
    if start.day == 1 and end.day == 1:
        if months == 1:
            return f"{start:%Y-%m}"
        if months == 3 and start.month in (1, 4, 7, 10):
            return f"{start.year}-Q{(start.month + 2) // 3}"
        if months == 6 and start.month in (1, 7):
            return f"{start.year}-H{(start.month + 5) // 6}"
        if months == 12:
            return f"{start.year}" if start.month == 1 else f"{start.year}/{(start.year + 1) % 100:02d}"
    return f"{start}..{end - timedelta(days=1)}"


@lru_cache(maxsize=512)
def _stock_mean(grid: Grid, lag_days: float) -> Float:
    """Remember weights: a grid has few lags, and a plan with many worlds asks for them thousands of times."""
    integral = grid._integral(grid.edges_days - lag_days)  # noqa: SLF001  (of this module)
    mean: Float = (integral[1:] - integral[:-1]) / grid.days[:, None]
    mean.setflags(write=False)
    return mean
