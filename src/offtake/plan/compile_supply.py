"""Compile what can be built and rented: sites, chips, fleets, offers, resale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import DAYS_PER_MONTH, DAYS_PER_YEAR, Grid
from offtake.perf.capacity import training_capacity
from offtake.perf.types import need
from offtake.plan.inputs import Inputs, period_means, table
from offtake.plan.problem import Chips, Fleets, Offers, Resale, Sites

if TYPE_CHECKING:
    from offtake.plan.problem import Float
    from offtake.spec.chips import Chip as ChipSpec
    from offtake.spec.scenario import Scenario
    from offtake.spec.sites import Site

OUTSIDE_GOODPUT = 0.92
"""Training time not lost to failures on rented chips: assumption, from > 90 % effective time of a 16,384-chip run
(Llama 3 report, 2024)."""

REFERENCE_CHIPS = 16_384
"""Scale at which useful training rates are read: that of the largest published run with a full log (Llama 3.1 405B)."""


def whole_phase_periods(grid: Grid) -> int:
    """Count the periods in which phases are whole: those that end within two years (eight quarters)."""
    return int(np.sum(grid.edges_days[1:] <= 2 * 366))


def compile_sites(inputs: Inputs) -> Sites:
    """Read every site on the grid."""
    base, grid = inputs.base, inputs.grid
    sites = base.sites
    lags = [
        [lag_days(s.lead_time_months, s.delay_months) for s in scenario.sites] for scenario in inputs.paths.values()
    ]
    energised = np.stack([_stack_items([grid.stock_mean(lag) for lag in row], grid) for row in lags])
    spend = np.stack([_stack_items([_spend_weights(grid, s) for s in sc.sites], grid) for sc in inputs.paths.values()])
    connected = inputs.stack(lambda sc: table([connected_mw(s, grid) for s in sc.sites], len(grid)))
    opening = np.array([s.energised_mw for s in sites])
    phase = np.array([s.phase_mw for s in sites])
    room = np.maximum(connected.max(axis=(0, 1), initial=0.0) - opening, 0.0) / np.where(phase > 0, phase, 1.0)
    asked = np.array([math.inf if s.max_phases is None else float(s.max_phases) for s in sites])
    in_service = tuple(tuple(mid + timedelta(days=round(lag)) for mid in grid.mids) for lag in lags[0])
    life = np.array([_filled(s.shell_life_y, s.id, "shell_life") * DAYS_PER_YEAR for s in sites])
    return Sites(
        ids=tuple(s.id for s in sites),
        regions=tuple(s.region for s in sites),
        groups=tuple(s.group or s.id for s in sites),
        operators=tuple(s.grid_operator or "?" for s in sites),
        energised_mw=opening,
        interconnected_mw=connected,
        phase_mw=phase,
        planned_mw=connected.max(axis=(0, 1), initial=0.0),
        max_phases=np.minimum(asked, np.floor(room + 1e-9)),
        starts_cap=table([_starts_cap(s, grid, lag) for s, lag in zip(sites, lags[0], strict=True)], len(grid)),
        energised_weights=energised,
        spend_weights=spend,
        needs_opening=np.array([s.needs_opening for s in sites], dtype=bool),
        open_cost_usd=np.array([s.open_cost_usd for s in sites]),
        peak_ratio=np.array([_filled(s.peak_ratio, s.id, "peak_ratio") for s in sites]),
        pue=np.array([_filled(s.pue, s.id, "pue") for s in sites]),
        shell_usd_per_mw=inputs.stack(
            lambda sc: table([period_means(s.shell_cost_usd_per_mw, grid) for s in sc.sites], len(grid))
        ),
        running_usd_per_mw_y=inputs.stack(
            lambda sc: table([period_means(s.running_cost_usd_per_mw_y, grid) for s in sc.sites], len(grid))
        ),
        power_usd_per_mwh=inputs.stack(
            lambda sc: table([period_means(s.power_price_usd_per_mwh, grid) for s in sc.sites], len(grid))
        ),
        shell_life_days=life,
        in_service=in_service,
        left_frac=table(
            [left_frac(days, grid.end, span) for days, span in zip(in_service, life, strict=True)], len(grid)
        ),
    )


def lag_days(lead_months: float, delay_months: float) -> float:
    """Days from a decision to service."""
    return (lead_months + delay_months) * DAYS_PER_MONTH


def _filled(value: float | None, owner: str, field: str) -> float:
    return need(value, owner, field)


def _stack_items(matrices: Sequence[Float], grid: Grid) -> Float:
    return np.stack(matrices) if matrices else np.zeros((0, len(grid), len(grid)))


def connected_mw(site: Site, grid: Grid) -> Float:
    """Mean right to draw in each period, at least what is energised at the start : float64[period] [MW]."""
    if site.interconnected_mw is None:
        return np.full(len(grid), site.energised_mw)
    return np.maximum(period_means(site.interconnected_mw, grid), site.energised_mw)


def _spend_weights(grid: Grid, site: Site) -> Float:
    """Pay for a phase evenly from its start to the end of its lead time."""
    lead = site.lead_time_months * DAYS_PER_MONTH
    if lead <= 0:
        return grid.stock_at(grid.edges_days[1:]) - grid.stock_at(grid.edges_days[:-1])
    rate = (grid.stock_mean(0.0) - grid.stock_mean(lead)) / lead
    weights: Float = rate * grid.days[:, None]
    return weights


def _starts_cap(site: Site, grid: Grid, lag: float) -> Float:
    """Phases that may be begun in each period: the ramp, whole where phases are, and nothing that comes after the horizon."""
    months = grid.days / DAYS_PER_MONTH
    cap = site.ramp_mw_per_month * months / site.phase_mw
    whole = np.arange(len(grid)) < whole_phase_periods(grid)
    cap = np.where(whole, np.maximum(np.floor(cap + 1e-9), 1.0), cap)
    in_time = grid.edges_days[1:] + lag <= grid.edges_days[-1]
    return np.where(in_time, cap, 0.0)


def left_frac(days: Sequence[date], end: date, life_days: float) -> Float:
    """Part of a life left at the end, by in-service date."""
    used = np.array([(end - day).days for day in days]) / life_days
    return np.clip(1.0 - used, 0.0, 1.0)


def chip_ids(scenario: Scenario) -> tuple[str, ...]:
    """Chips of the scenario, then catalogue chips that only other clouds offer."""
    own = [c.id for c in scenario.chips]
    extra = [o.chip for o in scenario.outside_supply if o.chip not in own]
    return (*own, *dict.fromkeys(extra))


def compile_chips(inputs: Inputs, speed: Float) -> Chips:
    """Read every chip on the grid; `speed` is a chip's tokens or flop relative to the others : float64[chip]."""
    base, grid = inputs.base, inputs.grid
    ids = chip_ids(base)
    extra = len(ids) - len(base.chips)
    own = base.chips
    lags = [[lag_days(c.lead_time_months, c.delay_months) for c in sc.chips] for sc in inputs.paths.values()]
    zero = np.zeros((extra, len(grid), len(grid)))
    in_service = np.stack(
        [
            np.concatenate(
                [
                    _stack_items(
                        [in_service_weights(grid, lag, c.life_y) for lag, c in zip(row, sc.chips, strict=True)], grid
                    ),
                    zero,
                ]
            )
            for row, sc in zip(lags, inputs.paths.values(), strict=True)
        ]
    )
    arrived = np.stack(
        [np.concatenate([_stack_items([grid.stock_mean(lag) for lag in row], grid), zero]) for row in lags]
    )
    arriving = np.stack(
        [np.concatenate([_stack_items([_arriving(grid, lag) for lag in row], grid), zero]) for row in lags]
    )
    cost = inputs.stack(lambda sc: _with_extra([_cost(c, grid) for c in sc.chips], extra, grid))
    supply = inputs.stack(lambda sc: _with_extra([_supply(c, grid) for c in sc.chips], extra, grid))
    rents = inputs.stack(
        lambda sc: _with_extra([period_means(c.list_rent_usd_per_chip_h, grid) for c in sc.chips], extra, grid)
    )
    opens = [_orders_open(c, grid, lag) for c, lag in zip(own, lags[0], strict=True)]
    watts = [_filled(c.it_power_w_per_chip, c.id, "it_power") for c in own] + [
        need(inputs.chips[i].it_w_per_chip, i, "it_power") for i in ids[len(own) :]
    ]
    life = np.array([c.life_y * DAYS_PER_YEAR for c in own] + [DAYS_PER_YEAR] * extra)
    terminal = inputs.stack(lambda sc: _terminal_prices(sc, grid, speed, extra))
    left = (
        np.stack([left_frac(grid.mids, grid.end, span) for span in life], axis=1) if ids else np.zeros((len(grid), 0))
    )
    return Chips(
        ids=ids,
        it_w_per_chip=np.array(watts, dtype=np.float64),
        idle_frac=np.array([c.idle_power_frac for c in own] + [0.0] * extra),
        availability_frac=np.array([c.availability_frac for c in own] + [1.0] * extra),
        goodput_frac=np.array([c.goodput_frac for c in own] + [OUTSIDE_GOODPUT] * extra),
        cost_usd_per_chip=cost,
        running_usd_per_chip_y=np.array([c.running_cost_usd_per_chip_y for c in own] + [0.0] * extra),
        supply_chip=supply,
        withheld_chip=np.zeros_like(supply),
        order_open=_with_extra([o.astype(float) for o in opens], extra, grid) > 0,
        in_service_weights=in_service,
        arrived_weights=arrived,
        delivery_weights=arriving,
        planned_weights=arriving[0],
        late_days=np.zeros((len(inputs.paths), len(ids))),
        lives_days=np.broadcast_to(life, (len(inputs.paths), len(ids))),
        life_days=life,
        left_usd_per_chip=left[None] * terminal[:, None, :] * base.terminal.chip_value_frac,
        list_rent_usd_per_chip_h=rents,
        flop_per_s=training_rates(inputs, ids),
        lot_chip=np.array([c.lot_chip for c in own] + [0.0] * extra),
    )


