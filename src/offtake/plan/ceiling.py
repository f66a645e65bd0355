"""The contract's ceiling: at no time is more accepted under the contract than it allows, whether it is used or stands idle.

What counts is what is accepted less what the provider sells outside.  It is held to the ceiling in the mean of every period, and within it
at the ends of quarters and where deliveries or retirements bend the stock: between these it is linear, so that what holds there holds
throughout.

    accepted - sold <= ceiling                                        mean of the period
    S(e) - retired - sold - waits(e) <= ceiling                       at each such end e
    accepted <= in service - retired - mean over the period of waits  what waits is not accepted meanwhile

with S the chips in service, in MW of IT power.  Without the last two, chips that arrive in the course of a period could be accepted at its
end beyond the ceiling, because its mean is below: a year that begins at nothing and ends at twice the ceiling has the ceiling as its mean,
and yet can only ever use three quarters of it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import HOURS_PER_DAY
from offtake.plan import scales
from offtake.plan.compile_supply import lag_days
from offtake.plan.withheld import NONE, promised_chip, withheld_at

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.chips import Fleet
    from offtake.plan.problem import Bool, Float, Problem

MEAN = "mean"
"""Name of the row of a period's mean beside those of the ends within it."""
JUST = 0.01
"""Just before and just after the day on which opening chips leave at once [day]."""


def limit_ceiling(model: Model, problem: Problem, fleet: Fleet, sold: Affine) -> None:
    """Keep what is accepted under the contract below its ceiling, in the mean of a period and at the ends of its quarters.

    Parameters
    ----------
    sold : [path, period, fleet] [M chip-h]    resold outside, which is not under the contract
    """
    if problem.ceiling_it_mw is None or problem.signed is False:
        return
    of_fleet = problem.fleets.chip
    kw = problem.chips.it_w_per_chip[of_fleet] * scales.CHIP / 1e6  # [fleet], MW per thousand chips
    hours = problem.grid.days[:, None] * HOURS_PER_DAY * problem.chips.availability_frac[..., of_fleet]
    outside = (sold * (kw * scales.CHIP_H / scales.CHIP / hours)).sum(axis=2)
    accepted, ready = (fleet.accepted * kw).sum(axis=2), (fleet.ready * kw).sum(axis=2)
    retired = ((fleet.in_service - fleet.ready) * kw).sum(axis=2)
    ends, share = ends_within(problem)
    paths, periods, most = len(problem.paths), *ends.shape
    there = np.zeros((paths, periods, 1 + most), dtype=bool)
    there[:, :, 0] = problem.contract_share > 0
    there[:, :, 1:] = _may_pass(problem)[:, None, None] & there[:, :, :1] & (np.isfinite(ends))
    path_period = (("path", problem.paths), ("period", problem.grid.labels))
    waits = model.columns(
        "ceiling_waits",
        axes=(*path_period, ("end", tuple(str(k) for k in range(most)))),
        unit="MW",
        describe="IT power of chips in service that wait at the end of a quarter, because the ceiling is reached",
        mask=there[:, :, 1:],
    )
    stands = in_service_at(problem, fleet.orders, ends)
    here = stands - waits - (retired + outside).expand_dims(2).broadcast_to(stands.shape)
    mean = (accepted - outside).expand_dims(2)
    model.rows(
        "ceiling",
        type(here).concatenate([mean, here], axis=2),
        upper=problem.ceiling_it_mw,
        axes=(*path_period, ("at", (MEAN, *(str(k) for k in range(most))))),
        unit="MW",
        describe="IT power accepted under the contract is at most its ceiling",
        mask=there,
    )
    model.rows(
        "ceiling_kept",
        accepted - ready + (waits * share).sum(axis=2),
        upper=0.0,
        axes=path_period,
        unit="MW",
        describe="chips that wait for room below the ceiling are not accepted meanwhile",
        mask=there[:, :, 1],
    )


def ends_within(problem: Problem) -> tuple[Float, Float]:
    """Return the times at which each period is held, its start first, and the weights of the mean of what is linear between them.

    They are the ends of its quarters, the days on which deliveries or retirements begin or end, and just before and after those on which
    opening chips reach the end of their life.

    Returns
    -------
    (float64[period, end] [day], float64[period, end])    days since the valuation date, NaN after a period's last; weights add up to 1

    Examples
    --------
    >>> from datetime import date
    >>> from types import SimpleNamespace
    >>> from offtake.dates import Grid
    >>> from offtake.plan.compile import pay_intervals
    >>> grid = Grid.of(date(2027, 1, 1), quarters=1, half_years=1, years=0)
    >>> none = SimpleNamespace(chips=())
    >>> fleets = SimpleNamespace(chip=np.array([], dtype=int))
    >>> ends, share = ends_within(SimpleNamespace(grid=grid, pay=pay_intervals(grid), scenario=none, fleets=fleets))
    >>> ends.tolist(), share.round(3).tolist()
    ([[0.0, 90.0, nan], [90.0, 181.0, 273.0]], [[0.5, 0.5, 0.0], [0.249, 0.5, 0.251]])
    """
    grid, parts = problem.grid, problem.pay
    times = {grid.at(day) for day in parts.ends}
    times |= {at + beside for at in _retirements(problem) for beside in (-JUST, JUST)}
    times |= _bends(problem)
    held = []
    for start, end in zip(grid.edges_days[:-1].tolist(), grid.edges_days[1:].tolist(), strict=True):
        held.append([start, *sorted(t for t in times if start < t < end), end])
    most = max(map(len, held))
    ends = np.array([[*row, *[np.nan] * (most - len(row))] for row in held])
    wide = np.nan_to_num(np.diff(ends, axis=1)) / 2 / grid.days[:, None]
    share = np.pad(wide, ((0, 0), (0, 1))) + np.pad(wide, ((0, 0), (1, 0)))
    return ends, share


