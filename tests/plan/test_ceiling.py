"""The contract's ceiling holds at any time, not only in the mean of a period; its price is one price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plan_toys import EXACT, busy, chip, contract, demand, plan, problem, stand, toy
from tree_toys import HALVES, answered, asked, drawn, forked, futures, optimum, tree_of

from offtake.plan.bottlenecks import bottlenecks, over_paths
from offtake.plan.build import build
from offtake.plan.ceiling import ends_within, in_service_at
from offtake.plan.futures import with_futures
from offtake.plan.solve import solve
from offtake.plan.withheld import withheld_weights


def arriving(**fields):
    """A year in which 8 MW of chips arrive evenly, under a ceiling of 4 MW; none can be had later."""
    supply = {"points": {"2025-01-01": "8000 chip/y", "2026-01-01": "0 chip/y"}, "interpolation": "step"}
    return toy(chips=[chip(supply=supply)], contract=contract(capacity_ceiling="4 MW"), **fields)


def accepted_mw(found):
    p = found.problem
    return found.decisions.accepted_chip @ p.chips.it_w_per_chip[p.fleets.chip] / 1e6


def test_chips_that_arrive_in_the_course_of_a_year_wait_for_room_below_the_ceiling():
    # From 0 to 8 MW in a year the mean is the ceiling of 4; but of the second half all above 4 waits: 3 MW on average.
    found = plan(arriving())
    assert found.decisions.orders_chip[0, :, 0].tolist() == pytest.approx([8_000, 0, 0])
    assert accepted_mw(found)[0].tolist() == pytest.approx([3.0, 4.0, 4.0], rel=2e-3)
    # Quarters are of 90, 91, 92 and 92 days: above 4 MW are 8 x 273/365 - 4 at the end of the third and 4 at the end of the fourth.
    third = 8 * 273 / 365 - 4
    assert accepted_mw(found)[0, 0] == pytest.approx(4 - (third + (third + 4)) / 2 * 92 / 365)


@pytest.mark.parametrize("dates", [["2025-01-01", "2026-01-01", "2027-01-01", "2028-01-01"], None])
def test_what_is_used_hardly_depends_on_the_grid(dates):
    quarters = [f"{y}-{m:02d}-01" for y in (2025, 2026, 2027) for m in (1, 4, 7, 10)] + ["2028-01-01"]
    scenario = arriving(grid={"dates": dates or quarters})
    found = plan(scenario)
    year = found.problem.grid.years_long
    first = accepted_mw(found)[0] * year
    assert first[found.problem.grid.edges_days[1:] <= 365].sum() == pytest.approx(3.0, rel=3e-3)


def test_below_the_ceiling_nothing_changes():
    free, wide = toy(chips=arriving()["chips"]), arriving()
    wide["contract"]["capacity_ceiling"] = "8.1 MW"
    assert plan(wide).solved.exact.objective == pytest.approx(plan(free).solved.exact.objective)
    low = arriving()
    assert plan(low).solved.exact.objective < plan(free).solved.exact.objective


def test_what_the_provider_sells_outside_is_not_under_the_contract():
    ten = stand(10_000.0)
    resale = {"steps": [{"chip": "c", "price": "0.2 USD/chip-h", "cap": "5000 chip"}]}
    scenario = toy(
        chips=[chip(opening=ten, supply="0 chip/y")], contract=contract(capacity_ceiling="4 MW"), resale=resale
    )
    found = plan(scenario)
    assert accepted_mw(found)[0].tolist() == pytest.approx([9.0] * 3)
    assert found.decisions.taken_chip_h[0, :, 0].tolist() == pytest.approx([4_000 * 8760.0] * 3)
    assert found.decisions.resold_chip_h[0, :, 0].tolist() == pytest.approx([5_000 * 8760.0] * 3)


def test_idle_chips_count_for_the_ceiling():
    # Demand for 3,000 chips of 10,000: the rest is not accepted beyond the ceiling, for no use.
    scenario = toy(
        chips=[chip(opening=stand(10_000.0), supply="0 chip/y")],
        demand=[demand(mtok_per_d=72_000.0)],
        contract=contract(capacity_ceiling="4 MW"),
    )
    assert (accepted_mw(plan(scenario)) <= 4.0 + 1e-9).all()


def with_ceiling(scenario, mw):
    return replace(problem(scenario), ceiling_it_mw=mw)


@pytest.mark.parametrize("mw", [3.1, 4.0, 5.7])
def test_the_price_of_the_ceiling_is_a_difference_of_optima_and_counted_once(mw):
    scenario = arriving(objective={"maximise": "joint", "discount_rate": "6 %/y"})

    def at(mw):
        return solve(build(with_ceiling(scenario, mw)), EXACT, tie_break=False)

    base, step = at(mw), 1e-4
    less, more = at(mw - step), at(mw + step)
    found = [b for b in bottlenecks(base) if b.block == "ceiling"]
    assert {b.limit for b in found} == {"capacity ceiling of the contract"}
    assert {b.unit for b in found} == {"USD/MW-year"}
    assert len(found) == len(base.built.problem.grid)
    slope = (more.exact.objective - less.exact.objective) / (2 * step) * 1e6
    assert sum(b.worth_usd for b in found) == pytest.approx(slope, rel=1e-5)
    assert slope > 3e6


LATE = {
    "chips.n.delay": ("months", [0.0, 5.0, 2.0, 9.0]),
    "chips.c.life": ("factor", [1.0, 1.0, 0.6, 1.4]),
    "chips.n.supply": ("factor", [1.0, 0.4, 1.0, 0.7]),
}


@pytest.mark.parametrize("scenario", [busy(), forked()], ids=["busy", "forked"])
def test_what_stands_at_the_ends_has_the_mean_of_the_period(scenario):
    one = problem(scenario)
    some = with_futures(one, futures(LATE, periods=len(one.grid)))
    assert withheld_weights(some) is not None
    for p in (one, some):
        built = build(p)
        fine = np.linspace(p.grid.edges_days[:-1], p.grid.edges_days[1:], 4001, axis=1)
        x = np.random.default_rng(3).uniform(0.0, 1.0, built.model.column_blocks.count)
        stands = in_service_at(p, built.physics.fleet.orders, fine).value(x)
        kw = p.chips.it_w_per_chip[p.fleets.chip] / 1e3
        means = (built.physics.fleet.in_service.value(x) * kw).sum(axis=2)
        trapezoid = (stands[:, :, 1:] + stands[:, :, :-1]).mean(axis=2) / 2
        assert trapezoid == pytest.approx(means, rel=1e-3)


def test_the_weights_of_ends_within_are_those_of_a_line():
    one = problem(busy())
    (ends, share), grid = ends_within(one), one.grid
    line = np.where(np.isfinite(ends), 3.0 + 0.5 * ends, 0.0)
    middle = (grid.edges_days[1:] + grid.edges_days[:-1]) / 2
    assert (line * share).sum(axis=1) == pytest.approx(3.0 + 0.5 * middle)


def uncertain_ceiling(mw=3.4):
    """Two chips, two sites, five futures that are late and short of chips by turns, under one ceiling."""
    scenario = forked(grid=HALVES)
    scenario["contract"] |= {"capacity_ceiling": f"{mw} MW"}
    return asked(scenario, drawn(5, 8, periods=4), tree_of([0, 0, 2, 2, 2], [0, 1, 2, 3, 3]))


def test_the_ceiling_holds_on_every_path_and_at_every_end():
    found = answered(uncertain_ceiling()).solved
    block = found.built.model.row_block("ceiling")
    under = np.where(block.index >= 0, block.expr.value(found.x), 0.0)
    assert (under <= 3.4 + 1e-6).all()
    assert (under.max(axis=(1, 2)) > 3.4 - 1e-6).any()


def test_the_price_of_the_ceiling_over_paths_is_a_difference_of_the_trees_optimum():
    base, step = answered(uncertain_ceiling()), 1e-4
    less, more = (optimum(uncertain_ceiling(3.4 + by)) for by in (-step, step))
    found = [b for b in over_paths(base.solved) if b.block == "ceiling"]
    assert any(b.binding for b in found)
    assert len(found) == len(base.solved.built.problem.grid)
    slope = (more - less) / (2 * step) * 1e6
    assert sum(b.worth_usd for b in found) == pytest.approx(slope, rel=1e-4)