def _with_extra(columns: Sequence[Float], extra: int, grid: Grid) -> Float:
    return table([*columns, *([np.zeros(len(grid))] * extra)], len(grid))


def in_service_weights(grid: Grid, lag: float, life_y: float) -> Float:
    """Mean chips in service per cumulative order at a lag [day] and a life [year] : float64[period, order period]."""
    return grid.stock_mean(lag) - grid.stock_mean(lag + life_y * DAYS_PER_YEAR)


def _arriving(grid: Grid, lag: float) -> Float:
    return grid.stock_at(grid.edges_days[1:] - lag) - grid.stock_at(grid.edges_days[:-1] - lag)


def _cost(chip: ChipSpec, grid: Grid) -> Float:
    return period_means(chip.price_usd_per_chip, grid) + period_means(chip.server_cost_usd_per_chip, grid)


def _supply(chip: ChipSpec, grid: Grid) -> Float:
    """Chips that can be delivered in each period, nothing before the first delivery."""
    out = np.zeros(len(grid))
    for t, (start, end) in enumerate(zip(grid.starts, grid.ends, strict=True)):
        first = max(start, chip.available_from)
        if first < end:
            out[t] = chip.supply_chip_per_y.mean(first, end) * (end - first).days / DAYS_PER_YEAR
    return out


