"""A price is the derivative of the optimum by its limit: compared with central differences on the program it comes from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from plan_toys import EXACT, busy, chip, demand, problem, stand, toy

from offtake.dates import discount_factors
from offtake.lp.highs import Solver
from offtake.lp.prices import one_sided
from offtake.plan import scales
from offtake.plan.bottlenecks import bottlenecks
from offtake.plan.build import build
from offtake.plan.solve import price_at, solve


def poor():
    """Scenario in which the provider's credit line binds as well."""
    scenario = busy()
    scenario["parties"]["provider"]["cash"] = "150 M USD"
    scenario["parties"]["provider"]["facility"] |= {"limit": "120 M USD", "rate": "12 %/y", "fee": "0 %/y"}
    return scenario


@cache
def base():
    """Solve the scenario and keep its yes/no choices."""
    return solve(build(problem(poor())), EXACT, tie_break=False)


def optimum(changed):
    """Optimum of another problem at the same yes/no choices [M USD]."""
    built = build(changed)
    arrays = built.model.build()
    choices = base().x if arrays.columns == base().arrays.columns else None
    assert choices is not None
    solution, _ = price_at(built, arrays, choices, EXACT)
    assert solution.status.solved
    return solution.objective


def moved(part, field, place, by):
    """Return the problem with one limit moved."""
    p = base().built.problem
    if part == "finance":
        money = p.finance["provider"]
        array = money.limit_usd.copy()
        array[place] += by
        return replace(p, finance={**p.finance, "provider": replace(money, limit_usd=array)})
    array = getattr(getattr(p, part), field).copy()
    array[place] += by
    return replace(p, **{part: replace(getattr(p, part), **{field: array})})


LIMITS = {
    # block: where the limit stands in the problem, its step, how many of the bottleneck's units one unit of it is in a period
    "interconnection": ("sites", "interconnected_mw", 1e-3, lambda grid: grid.years_long),
    "chip_supply": ("chips", "supply_chip", 1e-1, lambda grid: np.ones(len(grid))),
    "tokens": ("demand", "volume_tok", 1e8, lambda grid: np.full(len(grid), 1e-6)),
    "rented": ("offers", "cap_chip", 1e-2, lambda grid: grid.days * 24),
    "facility_provider": ("finance", "limit_usd", 1e2, lambda grid: grid.years_long),
}


@pytest.mark.parametrize("block", LIMITS)
def test_the_prices_of_bottlenecks_are_differences_of_optima(block):
    part, field, step, units = LIMITS[block]
    p, here = base().built.problem, base().priced.objective
    factors = discount_factors(p.grid.mids, rate_frac_per_y=p.goal.rate_frac_per_y, on=p.grid.start)
    items = {
        "interconnection": p.sites.ids,
        "chip_supply": p.chips.ids,
        "tokens": p.demand.ids,
        "rented": p.offers.step_labels,
    }
    seen = 0
    for b in bottlenecks(base()):
        if b.block != block or not b.binding or b.price is None:
            continue
        place = (0, b.index) if part == "finance" else (0, b.index, items[block].index(b.item))
        more, less = (optimum(moved(part, field, place, by)) for by in (step, -step))
        gain, loss = (more - here) / step * 1e6, (here - less) / step * 1e6
        if abs(gain - loss) > 1e-6 * abs(loss):
            continue  # degenerate: see the test of one-sided prices
        told = b.price * factors[b.index] * units(p.grid)[b.index]
        assert told == pytest.approx((more - less) / (2 * step) * 1e6, rel=1e-5), b
        assert b.worth_usd == pytest.approx(
            b.price * factors[b.index] * (units(p.grid)[b.index] if "year" in b.unit else 1.0)
        )
        seen += 1
    assert seen, f"no price of {block} was compared"


def test_a_limit_that_is_not_a_bottleneck_is_worth_nothing():
    told = {(b.block, b.item, b.index) for b in bottlenecks(base()) if b.binding}
    p, here = base().built.problem, base().priced.objective
    for t in range(len(p.grid)):
        for s, name in enumerate(p.sites.ids):
            if ("interconnection", name, t) not in told and p.sites.energised_weights[0, s, t].sum() > 0:
                assert optimum(moved("sites", "interconnected_mw", (0, t, s), 1e-3)) == pytest.approx(here, rel=1e-10)
        for k, name in enumerate(p.offers.step_labels):
            if ("rented", name, t) not in told:
                assert optimum(moved("offers", "cap_chip", (0, t, k), 1e-2)) == pytest.approx(here, rel=1e-10)


def test_prices_of_rows_and_bounds_of_the_whole_program():
    # Every row and bound of the program itself, not only those that are told as bottlenecks: a sample of forty.
    solution, arrays = base().priced, base().priced_arrays
    solver = Solver(arrays)
    solver.solve(method="dual simplex")
    rng = np.random.default_rng(7)
    priced = np.flatnonzero(
        (np.abs(solution.row_price) > 1e-6) & np.isfinite(arrays.row_upper) & (arrays.row_upper != 0)
    )
    compared = 0
    for row in rng.choice(priced, size=min(40, len(priced)), replace=False):
        sided = one_sided(solver, int(row), side="upper")
        low, high = sorted((sided.loss, sided.gain))
        slack = 1e-5 * max(1.0, abs(solution.row_price[row]))
        assert low - slack <= solution.row_price[row] <= high + slack
        compared += not sided.degenerate
    assert compared > 10


def test_a_degenerate_limit_has_two_prices():
    # 10,000 chips and demand for exactly 10,000: one Mtok less of demand loses 1 USD, one more wins nothing.
    ten = stand(10_000.0)
    scenario = toy(chips=[chip(opening=ten, supply="0 chip/y")], demand=[demand()])
    found = solve(build(problem(scenario)), EXACT)
    block = found.built.model.column_block("tokens")
    sided = one_sided(Solver(found.priced_arrays), int(block.index[0, 1, 0]), of="column", step=1e-3)
    usd_per_mtok = scales.USD / (scales.TOK / 1e6)
    assert sided.degenerate
    assert sided.loss * usd_per_mtok == pytest.approx(1.0)
    assert sided.gain == pytest.approx(0.0, abs=1e-9)


def test_power_keeps_its_price_at_whole_phases():
    # 23 MW hold one phase of 10 beside the 10 that stand, and a part of a second one. Two are begun in year 1 (10 MW on average) and
    # draw 13 MW from year 2: a MW more of connection runs 1,000 chips more for two years, and the shell for it stands.
    scenario = toy(chips=[chip(opening=stand(30_000.0), supply="0 chip/y")], demand=[demand(mtok_per_d=1e6)])
    scenario["sites"][0] |= {"interconnected": "23 MW"}
    found = solve(build(problem(scenario)), EXACT)
    assert found.built.physics.energising.starts.value(found.x)[0, :2, 0].tolist() == pytest.approx([2, 0])
    worth = sum(b.price for b in bottlenecks(found) if b.block == "interconnection" and b.binding)
    assert worth == pytest.approx(2 * 8.76e6)
