"""The quantities that payments are functions of, as expressions of the problem's columns and, once solved, as numbers.

One mapping serves both readers: `offtake.deal.rows` reads the expressions, `offtake.deal.settle` their values in natural units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import HOURS_PER_DAY
from offtake.deal.quantities import Measure, Scales
from offtake.plan import scales
from offtake.plan.problem import PARTIES, Party

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.plan.capacity import Work
    from offtake.plan.chips import Fleet
    from offtake.plan.finance import Loan
    from offtake.plan.problem import Float, Problem
    from offtake.plan.serving import Serving
    from offtake.plan.sites import Energising
    from offtake.plan.training import Training

SCALES = Scales(
    usd=scales.USD,
    chip_h=scales.CHIP_H,
    mw=scales.MW,
    mw_h=1e6,
    mw_y=1.0,
    chip=scales.CHIP,
    chip_y=scales.CHIP,
    mtok=scales.TOK / 1e6,
)
"""What one unit of a measure's expression is worth in natural units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """All physical blocks of one problem."""

    energising: Energising
    fleet: Fleet
    work: Work
    training: Training
    serving: Serving
    loans: Mapping[Party, Loan]


def measures(problem: Problem, physics: Physics) -> dict[Measure, Affine]:
    """Express every measure over [path, period] in model units (see `SCALES`)."""
    return {
        **_site_measures(problem, physics),
        **_chip_measures(problem, physics),
        **_work_measures(problem, physics),
        **_channel_measures(problem, physics),
        **_loan_measures(physics),
    }


def values(found: Mapping[Measure, Affine], x: Float) -> dict[Measure, Float]:
    """Evaluate measures in natural units : [path, period].

    The solver works to a tolerance; a state is rounded to 0 or 1 and a quantity that is negative by no more than that is zero.
    """
    out: dict[Measure, Float] = {}
    for measure, expr in found.items():
        value = expr.value(x) * SCALES.of(measure.unit)
        out[measure] = (
            np.round(value)
            if measure.sort == "state"
            else np.where(np.abs(value) < 1e-9 * SCALES.of(measure.unit), 0.0, value)
        )
    return out


def _site_measures(problem: Problem, physics: Physics) -> dict[Measure, Affine]:
    sites, grid, energising = problem.sites, problem.grid, physics.energising
    found: dict[Measure, Affine] = {}
    energy = _energy(problem, physics)
    for s, site in enumerate(sites.ids):
        found[Measure("site_built_mw", site)] = energising.built_mw[:, :, s]
        first = (np.arange(len(grid)) == 0).astype(float)
        found[Measure("site_opened", site)] = (
            energising.opened[:, s].expand_dims(1).broadcast_to((len(problem.paths), len(grid))) * first
        )
        found[Measure("site_running_mw_y", site)] = energising.standing_mw[:, :, s] * (
            grid.years_long / sites.peak_ratio[s]
        )
        found[Measure("energy_mw_h", site)] = energy[:, :, s]
    return found


def _energy(problem: Problem, physics: Physics) -> Affine:
    """Energy by site : [path, period, site] [M MWh]: accepted chips draw their idle share always, the rest when they run."""
    chips, fleets, sites, work = problem.chips, problem.fleets, problem.sites, problem.work
    hours = problem.grid.days * HOURS_PER_DAY
    idle = chips.idle_frac[fleets.chip]
    mw_per_kchip = chips.it_w_per_chip[fleets.chip] * scales.CHIP / 1e6
    standing = physics.fleet.accepted * (mw_per_kchip * idle)[None, None, :] * hours[None, :, None]
    by_fleet = (work.pool[None, :] == np.arange(work.fleets)[:, None]).astype(float)
    mwh_per_mchiph = chips.it_w_per_chip[fleets.chip] * scales.CHIP_H / 1e6
    running = physics.work.hours.apply(by_fleet, 2) * (mwh_per_mchiph * (1.0 - idle))
    at_site = (fleets.site[None, :] == np.arange(len(sites.ids))[:, None]) * sites.pue[:, None]
    return (standing + running).apply(at_site, 2) * (1.0 / SCALES.mw_h)


