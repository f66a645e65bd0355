"""Chips that a maker promised and does not make: neither delivered nor paid.

Makers accept orders for the dates of their plan, and paths share orders.  Shared orders could otherwise be no larger than the worst path
delivers.  What is withheld is counted by cohort: the part of a period's orders whose delivery was planned for one period.  A cohort is no
larger than what was ordered of it, and comes, retires and counts at the same times as if it were not withheld, so that a stock less what
is withheld of it is never below zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales
from offtake.plan.compile_supply import lag_days

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.problem import Float, Int, Problem

NONE = 1e-9
"""A smaller share of a period's orders is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """What is missing of planned deliveries and of three stocks : Affine[path, period, fleet] [k chip]."""

    planned: Affine
    delivered: Affine
    in_service: Affine
    arrived: Affine


def add_withheld(model: Model, problem: Problem, orders: Affine, fleet_labels: tuple[str, ...]) -> Withheld | None:
    """Let makers withhold of orders [path, period, fleet] what they fail to make of their plan; None where they make all."""
    chips, of_fleet, grid = problem.chips, problem.fleets.chip, problem.grid
    short = chips.withheld_chip / scales.CHIP
    if not short[:, :, of_fleet].any():
        return None
    share = np.flip(np.cumsum(np.flip(chips.planned_weights, 2), axis=2), 2)  # [chip, planned, ordered], of one order
    planned, ordered = np.nonzero((share[of_fleet] > NONE).any(axis=0))
    part = share[of_fleet][:, planned, ordered]  # [fleet, cohort]
    labels = tuple(f"{grid.labels[q]}, planned for {grid.labels[t]}" for t, q in zip(planned, ordered, strict=True))
    axes = (("path", problem.paths), ("cohort", labels), ("fleet", fleet_labels))
    missed = short[:, planned][:, :, of_fleet]
    lost = model.columns(
        "withheld",
        axes=axes,
        upper=missed,
        unit="k chip",
        describe="chips ordered that the maker does not deliver",
        mask=(missed > 0) & (part.T > NONE)[None] & chips.order_open[ordered][:, of_fleet][None],
    )
    of_order = part[:, :, None] * (ordered[:, None] == np.arange(len(grid)))  # [fleet, cohort, ordered]
    model.rows(
        "withheld_orders",
        lost - orders.apply(of_order, 1, over=2),
        upper=0.0,
        axes=axes,
        unit="k chip",
        describe="a maker withholds no more than was ordered",
        mask=missed > 0,
    )
    in_period = (planned[None, :] == np.arange(len(grid))[:, None]).astype(float)
    of_chip = (of_fleet[None, :] == np.arange(len(chips.ids))[:, None]).astype(float)
    by_period = lost.apply(in_period, 1)
    model.rows(
        "withheld_chips",
        by_period.apply(of_chip, 2),
        upper=short,
        axes=(("path", problem.paths), ("period", grid.labels), ("chip", chips.ids)),
        unit="k chip",
        describe="a maker withholds no more than it fails to make of its plan",
        mask=short > 0,
    )
    weights = _weights(problem, planned, ordered)
    return Withheld(
        planned=by_period,
        delivered=lost.apply(weights[:, :, 0], 1, over=(0, 2)),
        in_service=lost.apply(weights[:, :, 1], 1, over=(0, 2)),
        arrived=lost.apply(weights[:, :, 2], 1, over=(0, 2)),
    )


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
