"""What several processes share: names of innovations, laws from normal numbers, and times in years.

Axes ``[path, period]``; a year has 365 days, as everywhere in the plan.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from offtake.dates import DAYS_PER_YEAR
from offtake.spec.fields import Unit
from offtake.spec.outlook import Innovation
from offtake.spec.scalars import Problem

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from offtake.dates import Grid

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = [
    "Spread",
    "edges_y",
    "known_from",
    "learned",
    "learned_slots",
    "mixed",
    "once",
    "poisson",
    "shock",
    "uniform",
]


Spread = Annotated[float, Unit("%", at_most=5.0)]
"""Standard deviation of a logarithm; e⁵ is far beyond anything thinkable."""


MOST_LOG = 50.0
"""A factor is cut at e⁵⁰ and at its inverse, far beyond anything thinkable, so that no terms give one that is no number."""


def once(rank: int = 1, *, known: int = 1) -> Innovation:
    """Name a number that is drawn once for all time; `rank` 1 is the process's first."""
    return Innovation("once" if rank == 1 else f"once.{rank}", known)


def shock(period: int, rank: int = 1) -> Innovation:
    """Name the number of a period: it is known when the period is over."""
    return Innovation(f"{period}" if rank == 1 else f"{period}.{rank}", period + 1)


def known_from(day: date | None, grid: Grid) -> int:
    """Return the first period that begins on a day or after it, at least 1 (what is known now is not uncertain).

    Examples
    --------
    >>> from datetime import date
    >>> from offtake.dates import Grid
    >>> grid = Grid.of(date(2026, 7, 1), quarters=4, half_years=0, years=0)
    >>> known_from(date(2027, 1, 1), grid), known_from(date(2027, 1, 2), grid), known_from(None, grid)
    (2, 3, 1)
    """
    if day is None:
        return 1
    return max(1, sum(start < day for start in grid.starts))


def passed(key: str, day: date | None, grid: Grid) -> tuple[Problem, ...]:
    """Refuse a day on which something is known or decided, if it is not after the valuation date."""
    if day is None or day > grid.start:
        return ()
    said = f"{day} has passed on the valuation date {grid.start}"
    return (Problem("E502", said, "leave it out: what is known stands in the scenario", (key,)),)


def edges_y(grid: Grid) -> Float:
    """Return the edges of the periods in years from the first day : float64[period + 1] [y]."""
    years: Float = grid.edges_days / DAYS_PER_YEAR
    return years


def learned_slots(learned_y: float, rank: int, grid: Grid) -> tuple[Innovation, ...]:
    """Name the numbers of a draw: one for all time, or one for each period in which it is learned."""
    if not learned_y:
        return (once(rank),)
    return tuple(shock(t, rank) for t in range(int(np.count_nonzero(_shares(learned_y, grid)))))


def learned(z: Float, learned_y: float, grid: Grid) -> Float:
    """Return what is believed of a standard normal draw in each period : float64[path, period].

    The belief is a martingale: period k adds sqrt(w_k) Z_k, w_k being the share of the time of learning that lies in it, so that the
    variance is w_0 + … + w_k and ends at 1. Where nothing is learned over time the draw is known from the first period on.

    Parameters
    ----------
    z : float64[path, dimension]    its numbers, named by `learned_slots`
    learned_y : float [y]           over which it becomes known; 0: with the first period
    """
    steps = np.zeros((len(z), len(grid)))
    steps[:, : z.shape[1]] = z * np.sqrt(_shares(learned_y, grid)[: z.shape[1]]) if learned_y else z
    return np.cumsum(steps, axis=1)


def _shares(learned_y: float, grid: Grid) -> Float:
    """Return which share of the time of learning lies in each period : float64[period]."""
    shares: Float = np.diff(np.minimum(edges_y(grid), learned_y)) / learned_y
    return shares


def mixed(z: Float, factor: NDArray[np.floating[Any]]) -> Float:
    """Return numbers with covariances ``factor @ factor.T`` of independent ones : float64[path, period].

    A path's bytes do not depend on how many paths there are, as they would in a product of matrices.
    """
    mixture = np.zeros((len(z), len(factor)))
    for k in range(z.shape[1]):
        mixture += z[:, k : k + 1] * factor[:, k]
    return mixture


def uniform(z: Float) -> Float:
    """Return the probability of less than each standard normal number; below 1 also where no double is nearer."""
    from scipy.special import ndtr

    result: Float = np.minimum(ndtr(z), 1.0 - 2.0**-53)
    return result


def poisson(mean: float, u: Float) -> Int:
    """Return the quantiles of the Poisson law : int64, of the shape of `u`.

    Examples
    --------
    >>> poisson(0.5, np.array([0.5, 0.7, 0.95, 0.99])).tolist()
    [0, 1, 2, 3]
    """
    most = int(mean + 12.0 * math.sqrt(mean) + 30.0)  # beyond any double below 1
    counts = np.arange(most)
    logs = counts * math.log(mean) - mean - np.cumsum(np.log(np.maximum(counts, 1)))
    found: Int = np.searchsorted(np.cumsum(np.exp(logs)), u).astype(np.int64)
    return found