def _chip_measures(problem: Problem, physics: Physics) -> dict[Measure, Affine]:
    chips, fleets, sites = problem.chips, problem.fleets, problem.sites
    found: dict[Measure, Affine] = {}
    for f, (s, c) in enumerate(zip(fleets.site, fleets.chip, strict=True)):
        found[Measure("delivered_chip", sites.ids[s], chips.ids[c])] = physics.fleet.delivered[:, :, f]
    for c, chip in enumerate(chips.ids):
        mine = (fleets.chip == c).astype(float)
        found[Measure("accepted_chip_y", chip)] = (physics.fleet.accepted * mine).sum(axis=2) * problem.grid.years_long
        found[Measure("offtake_chip_h", chip)] = (physics.work.taken * mine).sum(axis=2)
        found[Measure("delivery_chip_h", chip)] = (physics.work.delivery * mine).sum(axis=2)
        found[Measure("unsold_chip_h", chip)] = (physics.work.unsold * mine).sum(axis=2)
    mw = chips.it_w_per_chip[fleets.chip] * scales.CHIP / 1e6
    hours = problem.grid.days * HOURS_PER_DAY
    made = physics.work.handed * (scales.CHIP_H / scales.CHIP / chips.availability_frac[..., fleets.chip])
    found[Measure("accepted_it_mw")] = (made * mw).sum(axis=2) * (1.0 / hours)
    return found


def _work_measures(problem: Problem, physics: Physics) -> dict[Measure, Affine]:
    found: dict[Measure, Affine] = {}
    per_mtok = 1.0
    for d, step in enumerate(problem.demand.ids):
        found[Measure("tokens_mtok", step)] = physics.serving.tokens[:, :, d] * per_mtok
    for k, step in enumerate(problem.offers.step_labels):
        found[Measure("rented_chip_h", step)] = physics.work.rented[:, :, k]
    for k, step in enumerate(problem.resale.step_labels):
        found[Measure("resold_chip_h", step)] = physics.work.resold[:, :, k]
    price = problem.resale.price_usd_per_chip_h * (scales.CHIP_H / scales.USD)
    found[Measure("resale_revenue_usd")] = (physics.work.resold * price).sum(axis=2)
    for r, run in enumerate(problem.runs.ids):
        found[Measure("training_done", run)] = physics.training.done[:, :, r]
    return found


def _channel_measures(problem: Problem, physics: Physics) -> dict[Measure, Affine]:
    work, chips, demand = problem.work, problem.chips, problem.demand
    rent = chips.list_rent_usd_per_chip_h[:, :, work.pool_chip[work.pool]] * (scales.CHIP_H / scales.USD)
    price = demand.price_usd_per_mtok * (scales.TOK / 1e6 / scales.USD)
    found: dict[Measure, Affine] = {}
    for channel in problem.channels:
        sold = np.array([c == channel for c in demand.channels], dtype=float)
        found[Measure("channel_revenue_usd", channel)] = (physics.serving.tokens * (price * sold)).sum(axis=2)
        given = np.array(
            [work.uses[u].kind == "serve" and work.uses[u].channel == channel for u in work.use], dtype=float
        )
        found[Measure("channel_list_rent_usd", channel)] = (physics.work.hours * (rent * given)).sum(axis=2)
        for c, chip in enumerate(chips.ids):
            mine = given * (work.pool_chip[work.pool] == c)
            found[Measure("channel_chip_h", channel, chip)] = (physics.work.hours * mine).sum(axis=2)
    return found


def _loan_measures(physics: Physics) -> dict[Measure, Affine]:
    found: dict[Measure, Affine] = {}
    for party in PARTIES:
        loan = physics.loans[party]
        for what in LOAN_MEASURES:
            found[Measure("money_usd", party, what)] = getattr(loan, what)
    return found


LOAN_MEASURES = (
    "draw",
    "repay",
    "mean_balance",
    "undrawn",
    "emergency_draw",
    "emergency_repay",
    "emergency_mean_balance",
)
