"""Compile resolved scenarios into one frozen problem."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import DAYS_PER_YEAR, Intervals
from offtake.deal.contract import Contract
from offtake.plan.compile_demand import (
    assign,
    check_serves,
    compile_demand,
    compile_runs,
    research_flop,
    serving_rates,
    tokens_per_chip_h,
)
from offtake.plan.compile_supply import (
    chip_ids,
    compile_chips,
    compile_fleets,
    compile_offers,
    compile_resale,
    compile_sites,
    training_rates,
    whole_phase_periods,
)
from offtake.plan.inputs import Inputs, period_means
from offtake.plan.problem import PARTIES, Finance, Goal, Party, Problem, Ties

if TYPE_CHECKING:
    from datetime import date

    from offtake.dates import Grid
    from offtake.plan.problem import Bool, Float
    from offtake.spec.finance import Facility
    from offtake.spec.scenario import Scenario


def compile_problem(inputs: Inputs, *, alliance: bool = True) -> Problem:
    """Compile the plan's problem.

    Parameters
    ----------
    inputs : Inputs
    alliance : bool
        False compiles the problem without the contract: the offtaker has outside supply only, the provider sells or does not build.

    Raises
    ------
    OfftakeError
        If a figure is missing or a class cannot be served by any chip.
    """
    base, grid = inputs.base, inputs.grid
    rates = serving_rates(inputs)
    check_serves(inputs, rates)
    sites = compile_sites(inputs)
    chips = compile_chips(inputs, _speed(inputs, rates))
    new_value = _value_new(chips.left_usd_per_chip, grid, chips.life_days)
    fleets = compile_fleets(inputs, new_value, chips.life_days)
    offers = compile_offers(inputs)
    demand = compile_demand(inputs)
    contract = base.contract if alliance else None
    signed = {"yes": True, "no": False, "decide": None}[contract.signed] if contract else False
    return Problem(
        name=base.name,
        grid=grid,
        paths=tuple(inputs.paths),
        probability=np.full(len(inputs.paths), 1.0 / len(inputs.paths)),
        ties=Ties.alone(len(inputs.paths), len(grid)),
        integer_periods=whole_phase_periods(grid),
        sites=sites,
        chips=chips,
        fleets=fleets,
        offers=offers,
        resale=compile_resale(inputs),
        classes=tuple(k.id for k in base.classes),
        channels=tuple(c.id for c in base.channels),
        regions=base.regions,
        work=assign(inputs, fleets, offers, rates, demand, allied=signed is not False),
        tok_per_chip_h=tokens_per_chip_h(inputs, rates),
        demand=demand,
        runs=compile_runs(inputs),
        research_flop=research_flop(inputs),
        finance={party: _finance(inputs, party) for party in PARTIES},
        goal=_goal(base, allied=signed is not False),
        signed=signed,
        contract_share=_contract_share(base, grid) if contract else np.zeros(len(grid)),
        ceiling_it_mw=contract.capacity_ceiling_mw if contract else None,
        pay=pay_intervals(grid),
        scenario=base,
    )


def pay_intervals(grid: Grid) -> Intervals:
    """Cut every period into quarters counted from its start.

    Examples
    --------
    >>> from datetime import date
    >>> from offtake.dates import Grid
    >>> len(pay_intervals(Grid.of(date(2026, 7, 1))))
    40
    """
    parts = [Intervals.every(3, start, end) for start, end in zip(grid.starts, grid.ends, strict=True)]
    return Intervals(tuple(s for p in parts for s in p.starts), tuple(e for p in parts for e in p.ends))


def with_floors(problem: Problem, floors_usd: dict[Party, float]) -> Problem:
    """Return the problem with floors on the parties' values."""
    return replace(problem, goal=replace(problem.goal, floors_usd=floors_usd))


def _speed(inputs: Inputs, rates: Float) -> Float:
    """Speed of each chip beside the others, to price what is left of it: mean over classes, else training rate."""
    if rates.shape[0] and rates.any():
        best = rates.max(axis=1, keepdims=True)
        mean: Float = (rates / np.where(best > 0, best, 1.0)).mean(axis=0)
        return mean
    return training_rates(inputs, chip_ids(inputs.base))


def _value_new(left_usd: Float, grid: Grid, life_days: Float) -> Float:
    """Value at the horizon of a whole life, undone from what is left of a delivery in the last period."""
    half = (grid.end - grid.mids[-1]).days
    share = np.clip(1.0 - half / life_days, 1e-9, 1.0)
    value: Float = left_usd[0, -1] / share
    return value


