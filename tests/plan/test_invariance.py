"""What must not change the optimum: the order of sites and chips, a site cut into joined halves, the unit of money, a path twice."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import numpy as np
import pytest
from plan_toys import EXACT, built, busy, inputs, problem, site

from offtake.lp.highs import Solver
from offtake.plan.build import build
from offtake.plan.compile import compile_problem
from offtake.plan.solve import solve


def relaxed(made):
    """Optimum of the relaxation [M USD]."""
    arrays = made.model.build()
    solution = Solver(replace(arrays, integer=np.zeros(arrays.columns, dtype=bool))).solve(method="dual simplex")
    assert solution.status.solved
    return solution.objective


@pytest.fixture(scope="module")
def base():
    """Return the optimum of the scenario as it stands."""
    return relaxed(built(busy()))


@pytest.mark.parametrize("lists", [("sites",), ("chips",), ("sites", "chips", "demand", "outside_supply", "classes")])
def test_the_order_of_things_does_not_matter(base, lists):
    scenario = busy()
    for name in lists:
        scenario[name] = scenario[name][::-1]
    assert relaxed(built(scenario)) == pytest.approx(base, rel=1e-9)


def test_a_site_may_be_cut_into_joined_halves():
    scenario = busy()
    whole = scenario["sites"][0]
    numbers = ("energised", "phase", "ramp")
    half = {k: _times(whole[k], 0.5) for k in numbers}
    half["interconnected"] = _scaled_mw(whole["interconnected"], 0.5)
    scenario["sites"] = [{**whole, **half, "id": n, "group": "ohio"} for n in ("ohio-1", "ohio-2")] + scenario["sites"][
        1:
    ]
    stock = scenario["chips"][0]["opening"][0]
    scenario["chips"][0]["opening"] = [
        {**stock, "site": n, "count": _times(stock["count"], 0.5), "book_value": "45 M USD"}
        for n in ("ohio-1", "ohio-2")
    ]
    assert relaxed(built(_unrounded(scenario))) == pytest.approx(relaxed(built(_unrounded(busy()))), rel=1e-9)


def _unrounded(scenario):
    """Let the whole-phase rule of the ramp round nothing: phases so small that every period's ramp is many of them."""
    for place in scenario["sites"]:
        place["phase"] = "0.001 MW"
    return scenario


def _times(text, factor):
    number, unit = re.fullmatch(r"([\d.]+) (.*)", text).groups()
    return f"{float(number) * factor!r} {unit}"


def test_money_may_be_counted_in_other_units(base):
    # All money and all prices times seven: the optimum times seven, and the same plan.
    scenario = _scaled(busy(), 7.0)
    assert relaxed(built(scenario)) == pytest.approx(7 * base, rel=1e-9)


def _scaled(item, factor):
    if isinstance(item, dict):
        return {k: _scaled(v, factor) for k, v in item.items()}
    if isinstance(item, list):
        return [_scaled(v, factor) for v in item]
    if isinstance(item, str) and "USD" in item:
        return _times(item, factor)
    return item


def test_two_equal_futures_are_worth_as_much_as_one(base):
    # Decisions are each path's own here; the objective is the mean over the paths.
    one = inputs(busy())
    scenario = one.base
    two = replace(one, paths={"a": scenario, "b": scenario})
    made = build(compile_problem(two))
    assert made.problem.paths == ("a", "b")
    assert relaxed(made) == pytest.approx(base, rel=1e-9)


def test_a_site_that_nobody_can_use_changes_nothing(base):
    scenario = busy()
    scenario["sites"] = [
        *scenario["sites"],
        site("far", interconnected="0 MW", energised="0 MW", phase="1 MW", chips=["c"]),
    ]
    assert relaxed(built(scenario)) == pytest.approx(base, rel=1e-9)


def test_more_of_anything_is_never_worse():
    p = problem(busy())
    p = replace(p, goal=replace(p.goal, unserved_usd_per_mtok=0.0))
    here = relaxed(build(p))
    for part, field in (
        ("demand", "volume_tok"),
        ("chips", "supply_chip"),
        ("offers", "cap_chip"),
        ("resale", "cap_chip"),
    ):
        more = replace(p, **{part: replace(getattr(p, part), **{field: getattr(getattr(p, part), field) * 1.1})})
        assert relaxed(build(more)) >= here - 1e-9 * abs(here)


def test_more_power_is_never_worse(base):
    scenario = busy()
    for place in scenario["sites"]:
        place["interconnected"] = _scaled_mw(place["interconnected"], 1.1)
    assert relaxed(built(scenario)) > base


def _scaled_mw(series, factor):
    return (
        _times(series, factor) if isinstance(series, str) else {day: _times(mw, factor) for day, mw in series.items()}
    )


def test_nothing_without_contract_and_chips_and_it_is_bounded():
    scenario = busy(sites=None, chips=None, contract=None, resale=None, training=None, research=None)
    scenario["outside_supply"] = None
    scenario["demand"] = None
    scenario["classes"] = None
    solved = solve(build(problem({k: v for k, v in scenario.items() if v is not None})), EXACT)
    # Only the offtaker's other costs and the idle credit lines are left.
    assert solved.first.status.solved
    assert np.isfinite(solved.exact.objective)


def test_the_same_scenario_gives_the_same_plan_to_the_last_bit():
    first, second = (solve(built(copy.deepcopy(busy())), EXACT) for _ in range(2))
    assert first.x.tobytes() == second.x.tobytes()
