"""Prices over paths: what one more unit of a limit is worth on one path, against differences of the tree's optimum."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from plan_toys import RELAXED, chip, demand, site, stand, toy
from tree_toys import HALVES, NEUTRAL, answered, asked, drawn, forked, futures, tree_of

from offtake.dates import discount_factors
from offtake.lp.highs import Solver
from offtake.lp.tails import stressed_probability
from offtake.outlook.measures import stressed
from offtake.plan.bottlenecks import bottlenecks, over_paths
from offtake.plan.build import build
from offtake.plan.tree_solve import relaxation, solve_tree

RISKS = {"neutral": NEUTRAL, "tail": ((0.6, 0.0), (0.4, 0.7))}
FIVE = tree_of([0, 0, 2, 2, 2], [0, 1, 2, 3, 3])


@cache
def tree(risk):
    """Solve a tree of five paths."""
    scenario = forked(grid=HALVES)
    scenario["sites"][0] |= {
        "energised": "1.8 MW",
        "phase": "0.5 MW",
        "interconnected": {"2025-01-01": "2 MW", "2026-01-01": "2.5 MW"},
        "shell_cost": "0.3 M USD/MW",
    }
    scenario["parties"]["provider"] |= {
        "cash": "15 M USD",
        "facility": {"kind": "revolver", "limit": "9 M USD", "rate": "12 %/y", "fee": "0 %/y"},
    }
    return answered(asked(scenario, drawn(5, 8, periods=4), FIVE, risk=RISKS[risk]))


def told(risk):
    return over_paths(tree(risk).solved)


LIMITS = {
    # block: where the limit stands, its step, how many of the bottleneck's units one unit of it is in a period
    "interconnection": ("sites", "interconnected_mw", 1e-4, lambda grid: grid.years_long),
    "chip_supply": ("chips", "supply_chip", 1e-2, lambda grid: np.ones(len(grid))),
    "tokens": ("demand", "volume_tok", 1e8, lambda grid: np.full(len(grid), 1e-6)),
    "rented": ("offers", "cap_chip", 1e-2, lambda grid: grid.days * 24),
    "facility_provider": ("finance", "limit_usd", 1e2, lambda grid: grid.years_long),
}


def items_of(problem, block):
    return {
        "interconnection": problem.sites.ids,
        "chip_supply": problem.chips.ids,
        "tokens": problem.demand.ids,
        "rented": problem.offers.step_labels,
        "facility_provider": (None,),
    }[block]


def weight(risk):
    """Probabilities as the risk measure weighs the paths of the tree."""
    found = tree(risk)
    return stressed_probability(found.solved.built.model, found.relaxed, found.solved.built.problem.probability)


def sharing(problem, block, place):
    """Paths on which the limit is the same one."""
    if block != "chip_supply":
        return [place[0]]
    # Orders that can come in a period are those of the periods up to it; who parts later orders alike until then.
    path, t, c = place
    last = int(np.flatnonzero(problem.chips.planned_weights[c][t] > 1e-9).max())
    return np.flatnonzero(problem.ties.orders[:, last] == problem.ties.orders[path, last]).tolist()


def changed(problem, block, place, by):
    """Move a limit on one path, or a promise on the paths that share its orders, of which each goes on to deliver the same part."""
    part, field, _, _ = LIMITS[block]
    if block == "chip_supply":
        chips, (_, t, c) = problem.chips, place
        supply, short = chips.supply_chip.copy(), chips.withheld_chip.copy()
        for p in sharing(problem, block, place):
            more = 1 + by / (supply[p, t, c] + short[p, t, c])
            supply[p, t, c] *= more
            short[p, t, c] *= more
        return replace(problem, chips=replace(chips, supply_chip=supply, withheld_chip=short))
    if part == "finance":
        money = problem.finance["provider"]
        array = money.limit_usd.copy()
        array[place[:2]] += by
        return replace(problem, finance={**problem.finance, "provider": replace(money, limit_usd=array)})
    array = getattr(getattr(problem, part), field).copy()
    array[place] += by
    return replace(problem, **{part: replace(getattr(problem, part), **{field: array})})


def optimum(problem):
    solution = Solver(relaxation(build(problem))).solve()
    assert solution.status.solved
    return solution.objective


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("block", LIMITS)
def test_the_price_on_a_path_is_a_difference_of_the_optimum(block, risk):
    problem, here = tree(risk).solved.built.problem, tree(risk).relaxed.objective
    grid, chance = problem.grid, weight(risk)
    factors = discount_factors(grid.mids, rate_frac_per_y=problem.goal.rate_frac_per_y, on=grid.start)
    _, _, step, units = LIMITS[block]
    found = [b for b in told(risk) if b.block == block and b.price is not None]
    prices = [(b, p, v) for b in found for p, v in enumerate(b.by_path) if v]
    compared = 0
    rng = np.random.default_rng(5)
    for k in rng.permutation(len(prices)):
        b, path, price = prices[k]
        place = (path, b.index, items_of(problem, block).index(b.item or None))
        more, less = (optimum(changed(problem, block, place, by)) for by in (step, -step))
        gain, loss = (more - here) / step * 1e6, (here - less) / step * 1e6
        if abs(gain - loss) > 1e-4 * abs(loss):
            continue  # degenerate: two prices
        worth = (more - less) / (2 * step) * 1e6
        assert worth > 0
        counted = chance[sharing(problem, block, place)].sum()
        assert price * counted * factors[b.index] * units(grid)[b.index] == pytest.approx(worth, rel=1e-4), b
        compared += 1
        if compared == 4:
            break
    assert compared, f"no price of {block} was compared"


@pytest.mark.parametrize("risk", RISKS)
def test_the_expectation_and_the_share_of_paths(risk):
    problem = tree(risk).solved.built.problem
    found = told(risk)
    assert {b.block for b in found} >= set(LIMITS)
    for b in found:
        assert len(b.by_path) == 5
        values = np.array([v or 0.0 for v in b.by_path])
        assert (values >= 0).all()
        if b.price is not None:
            assert b.price == pytest.approx(weight(risk) @ values)
            assert b.share == pytest.approx(problem.probability[values > 0].sum())
        assert 0.0 <= b.share <= 1.0 + 1e-12
        assert b.binding == (b.share > 0)
    assert any(0.0 < b.share < 1.0 for b in found)


def test_one_path_has_the_prices_of_a_plan():
    scenario = forked(grid=HALVES)
    one = answered(asked(scenario, drawn(1, 8, periods=4), tree_of([0])))
    mine = {(b.block, b.item, b.index): b for b in over_paths(one.solved)}
    for b in bottlenecks(one.solved):
        other = mine[b.block, b.item, b.index]
        assert (other.price, other.binding, other.worth_usd) == (b.price, b.binding, b.worth_usd)
        assert other.share == float(b.binding)
        assert other.by_path == (b.price,)


def test_prices_are_the_same_on_a_path_written_twice():
    """A path of half the probability has half the dual, and the same price; its decisions are shared."""
    world = drawn(3, 8, periods=4)
    twice = replace(
        world,
        effect=world.effect[[0, 1, 2, 2]],
        innovations=world.innovations[[0, 1, 2, 2]],
        probability=world.probability[[0, 1, 2, 2]] * [1, 1, 0.5, 0.5],
    )
    one = answered(asked(forked(grid=HALVES), world, tree_of([0, 1, 1])))
    two = answered(asked(forked(grid=HALVES), twice, tree_of([0, 1, 1, 1])))
    assert two.relaxed.objective == pytest.approx(one.relaxed.objective, rel=1e-9)
    sums = [sum(b.worth_usd for b in over_paths(t.solved) if b.block == "interconnection") for t in (one, two)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-6)


# -- by hand ---------------------------------------------------------------------------------------------------------

BOTH = tree_of([0, 1])


def powered(prices, risk=NEUTRAL, likely=0.25):
    """Spare chips and spare demand behind 10 MW: a MW more is 8.76 M Mtok a year at the price of tokens."""
    scenario = toy(
        chips=[chip(opening=stand(30_000.0), supply="0 chip/y")],
        demand=[demand(mtok_per_d=1e6)],
        sites=[site(energised="5 MW", phase="1 MW", shell_cost="0 USD/MW", ramp="1000 MW/month")],
    )
    world = futures({"demand.d.price": ("factor", prices)}, [likely, 1 - likely])
    return answered(asked(scenario, world, BOTH, risk=risk))


def test_a_megawatt_is_worth_its_tokens_on_each_path():
    found = powered([2.0, 0.5])
    rows = [b for b in over_paths(found.solved) if b.block == "interconnection" and b.binding and b.index == 2]
    (last,) = rows
    assert last.by_path == (pytest.approx(2.0 * 8.76e6, rel=1e-6), pytest.approx(0.5 * 8.76e6, rel=1e-6))
    assert last.price == pytest.approx((0.25 * 2.0 + 0.75 * 0.5) * 8.76e6, rel=1e-6)
    assert last.share == pytest.approx(1.0)
    assert last.unit == "USD/MW-year"


def test_a_price_is_in_its_path_s_money_and_counts_as_the_measure_counts_the_path():
    # Half of the weight is on the worst path: the other counts 0.125, it counts 0.875.
    risk = ((0.5, 0.0), (0.5, 1.0))
    found = powered([2.0, 0.5], risk=risk)
    values = found.solved.built.score.value(found.relaxed.x)
    assert stressed(risk, values, np.array([0.25, 0.75])) == pytest.approx([0.125, 0.875])
    (last,) = [b for b in over_paths(found.solved) if b.block == "interconnection" and b.binding and b.index == 2]
    assert last.by_path == (pytest.approx(2.0 * 8.76e6, rel=1e-6), pytest.approx(0.5 * 8.76e6, rel=1e-6))
    assert last.price == pytest.approx((0.125 * 2.0 + 0.875 * 0.5) * 8.76e6, rel=1e-6)
    assert last.share == pytest.approx(1.0)


ORDERS = list(itertools.permutations(range(3)))


SHARED = {
    "chip_supply": {"chips": [chip(supply="1000 chip/y")]},
    "interconnection": {
        "chips": [chip(supply="0 chip/y", opening=stand(30_000.0))],
        "sites": [
            site(energised="5 MW", interconnected="9 MW", phase="1 MW", shell_cost="8 M USD/MW", ramp="1000 MW/month")
        ],
    },
}


@pytest.mark.parametrize("risk", [NEUTRAL, ((0.5, 0.0), (0.5, 0.6))], ids=["neutral", "tail"])
@pytest.mark.parametrize("block", SHARED)
def test_a_limit_that_paths_share_binds_on_all_of_them_at_one_price(block, risk):
    # Three paths that are never told apart, with other prices of tokens. A MW stands for two and a half years, wins 8.76 M USD a year at
    # 1 USD/Mtok and costs 8 M USD, too much for the first half year; a chip wins 8,760 USD a year and costs 1,000.
    worth = {"chip_supply": 2.5 * 8760 + 1.5 * 8760 + 0.5 * 8760, "interconnection": 2.5 * 8.76e6}[block]
    costs = {"chip_supply": 3 * 1000.0, "interconnection": 8e6}[block]
    for order in ORDERS:
        price, chance = np.array([2.0, 0.5, 1.0])[list(order)], np.array([0.2, 0.5, 0.3])[list(order)]
        world = futures({"demand.d.price": ("factor", price)}, chance)
        scenario = toy(demand=[demand(mtok_per_d=1e6)], **SHARED[block])
        found = answered(asked(scenario, world, tree_of([0] * 3, [0] * 3), risk=risk))
        weight = stressed(risk, found.solved.built.score.value(found.relaxed.x), chance)
        rows = [b for b in over_paths(found.solved) if b.block == block and b.binding and b.price]
        assert rows
        for b in rows:
            assert b.share == pytest.approx(1.0)
            assert b.by_path == (pytest.approx(b.price),) * 3
        # in which of like periods a connection has its price is open, the sum is not
        assert sum(b.price for b in rows) == pytest.approx(worth * (weight @ price) - costs, rel=1e-6)


def test_a_limit_on_what_paths_do_not_share_has_a_price_on_each():
    # Phases that pay in the first half year are begun beyond the connection: what a MW more of it wins is each path's own.
    sites = [{**SHARED["interconnection"]["sites"][0], "shell_cost": "1 M USD/MW"}]
    scenario = toy(demand=[demand(mtok_per_d=1e6)], **{**SHARED["interconnection"], "sites": sites})
    world = futures({"demand.d.price": ("factor", [2.0, 0.5, 1.0])}, [0.2, 0.5, 0.3])
    found = answered(asked(scenario, world, tree_of([0] * 3, [0] * 3)))
    (last,) = [b for b in over_paths(found.solved) if b.block == "interconnection" and b.index == 2]
    assert last.by_path == tuple(pytest.approx(p * 8.76e6) for p in (2.0, 0.5, 1.0))
    assert last.share == pytest.approx(1.0)


def paced(chance):
    """Phases of 1 MW, one a year at most; they come at once. On the second path tokens are worth nothing."""
    scenario = toy(
        chips=[chip(opening=stand(30_000.0), supply="0 chip/y")],
        demand=[demand(mtok_per_d=1e6)],
        sites=[site(energised="5 MW", phase="1 MW", shell_cost="1 M USD/MW", ramp="0.083333 MW/month")],
    )
    world = futures({"demand.d.price": ("factor", [[1, 1, 1], [1, 0, 0]])}, chance)
    return asked(scenario, world, BOTH)


def test_the_pace_of_building_has_the_price_of_the_shared_decision():
    # A phase begun in year 1 runs half of year 1 and, in the first future, two years more; its shell costs 1 M USD.
    chance = [0.4, 0.6]
    question = paced(chance)
    found = solve_tree(build(question.problem()), RELAXED)
    (now,) = [b for b in over_paths(found.solved) if b.block == "phases" and b.index == 0]
    gain = 8.76e6 * (0.5 + 2.0 * chance[0]) - 1e6
    assert now.worth_usd == pytest.approx(gain, rel=1e-6)
    assert now.price == pytest.approx(gain, rel=1e-6)
    assert now.share == pytest.approx(1.0)
    # ... and against the optimum with a little more of it
    problem = question.problem()
    here = found.relaxed.objective

    def with_pace(by):
        cap = problem.sites.starts_cap.copy()
        cap[0, 0] += by
        return optimum(replace(problem, sites=replace(problem.sites, starts_cap=cap)))

    assert (with_pace(1e-3) - with_pace(-1e-3)) / 2e-3 * 1e6 == pytest.approx(now.price, rel=1e-5)
    assert here == pytest.approx(optimum(problem), rel=1e-9)


def test_the_pace_of_a_decision_that_is_not_shared():
    # A year later the two futures are told apart: there is no building in the second one.
    chance = [0.4, 0.6]
    found = solve_tree(build(paced(chance).problem()), RELAXED)
    (later,) = [b for b in over_paths(found.solved) if b.block == "phases" and b.index == 1]
    assert later.by_path == (pytest.approx(8.76e6 * 1.5 - 1e6, rel=1e-6), 0.0)
    assert later.share == pytest.approx(0.4)
    assert later.price == pytest.approx(0.4 * (8.76e6 * 1.5 - 1e6), rel=1e-6)
