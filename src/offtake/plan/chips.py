"""Chips: orders, deliveries, and what is in service, accepted and powered.

    in service[t] = opening[t] + mean over t of C(tau - lead - delay) - C(tau - lead - delay - life)
    accepted <= in service,   accepted[t] <= accepted[t-1] + arrived[t],
    peak_ratio * sum over chips of accepted * IT watts <= energised

with C the cumulative orders of a fleet (one chip at one site).  Accepted chips may be fewer than those in service: that is early
retirement, and it is for good.  Otherwise a plan would un-accept chips for a quarter to owe less under a take-or-pay clause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.problem import Float, Problem
    from offtake.plan.sites import Energising


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Expressions over [path, period, fleet] in thousand chips; `most_chip` bounds `accepted` by what could ever stand there."""

    orders: Affine
    delivered: Affine
    in_service: Affine
    accepted: Affine
    most: Float


def add_chips(model: Model, problem: Problem, energising: Energising) -> Fleet:
    """Add orders of every fleet, supply and power limits, and what is accepted."""
    chips, fleets, grid = problem.chips, problem.fleets, problem.grid
    axes = (("path", problem.paths), ("period", grid.labels), ("fleet", fleet_labels(problem)))
    paths = len(problem.paths)
    shape = (paths, len(grid), len(fleets.chip))
    supply = chips.supply_chip[:, :, fleets.chip] / scales.CHIP
    orders = model.columns(
        "orders",
        axes=axes,
        upper=np.broadcast_to(supply.sum(axis=1, keepdims=True) * scales.OFF, shape),
        unit="k chip",
        describe="chips ordered for a site in a period",
        mask=np.broadcast_to(chips.order_open[None, :, fleets.chip], shape) & (supply.sum(axis=1, keepdims=True) > 0),
    )
    cumulative = orders.cumsum(1)
    delivered = cumulative.apply(chips.delivery_weights[:, fleets.chip], 1, over=(0, 2))
    opening = fleets.opening_chip / scales.CHIP
    in_service = cumulative.apply(chips.in_service_weights[:, fleets.chip], 1, over=(0, 2)) + opening
    _limit_supply(model, problem, delivered)
    most = _most(problem, supply, opening)
    accepted = model.columns(
        "accepted", axes=axes, upper=most, unit="k chip", describe="chips delivered, powered and accepted, mean of the period", mask=most > 0
    )
    model.rows("delivered", accepted - in_service, upper=0.0, axes=axes, unit="k chip", describe="accepted chips have been delivered", mask=most > 0)
    _retire_for_good(model, problem, cumulative, accepted, most)
    _limit_power(model, problem, energising, accepted)
    return Fleet(orders=orders, delivered=delivered, in_service=in_service, accepted=accepted, most=most)


def _retire_for_good(model: Model, problem: Problem, cumulative: Affine, accepted: Affine, most: Float) -> None:
    """Accepted chips grow by new deliveries only."""
    arrived = cumulative.apply(problem.chips.arrived_weights[:, problem.fleets.chip], 1, over=(0, 2))
    model.rows(
        "retired",
        (accepted[:, 1:] - accepted[:, :-1]) - (arrived[:, 1:] - arrived[:, :-1]),
        upper=0.0,
        axes=(("path", problem.paths), ("period", problem.grid.labels[1:]), ("fleet", fleet_labels(problem))),
        unit="k chip",
        describe="chips retired early do not come back",
        mask=most[:, 1:] > 0,
    )


def fleet_labels(problem: Problem) -> tuple[str, ...]:
    """Name of each fleet: ``site/chip``."""
    return problem.work.pools[: problem.work.fleets]


def _limit_supply(model: Model, problem: Problem, delivered: Affine) -> None:
    chips, fleets = problem.chips, problem.fleets
    of_chip = (fleets.chip[None, :] == np.arange(len(chips.ids))[:, None]).astype(float)
    model.rows(
        "chip_supply",
        delivered.apply(of_chip, 2),
        upper=chips.supply_chip / scales.CHIP,
        axes=(("path", problem.paths), ("period", problem.grid.labels), ("chip", chips.ids)),
        unit="k chip",
        describe="deliveries of a chip are at most what its maker supplies to this alliance",
    )


def _limit_power(model: Model, problem: Problem, energising: Energising, accepted: Affine) -> None:
    sites, fleets = problem.sites, problem.fleets
    kw = problem.chips.it_w_per_chip[fleets.chip] * scales.CHIP / 1e6
    at_site = (fleets.site[None, :] == np.arange(len(sites.ids))[:, None]) * kw[None, :]
    it_mw = accepted.apply(at_site, 2)
    model.rows(
        "power",
        it_mw * sites.peak_ratio - energising.energised_mw,
        upper=0.0,
        axes=(("path", problem.paths), ("period", problem.grid.labels), ("site", sites.ids)),
        unit="MW",
        describe="peak facility power of accepted chips is at most what is energised",
    )


def _most(problem: Problem, supply: Float, opening: Float) -> Float:
    """Bound what can be accepted by supply so far and by the site's power, a little off both [k chip]."""
    sites, fleets = problem.sites, problem.fleets
    by_supply = opening + np.cumsum(supply, axis=1)
    watts = problem.chips.it_w_per_chip[fleets.chip] * sites.peak_ratio[fleets.site]
    by_power = sites.interconnected_mw[:, :, fleets.site] * 1e6 / watts / scales.CHIP
    most: Float = np.minimum(by_supply, np.maximum(by_power, sites.energised_mw[fleets.site] * 1e6 / watts / scales.CHIP))
    return most * scales.OFF