def _retirements(problem: Problem) -> set[float]:
    """List the days on which opening chips reach the end of their life, since the valuation date."""
    return {
        problem.grid.at(lot.in_service) + float(problem.chips.life_days[c])
        for c, spec in enumerate(problem.scenario.chips)
        for lot in spec.opening
    }


def _bends(problem: Problem) -> set[float]:
    """List the days on which deliveries of an order begin or end, or its chips begin or end to leave, on any path, in days from the start.

    Between two of them a stock is linear: orders of a period are spread evenly over it, and come and leave in the same order.
    """
    grid, found = problem.grid, set[float]()
    for c in set(problem.fleets.chip.tolist()):
        spec, chips = problem.scenario.chips[c], problem.chips
        lag = lag_days(spec.lead_time_months, spec.delay_months)
        for late, life in set(zip(chips.late_days[:, c].tolist(), chips.lives_days[:, c].tolist(), strict=True)):
            found |= {at for edge in grid.edges_days.tolist() for at in (edge + lag + late, edge + lag + late + life)}
    return found


def in_service_at(problem: Problem, orders: Affine, ends_days: Float) -> Affine:
    """Give the IT power of the chips in service at the ends of quarters : [path, period, end] [MW]; 0 where there is no end.

    The opening stock of a chip stands to the end of its life, that day included where a period ends on it.
    """
    chips, of_fleet, grid = problem.chips, problem.fleets.chip, problem.grid
    spec = problem.scenario.chips
    times = np.where(np.isfinite(ends_days), ends_days, 0.0).ravel()

    @cache
    def weights(c: int, late: float, life: float) -> Float:
        lag = lag_days(spec[c].lead_time_months, spec[c].delay_months) + late
        of_stock = grid.stock_at(times - lag) - grid.stock_at(times - lag - life)
        found: Float = np.flip(np.cumsum(np.flip(of_stock, 1), axis=1), 1)  # of an order, not of the cumulative stock
        return found

    rows = zip(chips.late_days[:, of_fleet].tolist(), chips.lives_days[:, of_fleet].tolist(), strict=True)
    of_order = np.array(
        [[weights(int(c), d, y) for c, d, y in zip(of_fleet, late, life, strict=True)] for late, life in rows]
    )  # [path, fleet, end, order period]
    missing = withheld_at(problem, times)
    if missing is not None:
        of_order = of_order - missing
    of_order[np.abs(of_order) < NONE] = 0.0
    kw = chips.it_w_per_chip[of_fleet] * scales.CHIP / 1e6
    bought = (orders.apply(of_order, 1, over=(0, 2)) * kw).sum(axis=2)
    standing = bought.reshape((len(problem.paths), *ends_days.shape)) + _opening_mw(problem, ends_days)
    return standing * np.isfinite(ends_days).astype(float)


def _opening_mw(problem: Problem, ends_days: Float) -> Float:
    """Give the IT power of the opening stock : float64[period, end] [MW]."""
    chips, grid = problem.chips, problem.grid
    total = np.zeros(ends_days.shape)
    first = np.zeros(ends_days.shape, dtype=bool)
    first[:, 0] = True
    for c, spec in enumerate(problem.scenario.chips):
        for lot in spec.opening:
            retires = grid.at(lot.in_service) + chips.life_days[c]
            stands = np.where(first, ends_days < retires, ends_days <= retires)
            total += lot.count_chip * chips.it_w_per_chip[c] / 1e6 * stands
    return total


def _may_pass(problem: Problem) -> Bool:
    """Say on which paths all that stands and all that makers promise comes to more than the ceiling : bool[path]."""
    chips, fleets = problem.chips, problem.fleets
    opening = (fleets.opening_chip * chips.it_w_per_chip[fleets.chip]).sum(axis=1).max(initial=0.0)
    own = np.isin(np.arange(len(chips.ids)), fleets.chip)
    promised = (promised_chip(chips).sum(axis=1) * chips.it_w_per_chip * own).sum(axis=1)
    passes: Bool = (opening + promised) / 1e6 > (problem.ceiling_it_mw or 0.0)
    return passes
