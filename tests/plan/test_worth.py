"""What information, hedging and waiting are worth: by hand, in the right order on random futures, and by plans made afresh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plan_toys import RELAXED
from test_tree_solve import AFTER_A_YEAR, ALL_KNOWN, KNOWN_IN_TIME, NOBODY_KNOWS, high_or_low, newsvendor
from tree_toys import HALVES, NEUTRAL, answered, asked, drawn, forked, futures, optimum, tree_of

from offtake.lp.highs import Solver
from offtake.outlook.measures import value as risk_value
from offtake.outlook.sampling import mean_path
from offtake.plan.build import build
from offtake.plan.compile import with_floors
from offtake.plan.decided import decided, here_and_now
from offtake.plan.futures import one_path, with_futures
from offtake.plan.solve import solve
from offtake.plan.tree_solve import relaxation, solve_tree
from offtake.plan.withheld import promising
from offtake.plan.worth import worth

RISKS = {
    "neutral": NEUTRAL,
    "tail": ((0.7, 0.0), (0.3, 0.8)),
    "worst": ((0.0, 0.0), (1.0, 1.0)),
    "mix": ((0.4, 0.0), (0.4, 0.5), (0.2, 1.0)),
}
SIX = tree_of([0, 0, 0, 3, 3, 3], [0, 1, 1, 3, 4, 4])


def six(seed, **more):
    """A question of six paths over four periods."""
    return asked(forked(grid=HALVES), drawn(6, seed, periods=4), SIX, **more)


def test_by_hand():
    question = asked(newsvendor(), high_or_low(), AFTER_A_YEAR)
    found = worth(question, answered(question), RELAXED)
    # The mean demand keeps 2,500 chips busy: so many are ordered now, 1,500 more if demand turns out high.
    mean = ((8.76 * (0.5 * 2.5 + 1.5 * 4) - 24) + (8.76 * 2 - 15)) / 2
    assert found.tree_usd == pytest.approx(KNOWN_IN_TIME * 1e6, rel=1e-9)
    assert found.wait_and_see_usd == pytest.approx(ALL_KNOWN * 1e6, rel=1e-9)
    assert found.mean_plan_usd == pytest.approx(mean * 1e6, rel=1e-9)
    assert found.evpi_usd == pytest.approx((ALL_KNOWN - KNOWN_IN_TIME) * 1e6)
    assert found.vss_usd == pytest.approx((KNOWN_IN_TIME - mean) * 1e6)
    assert found.waiting_usd == {"1y": pytest.approx((KNOWN_IN_TIME - NOBODY_KNOWS) * 1e6)}


def test_by_hand_if_the_worst_counts_half():
    # 0.25 / 0.75: a chip more now wins 4.38 × 1/4 and loses 6 × 3/4; knowing nothing ever, 8.76 × 2 × 1/4 < 6.
    question = asked(newsvendor(), high_or_low(), AFTER_A_YEAR, risk=((0.5, 0.0), (0.5, 1.0)))
    found = worth(question, answered(question), RELAXED)
    low, seen, few = 8.76 * 2 - 6, 8.76 * 8 - 24, 8.76 * 6.5 - 24
    assert found.wait_and_see_usd == pytest.approx((0.25 * seen + 0.75 * low) * 1e6)
    assert found.tree_usd == pytest.approx((0.25 * few + 0.75 * low) * 1e6)
    mean = 0.25 * (8.76 * (0.5 * 2.5 + 1.5 * 4) - 24) + 0.75 * (8.76 * 2 - 15)
    assert found.mean_plan_usd == pytest.approx(mean * 1e6)
    # whether demand is high or low, 1,000 chips serve 1,000 chips' demand
    assert found.without_waiting_usd == {"1y": pytest.approx(low * 1e6)}


def test_what_everybody_knows_is_worth_nothing():
    question = asked(forked(), futures({"demand.*.volume": ("factor", [1.2, 1.2, 1.2])}), tree_of([0, 1, 2]))
    found = worth(question, answered(question), RELAXED)
    size = abs(found.tree_usd)
    assert found.evpi_usd == pytest.approx(0.0, abs=1e-7 * size)
    assert found.vss_usd == pytest.approx(0.0, abs=1e-7 * size)
    assert found.waiting_usd == {"1y": pytest.approx(0.0, abs=1e-7 * size)}


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("seed", range(4))
def test_seeing_is_worth_more_than_planning_and_planning_more_than_the_mean(seed, risk):
    question = six(100 + seed, risk=RISKS[risk])
    tree = answered(question)
    found = worth(question, tree, RELAXED)
    dust = 1e-9 * abs(found.tree_usd)
    assert found.tree_usd == pytest.approx(tree.relaxed.objective * 1e6)
    assert found.wait_and_see_usd >= found.tree_usd - dust
    assert found.mean_plan_usd is not None
    assert found.mean_plan_usd <= found.tree_usd + dust
    assert set(found.waiting_usd) == {"1y", "2y"}
    assert all(v is not None and v >= -dust for v in found.waiting_usd.values())
    if risk != "worst":  # where one path is the worst whatever is decided, it alone counts, and is known
        assert found.evpi_usd > 1e3
        assert found.vss_usd > 1e3


@pytest.fixture(scope="module", params=["neutral", "tail"])
def found(request):
    """A question, its tree and its worth."""
    question = six(11, risk=RISKS[request.param])
    tree = answered(question)
    return question, tree, worth(question, tree, RELAXED)


def test_waiting_is_the_difference_to_a_tree_built_without_the_stage(found):
    question, _, told = found
    for stage in ("1y", "2y"):
        assert told.waiting_usd[stage] > 1e4
        fresh = optimum(replace(question, tree=question.tree.merged(stage)))
        assert told.without_waiting_usd[stage] == pytest.approx(fresh * 1e6, rel=1e-7)


def test_wait_and_see_is_the_tree_in_which_all_is_known(found):
    question, _, told = found
    known = {"signing": "path", "sites": "path", "phases": "path", "orders": "path"}
    all_known = replace(question, outlook=asked(forked(), question.futures, SIX, **known).outlook)
    assert told.wait_and_see_usd == pytest.approx(optimum(all_known) * 1e6, rel=1e-9)
    problem = question.problem()
    alone = [solve(build(one_path(problem, p)), RELAXED, tie_break=False).first.objective for p in range(6)]
    best = risk_value(question.risk, np.array(alone), question.futures.probability)
    assert told.wait_and_see_usd == pytest.approx(best * 1e6, rel=1e-9)


def test_the_mean_plan_is_the_tree_with_the_decisions_of_the_mean_held(found):
    question, tree, told = found
    best = question.problem().chips.supply_chip.max(axis=0)  # what makers promise on every path, the mean one too
    mean = build(promising(with_futures(question.base, mean_path(question.futures)), best))
    x = Solver(relaxation(mean)).solve().x
    built = build(question.problem())
    held = here_and_now(built.problem, decided(mean, x))
    assert held.orders_held.tolist() == [True, False, False, False]
    cold = Solver(held.fix(built, relaxation(built))).solve()
    assert told.mean_plan_usd == pytest.approx(cold.objective * 1e6, rel=1e-7)
    assert told.vss_usd > 1e4
    assert tree.relaxed.objective * 1e6 == pytest.approx(told.tree_usd)


def test_a_decision_that_waits_for_nothing_has_no_value_of_waiting():
    question = six(11, phases="now", orders="now")
    found = worth(question, answered(question), RELAXED)
    assert all(v == pytest.approx(0.0, abs=1e-7 * found.tree_usd) for v in found.waiting_usd.values())


def test_a_floor_on_the_other_party_stands_in_every_comparison():
    # The offtaker plans; the provider must have on average what it has in a plan of its own less a little.
    scenario = forked(grid=HALVES, objective={"maximise": "offtaker", "discount_rate": "5 %/y"})
    rent = {"kind": "chip_price", "id": "rent", "prices": {"c": "0.5 USD/chip-h", "n": "1.1 USD/chip-h"}}
    scenario["contract"] = {**scenario["contract"], "clauses": [rent]}
    question = asked(scenario, drawn(6, 11, periods=4), SIX)
    tree = solve_tree(build(with_floors(question.problem(), {"provider": 12e6})), RELAXED)
    found = worth(question, tree, RELAXED)
    provider = tree.solved.built.values["provider"].value(tree.relaxed.x)
    assert question.futures.probability @ provider == pytest.approx(12.0, rel=1e-6)
    dust = 1e-8 * abs(found.tree_usd)
    assert found.wait_and_see_usd >= found.tree_usd - dust
    assert found.mean_plan_usd <= found.tree_usd + dust
    assert all(v is None or v >= -dust for v in found.waiting_usd.values())
