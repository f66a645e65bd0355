"""Chips that makers promised and do not make: each order gets its part of what is made, and nobody pays for the rest.

Makers accept orders for the dates of their plan up to what they promise, the same on all paths, and paths share orders: shared orders
could otherwise be no larger than the worst path delivers.  What is made is allotted pro rata:

    delivered of what was ordered for a period = what was ordered for it × supply / (supply + withheld)

so that a path's supply is never passed and nobody chooses what does not come.  Were that chosen, a failing maker would be an option to
cancel an order for nothing.  What is withheld is counted by cohort: the part of a period's orders whose delivery was planned for one
period.  A cohort would have come, retired and counted at the same times, so that a stock less what is withheld of it is never below zero.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan.compile_supply import lag_days

if TYPE_CHECKING:
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
    missing: Float = (_weights(problem, planned, ordered) * part[:, :, None, None, :]) @ of_order
    return missing


def _weights(problem: Problem, planned: Int, ordered: Int) -> Float:
    """Weigh one chip of each cohort : float64[path, fleet, (delivered, in service, arrived), period, cohort]."""
    chips, of_fleet, spec = problem.chips, problem.fleets.chip, problem.scenario.chips
    edges = problem.grid.edges_days[:, None]

    @cache
    def weights(c: int, late: float, life: float) -> Float:
        lag = lag_days(spec[c].lead_time_months, spec[c].delay_months)
        first = np.maximum(edges[ordered, 0] + lag, edges[planned, 0])
        last = np.minimum(edges[ordered + 1, 0] + lag, edges[planned + 1, 0])
        width = np.maximum(last - first, NONE)

        def come(late: float) -> Float:
            found: Float = np.clip((edges - first - late) / width, 0.0, 1.0)
            return found

        def mean(late: float) -> Float:
            since = np.maximum(edges - first - late, 0.0)
            upto = np.where(since < width, since**2 / (2 * width), since - width / 2)
            found: Float = np.diff(upto, axis=0) / np.diff(edges, axis=0)
            return found

        return np.stack([np.diff(come(late), axis=0), mean(late) - mean(late + life), mean(late)])

    rows = zip(chips.late_days[:, of_fleet].tolist(), chips.lives_days[:, of_fleet].tolist(), strict=True)
    return np.array(
        [[weights(int(c), d, y) for c, d, y in zip(of_fleet, late, life, strict=True)] for late, life in rows]
    )
