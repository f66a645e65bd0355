"""Trees of futures: optima by hand, decisions shared as the tree says, and what must not change the answer."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from plan_toys import EXACT, RELAXED, busy, chip, demand, problem, site, stand, toy
from tree_toys import NEUTRAL, answered, asked, drawn, forked, futures, optimum, rented, tree_of

from offtake.lp.highs import Solver
from offtake.outlook.measures import stressed
from offtake.outlook.measures import value as risk_value
from offtake.plan.build import build
from offtake.plan.decided import decided
from offtake.plan.futures import one_path, with_futures
from offtake.plan.problem import Ties
from offtake.plan.question import ties_of
from offtake.plan.solve import solve
from offtake.plan.tree_solve import relaxation, solve_tree

SIX = tree_of([0, 0, 0, 3, 3, 3], [0, 1, 1, 3, 4, 4])
"""Six paths, two nodes after a year, four after two."""


def newsvendor(**chips):
    """Chips for 6,000 USD that serve two years if ordered now, one and a half if ordered a year later; nothing is asked for in year 1.

    A chip serves 8.76 k USD of demand a year; demand keeps 1,000 or 4,000 chips busy, which shows after a year.
    """
    asks = demand(mtok_per_d=24_000.0)
    return toy(chips=[chip(price="6000 USD/chip", **chips)], demand=[asks])


def high_or_low(likely=0.5):
    return futures({"demand.d.volume": ("factor", [[0, 4, 4], [0, 1, 1]])}, [likely, 1 - likely])


AFTER_A_YEAR = tree_of([0, 1])


def orders_of(tree):
    """Orders of the only fleet : [path, period] [chip]."""
    built = tree.solved.built
    return built.physics.fleet.orders.value(tree.relaxed.x)[:, :, 0] * 1e3


# -- by hand ---------------------------------------------------------------------------------------------------------

# With x ordered now and the rest of demand D when it is known: 8.76 (x/2 + 3/2 D) - 6 D for x <= D; what is too much costs 6 each.


def test_few_chips_are_ordered_now_and_the_rest_when_demand_is_known():
    tree = answered(asked(newsvendor(), high_or_low(), AFTER_A_YEAR))
    high, low = 8.76 * (0.5 * 1 + 1.5 * 4) - 6 * 4, 8.76 * 2 - 6
    assert tree.relaxed.objective == pytest.approx((high + low) / 2, rel=1e-9)
    assert orders_of(tree) == pytest.approx(np.array([[1000, 3000, 0], [1000, 0, 0]]), abs=1e-6)


def test_all_chips_are_ordered_now_when_high_demand_is_likely():
    # One more chip now wins 4.38 if demand is high, and loses 6 if not: it pays above 6 / 10.38 = 57.8 %.
    few, many = (answered(asked(newsvendor(), high_or_low(q), AFTER_A_YEAR)) for q in (0.57, 0.59))
    assert orders_of(few)[:, 0] == pytest.approx([1000, 1000])
    assert orders_of(many)[:, 0] == pytest.approx([4000, 4000])
    assert many.relaxed.objective == pytest.approx(0.59 * (8.76 * 8 - 24) + 0.41 * (8.76 * 2 - 24), rel=1e-9)


NOBODY_KNOWS = (8.76 * 8 - 24 + 8.76 * 2 - 24) / 2
"""All ordered at once for high demand: one more chip wins 8.76 with either chance and costs 6."""
ALL_KNOWN = (8.76 * 8 - 24 + 8.76 * 2 - 6) / 2
KNOWN_IN_TIME = (8.76 * 6.5 - 24 + 8.76 * 2 - 6) / 2


@pytest.mark.parametrize(
    ("timing", "value"),
    [("now", NOBODY_KNOWS), ("stages", KNOWN_IN_TIME), ("2y", NOBODY_KNOWS), ("path", ALL_KNOWN)],
)
def test_what_is_decided_when(timing, value):
    tree = tree_of([0, 1], [0, 1])
    assert optimum(asked(newsvendor(), high_or_low(), tree, orders=timing)) == pytest.approx(value, rel=1e-9)


def test_the_worst_path_alone_counts_if_all_weight_is_on_it():
    question = asked(newsvendor(), high_or_low(), AFTER_A_YEAR, risk=((1.0, 0.5),))
    tree = answered(question)
    assert tree.relaxed.objective == pytest.approx(8.76 * 2 - 6, rel=1e-9)
    assert orders_of(tree)[:, 0] == pytest.approx([1000, 1000])
    alone = one_path(question.problem(), 1)
    assert tree.relaxed.objective == pytest.approx(solve(build(alone), RELAXED).first.objective, rel=1e-9)


def test_half_of_the_weight_on_the_worst_path():
    # 57 % for high demand are 28.5 % if half of the weight is on low demand: chips are ordered as if that were so.
    risk = ((0.5, 0.0), (0.5, 1.0))
    tree = answered(asked(newsvendor(), high_or_low(0.7), AFTER_A_YEAR, risk=risk))
    assert orders_of(tree)[:, 0] == pytest.approx([1000, 1000])
    high, low = 8.76 * 6.5 - 24, 8.76 * 2 - 6
    assert tree.relaxed.objective == pytest.approx(0.5 * (0.7 * high + 0.3 * low) + 0.5 * low, rel=1e-9)


# -- one path ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", [forked(), busy(), forked(contract=rented())], ids=["forked", "busy", "rented"])
def test_one_path_is_the_plan_without_futures(scenario):
    p = problem(scenario)
    still = futures({"demand.*.volume": ("factor", [1.0])}, periods=len(p.grid))
    tree = tree_of([0], starts=(0, 2))
    here = answered(asked(scenario, still, tree)).relaxed.objective
    assert here == pytest.approx(solve(build(p), RELAXED, tie_break=False).first.objective, rel=1e-9)


def test_one_path_with_whole_phases_is_the_plan_without_futures():
    scenario = forked()
    still = futures({"demand.*.volume": ("factor", [1.0])})
    exact = solve_tree(build(asked(scenario, still, tree_of([0])).problem()), EXACT)
    plain = solve(build(problem(scenario)), EXACT, tie_break=False)
    assert exact.solved.first.objective == pytest.approx(plain.first.objective, rel=1e-9)
    assert exact.solved.x[exact.solved.built.model.column_block("phases").numbers[:2]] == pytest.approx(
        np.round(exact.solved.x[exact.solved.built.model.column_block("phases").numbers[:2]]), abs=1e-6
    )


def test_paths_that_share_nothing_are_problems_of_their_own():
    world = drawn(5, 3)
    question = asked(forked(), world, tree_of([0, 0, 0, 0, 0]))
    free = replace(question.problem(), ties=Ties.alone(5, 3))
    together = Solver(relaxation(build(free))).solve().objective
    alone = [solve(build(one_path(free, p)), RELAXED, tie_break=False).first.objective for p in range(5)]
    assert together == pytest.approx(world.probability @ np.array(alone), rel=1e-9)
    # ... and each of them is the scenario's problem with that one future
    one = with_futures(question.base, world.only(np.array([2])))
    assert not one.chips.withheld_chip.any()
    promised = replace(one, chips=replace(one.chips, withheld_chip=free.chips.withheld_chip[2:3]))
    assert solve(build(promised), RELAXED, tie_break=False).first.objective == pytest.approx(alone[2], rel=1e-9)


# -- what changes nothing -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[NEUTRAL, ((0.6, 0.0), (0.4, 0.7))], ids=["neutral", "tail"])
def asks(request):
    """A question of six paths, neutral and with a tail."""
    return asked(forked(), drawn(6, 1), SIX, risk=request.param)


def reordered(question, order):
    """The same question with its paths in another order, or with some of them twice; probabilities as they come."""
    order = np.asarray(order)
    world, node = question.futures, question.tree.node[order]
    first = {(k, n): int(np.argmax(node[:, k] == n)) for k in range(node.shape[1]) for n in node[:, k].tolist()}
    renamed = np.array([[first[k, n] for k, n in enumerate(row)] for row in node.tolist()])
    moved = replace(
        world,
        effect=world.effect[order],
        probability=world.probability[order],
        innovations=world.innovations[order],
    )
    return replace(question, futures=moved, tree=replace(question.tree, node=renamed))


def test_the_order_of_paths_does_not_matter(asks):
    other = reordered(asks, [4, 2, 0, 5, 1, 3])
    one, two = answered(asks), answered(other)
    assert two.relaxed.objective == pytest.approx(one.relaxed.objective, rel=1e-9)
    assert first_year(two)[0] == pytest.approx(first_year(one)[0], abs=1e-6)


def test_a_path_written_twice_with_half_its_probability_changes_nothing(asks):
    other = reordered(asks, [0, 1, 2, 3, 4, 5, 2, 0])
    chance = other.futures.probability.copy()
    chance[[0, 2, 6, 7]] /= 2
    other = replace(other, futures=replace(other.futures, probability=chance))
    one, two = answered(asks), answered(other)
    assert two.relaxed.objective == pytest.approx(one.relaxed.objective, rel=1e-9)
    assert first_year(two)[0] == pytest.approx(first_year(one)[0], abs=1e-6)


def first_year(tree):
    """Orders of the first year : [path, fleet] [k chip]."""
    return tree.solved.built.physics.fleet.orders.value(tree.relaxed.x)[:, 0]


def test_a_tail_without_weight_is_neutral(asks):
    plain = optimum(replace(asks, risk=NEUTRAL))
    assert optimum(replace(asks, risk=((1.0, 0.0), (0.0, 0.9)))) == pytest.approx(plain, rel=1e-9)
    assert optimum(replace(asks, risk=((0.4, 0.0), (0.6, 0.0)))) == pytest.approx(plain, rel=1e-9)


def test_value_falls_with_the_weight_and_the_level_of_the_tail(asks):
    by_weight = [optimum(replace(asks, risk=((1 - w, 0.0), (w, 0.8)))) for w in (0.0, 0.25, 0.5, 1.0)]
    by_level = [optimum(replace(asks, risk=((0.5, 0.0), (0.5, level)))) for level in (0.0, 0.4, 0.9, 1.0)]
    for values in (by_weight, by_level):
        assert all(b <= a + 1e-9 * abs(a) for a, b in itertools.pairwise(values))
        assert values[-1] < values[0] - 1e-3


def test_the_tree_is_worth_what_the_measure_makes_of_its_paths(asks):
    tree = answered(asks)
    values = tree.solved.built.score.value(tree.relaxed.x)
    assert tree.relaxed.objective == pytest.approx(risk_value(asks.risk, values, asks.futures.probability), rel=1e-9)
    # The plan is the best one for a neutral planner who believes the stressed probabilities.
    if asks.risk != NEUTRAL and len(np.unique(values.round(6))) == len(values):
        believed = stressed(asks.risk, values, asks.futures.probability)
        assert believed @ values == pytest.approx(tree.relaxed.objective, rel=1e-9)


# -- who shares what --------------------------------------------------------------------------------------------------------


def test_paths_of_a_node_decide_alike_and_others_need_not(asks):
    tree = answered(asks)
    physics = tree.solved.built.physics
    orders = physics.fleet.orders.value(tree.relaxed.x)
    starts = physics.energising.starts.value(tree.relaxed.x)
    for t in range(3):
        for p in range(6):
            twin = asks.tree.node[p, t]
            assert np.array_equal(orders[p, t], orders[twin, t])
            assert np.array_equal(starts[p, t], starts[twin, t])
    assert np.ptp(orders[:, 1], axis=0).max() > 1e-3  # knowing more is used
    columns = tree.solved.built.model.column_block("orders").index >= 0
    for t in range(3):
        owners = np.flatnonzero(columns[:, t].any(axis=1)).tolist()
        assert set(owners) <= set(asks.tree.node[:, t].tolist())


def test_the_tied_decisions_of_a_question():
    decide = asked(forked(), drawn(6, 1), SIX, phases="now", orders="2y").outlook.decide
    ties = ties_of(SIX, decide, 3)
    assert (ties.phases == 0).all()
    assert ties.orders[:, :2].tolist() == [[0, 0]] * 6
    assert ties.orders[:, 2].tolist() == [0, 1, 1, 3, 4, 4]
    assert not ties.signing.any()
    assert not ties.sites.any()
    late = tree_of([0, 0, 0, 3, 3, 3], starts=(0, 2))
    assert ties_of(late, asked(forked(), drawn(6, 1), late).outlook.decide, 3).phases[:, 1].tolist() == [0] * 6


@pytest.mark.parametrize(("orders", "phases"), [("now", "now"), ("now", "stages"), ("path", "stages")])
def test_less_freedom_is_worth_less(orders, phases):
    world = drawn(6, 1)
    value = optimum(asked(forked(), world, SIX, orders=orders, phases=phases))
    both = optimum(asked(forked(), world, SIX))
    assert value <= both + 1e-9 * both if orders == "now" else value >= both - 1e-9 * both
    if orders != "now":
        assert value > both + 1e-3
    if orders == "now" and phases == "now":
        assert value < both - 1e-3


def committed():
    """A contract to decide on: it owes 8.76 M USD a year, and brings 17.52 M USD a year or 0.876."""
    scenario = toy(
        objective={"maximise": "weighted", "weights": {"offtaker": 1.0, "provider": 0.0}, "discount_rate": "0 %/y"},
        chips=[chip(supply="0 chip/y", opening=stand(1000.0))],
        demand=[demand(mtok_per_d=24_000.0)],
    )
    rent = {"kind": "chip_price", "id": "rent", "prices": {"c": "1 USD/chip-h"}}
    owed = {"total": "26.28 M USD", "floors": ["8.76 M USD"] * 3, "counts": {"rent": "100 %"}}
    scenario["contract"] |= {"signed": "decide", "clauses": [rent, {"kind": "spend_commitment", "id": "least", **owed}]}
    return scenario


def prices(likely):
    return futures({"demand.d.price": ("factor", [2.0, 0.1])}, [likely, 1 - likely])


def test_signing_is_decided_once_for_all_paths():
    sure = 3 * (2.0 - 1.0) * 8.76
    loss = 3 * (0.1 - 1.0) * 8.76
    signs, leaves = (answered(asked(committed(), prices(q), AFTER_A_YEAR)) for q in (0.5, 0.4))
    assert signs.relaxed.objective == pytest.approx((sure + loss) / 2, rel=1e-3)
    assert leaves.relaxed.objective == pytest.approx(0.0, abs=1e-9)
    for tree, one in ((signs, 1.0), (leaves, 0.0)):
        assert tree.solved.built.physics.work.signed.value(tree.relaxed.x) == pytest.approx([one, one], abs=1e-4)


def test_signing_knowing_the_path():
    tree = answered(asked(committed(), prices(0.4), AFTER_A_YEAR, signing="path"))
    assert tree.relaxed.objective == pytest.approx(0.4 * 3 * 8.76, rel=1e-3)
    assert tree.solved.built.physics.work.signed.value(tree.relaxed.x) == pytest.approx([1.0, 0.0], abs=1e-4)


# -- whole numbers ------------------------------------------------------------------------------------------------------


def test_whole_numbers_stand_where_all_paths_share_them():
    wide = forked(demand=[demand("near", mtok_per_d=150_000.0)])
    wide["sites"] = [site("s", energised="1 MW", interconnected="9 MW", phase="3 MW", chips=["c", "n"])]
    wide["chips"][0]["opening"] = stand(900.0)
    asks = asked(wide, futures({"demand.near.volume": ("factor", [0.4, 0.9, 1.3, 2.0])}), tree_of([0, 0, 2, 2]))
    tree = solve_tree(build(asks.problem()), EXACT)
    built = tree.solved.built
    block = built.model.column_block("phases")
    counted = block.integer[block.index >= 0]
    assert counted.any()
    assert not counted.all() or block.index.shape[1] == 1
    starts = built.physics.energising.starts.value(tree.solved.x)
    assert starts[:, 0] == pytest.approx(np.round(starts[:, 0]), abs=1e-6)
    assert tree.relaxed.objective >= tree.solved.first.objective - 1e-9
    assert tree.gap >= 0.0


def test_decisions_held_at_the_optimum_give_the_optimum(asks):
    tree = answered(asks)
    built = tree.solved.built
    arrays = relaxation(built)
    first = np.array([True, False, False])
    held = decided(built, tree.relaxed.x).until(phases=first, orders=first, rights=first)
    again = Solver(held.fix(built, arrays)).solve()
    assert again.objective == pytest.approx(tree.relaxed.objective, rel=1e-7)


def test_paths_that_are_not_told_apart_give_notice_alike():
    scenario = committed()
    scenario["contract"] |= {"signed": "yes"}
    notice = {"kind": "exit_right", "id": "exit", "party": "offtaker", "notice": "0 days", "interval": "year"}
    scenario["contract"]["clauses"].append(notice)
    world = futures({"demand.d.price": ("factor", [[2, 2, 2], [2, 0.1, 0.1]])})
    tree = answered(asked(scenario, world, tree_of([0, 0])))
    (given,) = tree.solved.built.written.rights.values()
    given = given.value(tree.relaxed.x)
    assert given[0] == pytest.approx(given[1], abs=1e-4)
    # Whoever stays wins 8.76 a year or loses 7.884; whoever leaves after a year has 8.76.
    # The relaxation lets half a notice end half of the contract: it lies above, and far below 17.52, what each path would do alone.
    assert (3 * 8.76 + 8.76 - 2 * 7.884) / 2 <= tree.relaxed.objective * (1 + 1e-9) < 0.75 * 17.52
