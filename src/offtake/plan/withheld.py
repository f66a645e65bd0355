"""Chips that makers promised and do not make: each order gets its part of what is made, and nobody pays for the rest.

Makers accept orders for the dates of their plan up to what they promise, the same on all paths, and paths share orders: shared orders
could otherwise be no larger than the worst path delivers.  What is made is allotted pro rata:

    delivered of what was ordered for a period = what was ordered for it × supply / (supply + withheld)

so that a path's supply is never passed and nobody chooses what does not come.  Were that chosen, a failing maker would be an option to
cancel an order for nothing.  What is withheld is counted by cohort: the part of a period's orders whose delivery was planned for one
period.  A cohort would have come, retired and counted at the same times, so that a stock less what is withheld of it is never below zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan.compile_supply import lag_days

if TYPE_CHECKING:
    from collections.abc import Callable

    from offtake.plan.problem import Chips, Float, Int, Problem

NONE = 1e-9
"""A smaller share of a period's orders is rounding."""


def promised_chip(chips: Chips) -> Float:
    """Return what makers accept orders for : float64[path, period, chip] [chip]."""
    promised: Float = chips.supply_chip + chips.withheld_chip
    return promised


def promising(problem: Problem, least_chip: Float) -> Problem:
    """Let makers promise at least so many chips on every path : float64[period, chip] [chip]; their supply is what it was."""
    chips = problem.chips
    more = np.maximum(chips.withheld_chip, least_chip[None] - chips.supply_chip)
    return replace(problem, chips=replace(chips, withheld_chip=more))


def made_frac(chips: Chips) -> Float:
    """Return the part of what is ordered for a period that is made : float64[path, period, chip] [frac]; all where nothing is promised.

    Examples
    --------
    Of 1,000 chips promised 400 are made: whoever ordered 500 gets 200.

    >>> from types import SimpleNamespace
    >>> half = SimpleNamespace(supply_chip=np.array([[[400.0]]]), withheld_chip=np.array([[[600.0]]]))
    >>> (500.0 * made_frac(half)).tolist()
    [[[200.0]]]
    """
    promised = promised_chip(chips)
    made: Float = np.divide(chips.supply_chip, promised, out=np.ones_like(promised), where=chips.withheld_chip > 0)
    return made


def withheld_weights(problem: Problem) -> Float | None:
    """Return what is missing of one chip ordered : float64[path, fleet, (delivered, in service, arrived), period, order period].

    None where makers make all that they promise.
    """
    edges = problem.grid.edges_days[:, None]

    def weigh(come: Come, life: float) -> Float:
        mean = np.diff(come.integral(edges), axis=0) / np.diff(edges, axis=0)
        without = np.diff(come.integral(edges - life), axis=0) / np.diff(edges, axis=0)
        return np.stack([np.diff(come.share(edges), axis=0), mean - without, mean])

    return _missing(problem, weigh)


def withheld_at(problem: Problem, times_days: Float) -> Float | None:
    """Return what is missing in service at given times of one chip ordered : float64[path, fleet, time, order period]."""
    times = times_days[:, None]
    return _missing(problem, lambda come, life: come.share(times) - come.share(times - life))


def _missing(problem: Problem, weigh: Callable[[Come, float], Float]) -> Float | None:
    """Add up what is missing of the cohorts of an order : float64[path, fleet, …, order period]; `weigh` gives [..., cohort]."""
    chips, of_fleet, grid = problem.chips, problem.fleets.chip, problem.grid
    short = 1.0 - made_frac(chips)[:, :, of_fleet]  # [path, planned, fleet]
    if not short.any():
        return None
    share = np.flip(np.cumsum(np.flip(chips.planned_weights, 2), axis=2), 2)[
        of_fleet
    ]  # [fleet, planned, ordered], of one order
    planned, ordered = np.nonzero((share > NONE).any(axis=0))
    part = short[:, planned].transpose(0, 2, 1) * share[:, planned, ordered]  # [path, fleet, cohort]
    of_order = (ordered[:, None] == np.arange(len(grid))).astype(float)  # [cohort, ordered]
    found = _weights(problem, planned, ordered, weigh)
    missing: Float = (found * part.reshape(*part.shape[:2], *[1] * (found.ndim - 3), -1)) @ of_order
    return missing


@dataclass(frozen=True, slots=True)
class Come:
    """When the chips of each cohort come, evenly between two days : float64[cohort] [day] each."""

    first: Float
    width: Float

    def share(self, times_days: Float) -> Float:
        """Return the part that has come by given times : float64[time, cohort]."""
        found: Float = np.clip((times_days - self.first) / self.width, 0.0, 1.0)
        return found

    def integral(self, times_days: Float) -> Float:
        """Return the integral of that part up to given times : float64[time, cohort] [day]."""
        since = np.maximum(times_days - self.first, 0.0)
        found: Float = np.where(since < self.width, since**2 / (2 * self.width), since - self.width / 2)
        return found


def _weights(problem: Problem, planned: Int, ordered: Int, weigh: Callable[[Come, float], Float]) -> Float:
    """Weigh one chip of each cohort : float64[path, fleet, …, cohort]."""
    chips, of_fleet, spec = problem.chips, problem.fleets.chip, problem.scenario.chips
    edges = problem.grid.edges_days

    @cache
    def weights(c: int, late: float, life: float) -> Float:
        lag = lag_days(spec[c].lead_time_months, spec[c].delay_months)
        first = np.maximum(edges[ordered] + lag, edges[planned])
        last = np.minimum(edges[ordered + 1] + lag, edges[planned + 1])
        return weigh(Come(first + late, np.maximum(last - first, NONE)), life)

    rows = zip(chips.late_days[:, of_fleet].tolist(), chips.lives_days[:, of_fleet].tolist(), strict=True)
    return np.array(
        [[weights(int(c), d, y) for c, d, y in zip(of_fleet, late, life, strict=True)] for late, life in rows]
    )
