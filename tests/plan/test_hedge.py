"""Finished paths: what a tree decides is held, each path is an ordinary settled plan, and their money is the tree's."""

from __future__ import annotations

import numpy as np
import pytest
import test_conservation as conservation
from plan_toys import RELAXED, contract, inputs
from test_worth import six
from tree_toys import HALVES, answered, asked, drawn, forked, outlook, rented, tree_of

from offtake.outlook.measures import value as risk_value
from offtake.plan.build import build
from offtake.plan.compile import with_floors
from offtake.plan.decided import decided
from offtake.plan.hedge import finish_paths, floor_price, path_of, plan_under_uncertainty, score_usd
from offtake.plan.result import read
from offtake.plan.settings import Settings
from offtake.plan.solve import solve
from offtake.plan.tree_solve import solve_tree

CAUTIOUS = ((0.6, 0.0), (0.4, 0.6))


def planned(scenario, settings=RELAXED):
    """Plan a scenario under its outlook."""
    world = inputs(scenario)
    return plan_under_uncertainty(world, world.base.outlook, settings)


@pytest.fixture(scope="module", params=["neutral", "cautious"])
def hedged(request):
    """A plan under uncertainty whose contract has no yes/no facts."""
    risk = {} if request.param == "neutral" else {"risk": {"kind": "cvar", "level": "60 %", "weight": "40 %"}}
    return planned(forked(grid=HALVES, contract=rented(), outlook=outlook(**risk)))


def test_settled_money_is_the_tree_s(hedged):
    tree = hedged.tree_solved
    assert hedged.in_sample_adjusted_usd == pytest.approx(tree.relaxed.objective * 1e6, rel=1e-6)
    written = tree.solved.built.score.value(tree.solved.x) * 1e6
    # A path that no tail counts is left as it may be by the tree, and finished as well as can be.
    assert (hedged.scores_usd >= written - 1e-6 * np.abs(written)).all()
    assert hedged.probability @ written == pytest.approx(hedged.in_sample_usd, rel=1e-6)
    for p, outcome in enumerate(hedged.paths):
        assert score_usd(outcome.alliance, hedged.question.base.goal.weights) == hedged.scores_usd[p]


def test_without_the_alliance_too(hedged):
    apart = hedged.tree_without
    weights = hedged.apart.goal.weights
    scores = np.array([score_usd(o.without, weights) for o in hedged.paths])
    assert risk_value(hedged.risk, scores, hedged.probability) == pytest.approx(apart.relaxed.objective * 1e6, rel=1e-6)
    assert hedged.in_sample_adjusted_usd > apart.relaxed.objective * 1e6


def test_what_the_tree_decided_is_what_each_path_does(hedged):
    solved = hedged.tree_solved.solved
    for p, outcome in enumerate(hedged.paths):
        held = decided(solved.built, solved.x, path=p)
        found = outcome.alliance.decisions
        assert found.orders_chip[0] / 1e3 == pytest.approx(held.orders, abs=1e-6)
        assert found.starts[0] == pytest.approx(held.starts, abs=1e-6)
    now = [o.alliance.decisions.orders_chip[0, 0] for o in hedged.paths]
    later = [o.alliance.decisions.orders_chip[0, 1:] for o in hedged.paths]
    assert np.ptp(now, axis=0).max() < 1e-6
    assert np.ptp(later, axis=0).max() > 1.0


CHECKS = [name for name in dir(conservation) if name.startswith("test_") and name.split("test_")[1][:5] in {
    "every", "power", "token", "money"}]  # fmt: skip


@pytest.mark.parametrize("check", [*CHECKS, "test_an_answer_is_recomputed_outside_the_solver"])
def test_each_path_conserves_what_a_plan_conserves(hedged, check):
    for outcome in hedged.paths:
        getattr(conservation, check)(outcome.alliance)


def test_the_checks_are_there():
    assert len(CHECKS) == 4


def test_chips_serve_after_they_are_bought_on_every_path(hedged):
    for outcome in hedged.paths:
        conservation.test_chips_are_bought_before_they_serve(outcome.alliance)


def test_what_the_risk_measure_makes_of_the_paths(hedged):
    assert hedged.probability.sum() == pytest.approx(1.0)
    assert len(hedged.paths) == len(hedged.probability) == 5
    assert hedged.stressed.sum() == pytest.approx(1.0)
    assert hedged.stressed @ hedged.scores_usd == pytest.approx(hedged.in_sample_adjusted_usd, rel=1e-9)
    if hedged.risk == ((1.0, 0.0),):
        assert hedged.stressed == pytest.approx(hedged.probability)
        assert hedged.in_sample_adjusted_usd == pytest.approx(hedged.in_sample_usd)
    else:
        worst, best = int(np.argmin(hedged.scores_usd)), int(np.argmax(hedged.scores_usd))
        assert hedged.stressed[worst] > hedged.probability[worst]
        assert hedged.stressed[best] < hedged.probability[best]
        assert hedged.in_sample_adjusted_usd < hedged.in_sample_usd
    mean, tail = hedged.party_usd("provider", level=0.5)
    values = np.array([o.alliance.npv_usd("provider") for o in hedged.paths])
    assert mean == pytest.approx(hedged.probability @ values)
    order = np.argsort(values)
    taken = np.diff(np.minimum(np.cumsum(hedged.probability[order]), 0.5), prepend=0.0)
    assert tail == pytest.approx(taken @ values[order] / 0.5)