def _orders_open(chip: ChipSpec, grid: Grid, lag: float) -> Float:
    """Periods in which an order is possible and its last delivery falls before the horizon."""
    last = chip.last_order or grid.end
    return np.array(
        [
            float(start < last and edge + lag <= grid.edges_days[-1])
            for start, edge in zip(grid.starts, grid.edges_days[1:], strict=True)
        ]
    )


def trained_model(base: Scenario) -> str | None:
    """Return the model by which training is timed: of the first run that names one, else the first served."""
    return next((r.model for r in base.training if r.model), None) or (base.models[0].id if base.models else None)


def training_rates(inputs: Inputs, ids: Sequence[str]) -> Float:
    """Read the useful flop a second of each chip : float64[chip]: as measured, else as estimated for the trained model."""
    base = inputs.base
    measured = {c.id: c.overrides.train_flop_per_s_per_chip for c in base.chips if c.overrides}
    trained = trained_model(base)
    wanted = bool(base.training or base.research)
    rates = []
    for i in ids:
        rate = measured.get(i)
        if rate is None and wanted and trained is not None:
            rate = training_capacity(inputs.chips[i], inputs.models[trained], chips=REFERENCE_CHIPS).flop_per_s_per_chip
        rates.append(rate or 0.0)
    return np.array(rates, dtype=np.float64)


