"""A tree of futures written twice: effects on a compiled problem with shared columns, and changed scenarios tied row by row."""

from __future__ import annotations

import numpy as np
import pytest
from plan_toys import busy, compile_problem, inputs
from test_futures import CASES, measure_of
from tree_toys import futures, tree_of

from offtake.lp.highs import Solver
from offtake.outlook.measures import value
from offtake.plan.build import build
from offtake.plan.futures import one_path
from offtake.plan.question import Question
from offtake.plan.tree_solve import relaxation
from offtake.spec.outlook import Decide, Outlook

pytest.importorskip("linopy")

MOVED = [
    [
        "sites.ohio.interconnected",
        "outside_supply.o.cap",
        "classes.chat.algorithmic_gain",
        "demand.eu-chat.price",
        "resale.n.price",
    ],
    [
        "demand.us-chat.volume",
        "sites.lyon.power_price",
        "parties.provider.facility.rate",
        "sites.ohio.shell_cost",
        "parties.offtaker.other_costs",
        "outside_supply.o.price",
    ],
]
"""What each of two paths changes, as in the tests of futures."""

CHANCE = [0.55, 0.45]

TAILS = ((0.6, 0.0), (0.4, 0.5))


def poor():
    """Cash is short, so that the rate of each path's loan counts."""
    scenario = busy()
    scenario["parties"]["provider"]["cash"] = "150 M USD"
    scenario["parties"]["provider"]["facility"] |= {"limit": "120 M USD", "rate": "12 %/y"}
    return scenario


def scenario_of(base, names):
    for name in names:
        base = base.model_copy(update=CASES[name][1](base))
    return base


def test_the_extensive_form_is_what_another_package_makes_of_it():
    from second_model import tree_optimum

    world = inputs(poor())
    still = {"factor": 1.0, "months": 0.0}
    moves = {
        name: (measure_of(name), [CASES[name][0] if name in path else still[measure_of(name)] for path in MOVED])
        for path in MOVED
        for name in path
    }
    tree = tree_of([0, 1], starts=(0, 2))
    question = Question(
        base=compile_problem(world),
        outlook=Outlook(decide=Decide()),
        futures=futures(moves, CHANCE, periods=6),
        tree=tree,
        risk=TAILS,
    )
    problem = question.problem()
    here = Solver(relaxation(build(problem))).solve().objective
    scenarios = [scenario_of(world.base, names) for names in MOVED]
    assert here == pytest.approx(tree_optimum(scenarios, CHANCE, problem.ties.orders.tolist(), TAILS), rel=1e-8)
    # ... and the paths are not alike, nor tied for nothing.
    alone = np.array([Solver(relaxation(build(one_path(problem, p)))).solve().objective for p in range(2)])
    assert np.ptp(alone) > 10.0
    assert here < value(TAILS, alone, np.array(CHANCE)) - 1e-3