def test_worth_is_of_the_same_tree(hedged):
    found = hedged.worth
    assert found.tree_usd == pytest.approx(hedged.tree_solved.relaxed.objective * 1e6)
    assert found.wait_and_see_usd >= found.tree_usd >= found.mean_plan_usd
    assert set(found.waiting_usd) == {"6 months", "1y"}


SEVERAL = [
    {"kind": "chip_price", "id": "rent", "prices": {"c": "0.3 USD/chip-h", "n": "0.7 USD/chip-h"}},
    {"kind": "revenue_share", "id": "share", "base": "gross_profit", "rates": {"direct": "10 %"}},
    {
        "kind": "take_or_pay",
        "id": "top",
        "interval": "year",
        "tranches": [{"id": "all", "chip": "n", "count": "2000 chip", "minimum": "90 %", "price": "0.9 USD/chip-h"}],
    },
    {
        "kind": "spend_commitment",
        "id": "commit",
        "total": "30 M USD",
        "floors": ["5 M USD", "10 M USD"],
        "counts": {"rent": "100 %"},
    },
]


def test_relaxed_clauses_overstate_and_settled_ones_do_not():
    # The objective weighs the provider more, so that a payment that is not owed would pay.
    weights = {"maximise": "weighted", "weights": {"offtaker": 0.6, "provider": 0.9}, "discount_rate": "5 %/y"}
    scenario = forked(grid=HALVES, objective=weights, contract=contract(*SEVERAL), outlook=outlook())
    found = planned(scenario)
    tree = found.tree_solved.relaxed.objective * 1e6
    assert len(found.tree_solved.solved.built.written.binaries) > 0
    assert found.in_sample_adjusted_usd <= tree * (1 + 1e-6)
    assert found.in_sample_adjusted_usd > 0.5 * tree


def test_whole_phases_now_and_parts_later():
    found = planned(forked(grid=HALVES, contract=rented(), outlook=outlook()), Settings(gap=1e-4))
    starts = np.array([o.alliance.decisions.starts[0] for o in found.paths])
    assert starts[:, 0] == pytest.approx(np.round(starts[:, 0]), abs=1e-6)
    # settled money is that of the tree with whole phases, within the gap of its relaxation
    written = found.tree_solved.solved.first.objective * 1e6
    assert found.in_sample_adjusted_usd == pytest.approx(written, rel=1e-6)
    assert written <= found.tree_solved.relaxed.objective * 1e6 + 1e-6
    assert found.gap >= 0.0


def test_a_floor_holds_on_average_and_has_one_price_on_all_paths():
    scenario = forked(grid=HALVES, objective={"maximise": "offtaker", "discount_rate": "5 %/y"}, contract=rented())
    question = asked(scenario, drawn(5, 7, periods=4), tree_of([0, 0, 2, 2, 2]))
    tree = solve_tree(build(with_floors(question.problem(), {"provider": 15e6})), RELAXED)
    price = floor_price(tree, "provider")
    assert price > 0.01
    plans = finish_paths(tree, RELAXED, stage="test")
    provider = np.array([p.npv_usd("provider") for p in plans])
    offtaker = np.array([p.npv_usd("offtaker") for p in plans])
    chance = question.futures.probability
    # Each path maximises the offtaker's value and the provider's at that price: their sum is the Lagrangian's optimum.
    goal = path_of(tree, 0).goal
    assert goal.weights["provider"] == pytest.approx(price)
    assert not goal.floors_usd
    bound = tree.relaxed.objective * 1e6 + price * 15e6
    assert chance @ (offtaker + price * provider) == pytest.approx(bound, rel=1e-6)
    # The price is the fall of the optimum by a dollar more of the floor.
    more, less = (
        solve_tree(build(with_floors(question.problem(), {"provider": 15e6 + by})), RELAXED).relaxed.objective
        for by in (1e3, -1e3)
    )
    assert (less - more) / 2e-3 == pytest.approx(price, rel=1e-6)


def test_a_one_party_objective_leaves_the_other_what_it_has_alone():
    scenario = forked(grid=HALVES, contract=rented(), outlook=outlook())
    scenario["objective"] = {"maximise": "offtaker", "others_at_least": "1 M USD", "discount_rate": "5 %/y"}
    found = planned(scenario)
    alone = np.array([o.without.npv_usd("provider") for o in found.paths])
    floor = found.problem.goal.floors_usd["provider"]
    assert floor == pytest.approx(found.probability @ alone + 1e6)
    solved = found.tree_solved.solved
    have = solved.built.values["provider"].value(solved.x) * 1e6
    assert found.probability @ have >= floor - 1.0


def test_finishing_one_path_is_planning_it():
    scenario = forked(grid=HALVES, contract=rented())
    question = asked(scenario, drawn(1, 5, periods=4), tree_of([0]))
    tree = answered(question)
    (plan,) = finish_paths(tree, RELAXED, stage="test")
    direct = read(solve(build(question.problem()), RELAXED))
    assert plan.objective_usd == pytest.approx(direct.objective_usd, rel=1e-7)


def test_no_path_of_a_tree_beats_the_path_alone():
    question = six(21)
    tree = answered(question)
    plans = finish_paths(tree, RELAXED, stage="test")
    for p, plan in enumerate(plans):
        alone = solve(build(path_of(tree, p)), RELAXED, tie_break=False).first.objective * 1e6
        assert plan.objective_usd <= alone + 1.0