def _contract_share(base: Scenario, grid: Grid) -> Float:
    """Part of each period in which the contract is, or with its options can be, in force : float64[period]."""
    contract = base.contract
    if contract is None:
        return np.zeros(len(grid))
    last = Contract.of(contract).last_day()
    days = [
        max(0, (min(end, last) - max(start, contract.start)).days)
        for start, end in zip(grid.starts, grid.ends, strict=True)
    ]
    share: Float = np.array(days, dtype=float) / grid.days
    return share


def _finance(inputs: Inputs, party: Party) -> Finance:
    base, grid = inputs.base, inputs.grid
    money = getattr(base.parties, party)
    facility = money.facility
    empty = np.zeros((len(inputs.paths), len(grid)))

    def limits(scenario: Scenario) -> Float:
        found = getattr(scenario.parties, party).facility
        return period_means(found.limit_usd, grid)

    def rates(scenario: Scenario) -> Float:
        return np.asarray(getattr(scenario.parties, party).facility.rate_frac_per_y)

    def flows(field: str) -> Float:
        return inputs.stack(lambda sc: period_means(getattr(getattr(sc.parties, party), field), grid) * grid.years_long)

    return Finance(
        name=money.name,
        cash_usd=money.cash_usd,
        min_cash_usd=money.min_cash_usd,
        other_revenue_usd=flows("other_revenue_usd_per_y"),
        other_costs_usd=flows("other_costs_usd_per_y"),
        limit_usd=inputs.stack(limits) if facility else empty,
        opening_balance_usd=facility.opening_balance_usd if facility else 0.0,
        may_draw=_may_draw(facility, grid),
        due_by=np.array(
            [bool(facility and facility.maturity and end >= facility.maturity) for end in grid.ends], dtype=bool
        ),
        rate_frac_per_y=inputs.stack(rates) if facility else np.zeros(len(inputs.paths)),
        fee_frac_per_y=facility.fee_frac_per_y if facility else 0.0,
        emergency_frac_per_y=money.emergency_rate_frac_per_y,
        own_rate_frac_per_y=money.discount_rate_frac_per_y,
        terminal_margin_years=money.terminal_margin_y,
        kind=facility.kind if facility else "revolver",
    )


def _opening_sites_left(base: Scenario) -> float:
    """Value at the horizon of the sites that stand at the valuation date: what is left of their book life, as far as it counts."""
    book = base.parties.provider.opening_book
    if book is None or book.site_assets_usd == 0:
        return 0.0
    years = (base.horizon_end - base.valuation_date).days / DAYS_PER_YEAR
    return book.site_assets_usd * max(0.0, 1.0 - years / book.site_life_y) * base.terminal.site_value_frac


def _may_draw(facility: Facility | None, grid: Grid) -> Bool:
    """Periods in which the facility can be drawn; a term loan is drawn in the period it becomes available."""
    if facility is None:
        return np.zeros(len(grid), dtype=bool)
    first: date = max(facility.available_from or grid.start, grid.start)
    if facility.kind == "term_loan":
        return np.array([start <= first < end for start, end in zip(grid.starts, grid.ends, strict=True)], dtype=bool)
    return np.array(
        [end > first and not (facility.maturity and end >= facility.maturity) for end in grid.ends], dtype=bool
    )


def _goal(base: Scenario, *, allied: bool) -> Goal:
    """Read the objective; parties that are not allied share nothing, and each does what is best for itself, whomever it favours."""
    goal = base.objective
    weights: dict[Party, float] = {"offtaker": 1.0, "provider": 1.0}
    if not allied:
        pass
    elif goal.maximise == "weighted" and goal.weights:
        weights = {"offtaker": goal.weights.offtaker, "provider": goal.weights.provider}
    elif goal.maximise in PARTIES:
        weights = {party: float(party == goal.maximise) for party in PARTIES}
    return Goal(
        name=goal.maximise,
        weights=weights,
        rate_frac_per_y=goal.discount_rate_frac_per_y,
        floors_usd={},
        unserved_usd_per_mtok=goal.unserved_penalty_usd_per_mtok,
        research_usd_per_zflop=base.research.penalty_usd_per_zflop if base.research else 0.0,
        site_value_frac=base.terminal.site_value_frac,
        opening_sites_usd=_opening_sites_left(base),
    )
