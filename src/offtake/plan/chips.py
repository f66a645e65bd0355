"""Chips: orders, deliveries, and what is in service, accepted and powered.

    in service[t] = opening[t] + mean over t of C(tau - lead - delay) - C(tau - lead - delay - life)
    accepted + retired <= in service,   peak_ratio * sum over chips of accepted * IT watts <= energised
    accepted + retired + ended and retired + ended never fall,   ended = what has reached the end of its life

with C the cumulative orders of a fleet (one chip at one site).  Chips may wait for power.  Once accepted they stay so until the end of
their life, or are retired early, and that is for good: otherwise a plan would un-accept chips for a quarter to owe less under a
take-or-pay clause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales
from offtake.plan.ties import own, shared
from offtake.plan.withheld import NONE, promised_chip, withheld_weights

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.problem import Float, Problem
    from offtake.plan.sites import Energising


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Expressions over [path, period, fleet] in thousand chips; `most` bounds `accepted` by what could ever stand there.

    `ready` are chips in service that have not been retired, accepted or not.
    """

    orders: Affine
    delivered: Affine
    in_service: Affine
    ready: Affine
    accepted: Affine
    most: Float


def add_chips(model: Model, problem: Problem, energising: Energising) -> Fleet:
    """Add orders of every fleet, supply and power limits, and what is accepted."""
    chips, fleets, grid = problem.chips, problem.fleets, problem.grid
    axes = (("path", problem.paths), ("period", grid.labels), ("fleet", fleet_labels(problem)))
    paths = len(problem.paths)
    shape = (paths, len(grid), len(fleets.chip))
    supply = chips.supply_chip[:, :, fleets.chip] / scales.CHIP
    wanted = (promised_chip(chips)[:, :, fleets.chip] / scales.CHIP).sum(axis=1, keepdims=True).max(axis=0)
    orders = model.columns(
        "orders",
        axes=axes,
        upper=np.broadcast_to(wanted * scales.OFF, shape),
        unit="k chip",
        describe="chips ordered for a site in a period",
        mask=np.broadcast_to(chips.order_open[None, :, fleets.chip], shape)
        & (wanted > 0)
        & own(problem.ties.orders)[:, :, None],
    )
    orders = shared(orders, problem.ties.orders)
    cumulative = orders.cumsum(1)
    _limit_supply(model, problem, cumulative)
    delivered, in_service, arrived = _what_comes(problem, orders, cumulative)
    opening = fleets.opening_chip / scales.CHIP
    in_service = in_service + opening
    most = _most(problem, supply, opening)
    accepted = model.columns(
        "accepted",
        axes=axes,
        upper=most,
        unit="k chip",
        describe="chips delivered, powered and accepted, mean of the period",
        mask=most > 0,
    )
    retired = model.columns(
        "retired",
        axes=axes,
        upper=most,
        unit="k chip",
        describe="chips retired before the end of their life",
        mask=most > 0,
    )
    kept = accepted + retired
    model.rows(
        "delivered",
        kept - in_service,
        upper=0.0,
        axes=axes,
        unit="k chip",
        describe="accepted chips have been delivered",
        mask=most > 0,
    )
    _retire_for_good(model, problem, kept, retired, arrived - in_service)
    _limit_power(model, problem, energising, accepted)
    return Fleet(
        orders=orders,
        delivered=delivered,
        in_service=in_service,
        ready=in_service - retired,
        accepted=accepted,
        most=most,
    )


def _retire_for_good(model: Model, problem: Problem, kept: Affine, retired: Affine, ended: Affine) -> None:
    """Let accepted chips leave by the end of their life or for good; `ended` is over [path, period, fleet] but for a constant."""
    axes = (("path", problem.paths), ("period", problem.grid.labels[1:]), ("fleet", fleet_labels(problem)))
    for name, stock, describe in (
        ("kept", kept + ended, "accepted chips stay accepted, or are retired"),
        ("retired_for_good", retired + ended, "chips retired early do not come back"),
    ):
        model.rows(name, stock[:, 1:] - stock[:, :-1], lower=0.0, axes=axes, unit="k chip", describe=describe)


def _what_comes(problem: Problem, orders: Affine, cumulative: Affine) -> tuple[Affine, Affine, Affine]:
    """Return what of the orders is delivered, in service and has arrived : [path, period, fleet] [k chip] each."""
    chips, of_fleet = problem.chips, problem.fleets.chip
    each = np.stack(
        [w[:, of_fleet] for w in (chips.delivery_weights, chips.in_service_weights, chips.arrived_weights)], axis=2
    )  # [path, fleet, what, period, order period], of cumulative orders
    missing = withheld_weights(problem)
    if missing is None:
        delivered, in_service, arrived = (cumulative.apply(each[:, :, k], 1, over=(0, 2)) for k in range(3))
    else:
        of_order = np.flip(np.cumsum(np.flip(each, 4), axis=4), 4) - missing
        of_order[np.abs(of_order) < NONE] = 0.0  # all of a cohort is withheld, but for rounding
        delivered, in_service, arrived = (orders.apply(of_order[:, :, k], 1, over=(0, 2)) for k in range(3))
    return delivered, in_service, arrived


def _limit_supply(model: Model, problem: Problem, ordered: Affine) -> None:
    """Limit what is ordered for each period by what makers promise; `ordered` is cumulative : [path, period, fleet] [k chip].

    Makers accept orders for the dates of their plan; in a future that is late all of them come later, and of what is promised and not
    made each order has its part (`offtake.plan.withheld`).
    """
    chips, fleets = problem.chips, problem.fleets
    of_chip = (fleets.chip[None, :] == np.arange(len(chips.ids))[:, None]).astype(float)
    planned = ordered.apply(chips.planned_weights[fleets.chip], 1, over=2)
    model.rows(
        "chip_supply",
        planned.apply(of_chip, 2),
        upper=promised_chip(chips) / scales.CHIP,
        axes=(("path", problem.paths), ("period", problem.grid.labels), ("chip", chips.ids)),
        unit="k chip",
        describe="orders of a chip are at most what its maker promises to this alliance",
    )


def fleet_labels(problem: Problem) -> tuple[str, ...]:
    """Name of each fleet: ``site/chip``."""
    return problem.work.pools[: problem.work.fleets]


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
    most: Float = np.minimum(
        by_supply, np.maximum(by_power, sites.energised_mw[fleets.site] * 1e6 / watts / scales.CHIP)
    )
    return most * scales.OFF