def _terminal_prices(scenario: Scenario, grid: Grid, speed: Float, extra: int) -> Float:
    """Return the replacement price at the horizon of a chip's speed : float64[chip].

    Where the file states none, it is the chip's speed at the lowest price of speed then on sale, so that a newer chip sets it.
    """
    on_sale = [
        (c.price_usd_per_chip.at(grid.end) if c.price_usd_per_chip else 0.0) + c.server_cost_usd_per_chip.at(grid.end)
        for c in scenario.chips
    ]
    per_speed = [
        p / s
        for c, p, s in zip(scenario.chips, on_sale, speed, strict=False)
        if s > 0 and p > 0 and c.available_from < grid.end
    ]
    out = []
    for c, price, s in zip(scenario.chips, on_sale, speed, strict=False):
        if c.price_terminal_usd_per_chip is not None:
            out.append(c.price_terminal_usd_per_chip.at(grid.end))
        else:
            out.append(min([price, *(p * s for p in per_speed)]) if s > 0 else 0.0)
    return np.array([*out, *([0.0] * extra)], dtype=np.float64)


def compile_fleets(inputs: Inputs, left_usd: Float, life_days: Float) -> Fleets:
    """Pair sites with the chips they allow; `left_usd` is a new chip's value at the horizon by chip."""
    base, grid = inputs.base, inputs.grid
    own = [c.id for c in base.chips]
    stands = {(o.site, c.id) for c in base.chips for o in c.opening}
    pairs = [
        (s, own.index(i)) for s, site in enumerate(base.sites) for i in own if i in site.chips or (site.id, i) in stands
    ]
    opening = np.zeros((len(grid), len(pairs)))
    left = np.zeros(len(pairs))
    for f, (s, c) in enumerate(pairs):
        for lot in base.chips[c].opening:
            if lot.site == base.sites[s].id:
                retires = grid.at(lot.in_service) + life_days[c]
                part = np.clip((retires - grid.edges_days[:-1]) / grid.days, 0.0, 1.0)
                opening[:, f] += lot.count_chip * part
                left[f] += lot.count_chip * max(0.0, retires - grid.edges_days[-1]) / life_days[c] * left_usd[c]
    return Fleets(
        site=np.array([s for s, _ in pairs], dtype=np.int64),
        chip=np.array([c for _, c in pairs], dtype=np.int64),
        opening_chip=opening,
        opening_left_usd=left,
    )


def compile_offers(inputs: Inputs) -> Offers:
    """Read the price steps of other clouds."""
    base, grid = inputs.base, inputs.grid
    ids = chip_ids(base)
    steps = [(o, k) for o, offer in enumerate(base.outside_supply) for k in range(len(offer.steps))]

    def caps(scenario: Scenario) -> Float:
        return table([_offered(scenario, o, k, grid) for o, k in steps], len(grid))

    def prices(scenario: Scenario) -> Float:
        return table(
            [period_means(scenario.outside_supply[o].steps[k].price_usd_per_chip_h, grid) for o, k in steps], len(grid)
        )

    return Offers(
        ids=tuple(o.id for o in base.outside_supply),
        providers=tuple(o.provider for o in base.outside_supply),
        regions=tuple(o.region for o in base.outside_supply),
        chip=np.array([ids.index(o.chip) for o in base.outside_supply], dtype=np.int64),
        trains=np.array([o.trains for o in base.outside_supply], dtype=bool),
        step_offer=np.array([o for o, _ in steps], dtype=np.int64),
        step_labels=tuple(f"{base.outside_supply[o].id}/{k + 1}" for o, k in steps),
        cap_chip=inputs.stack(caps),
        price_usd_per_chip_h=inputs.stack(prices),
    )


def _offered(scenario: Scenario, offer: int, step: int, grid: Grid) -> Float:
    first = scenario.outside_supply[offer].from_date or grid.start
    open_days = np.array(
        [max(0, (end - max(start, first)).days) for start, end in zip(grid.starts, grid.ends, strict=True)]
    )
    offered: Float = period_means(scenario.outside_supply[offer].steps[step].cap_chip, grid) * open_days / grid.days
    return offered


def compile_resale(inputs: Inputs) -> Resale:
    """Read what spare capacity fetches."""
    base, grid = inputs.base, inputs.grid
    ids = chip_ids(base)
    steps = base.resale.steps if base.resale else ()

    def read(scenario: Scenario, field: str) -> Float:
        found = scenario.resale.steps if scenario.resale else ()
        return table([period_means(getattr(step, field), grid) for step in found], len(grid))

    return Resale(
        chip=np.array([ids.index(s.chip) for s in steps], dtype=np.int64),
        step_labels=tuple(f"{s.chip}/{k + 1}" for k, s in enumerate(steps)),
        cap_chip=inputs.stack(lambda sc: read(sc, "cap_chip")),
        price_usd_per_chip_h=inputs.stack(lambda sc: read(sc, "price_usd_per_chip_h")),
    )
