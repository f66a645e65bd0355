"""A certificate holds for true answers and catches each kind of false one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from lp_toys import chips, random_arrays

from offtake.lp.certificate import certify, model_hash
from offtake.lp.highs import Solver, version
from offtake.lp.solution import Solution, Status

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays


@pytest.fixture
def answer() -> tuple[LpArrays, Solution]:
    arrays = chips().build()
    return arrays, Solver(arrays).solve()


def test_a_true_answer_is_certified(answer: tuple[LpArrays, Solution]) -> None:
    arrays, solution = answer
    c = certify(arrays, solution, solver=version())
    assert c.ok
    assert c.failures == ()
    assert (c.objective_recomputed, c.dual_objective) == (pytest.approx(135.0), pytest.approx(135.0))
    assert max(c.row_violation, c.bound_violation, c.price_residual, c.complementarity) < 1e-9
    plain = c.as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False))["ok"] is True
    assert plain["solver"].startswith("HiGHS")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": [20.0, 15.1]}, "a row limit is broken"),
        ({"x": [20.5, 14.75]}, "a column bound is broken"),
        ({"x": [19.0, 15.0]}, "the objective does not equal c x"),
        ({"objective": 136.0}, "the objective does not equal c x"),
        ({"row_price": [2.4]}, "prices do not explain"),
        ({"row_price": [2.4]}, "primal and dual objective differ"),
        ({"row_price": [-2.5]}, "no limit"),
        ({"x": [18.0, 15.0], "objective": 129.0}, "a limit with slack has a price"),
    ],
)
def test_a_corrupted_answer_is_caught(
    answer: tuple[LpArrays, Solution], change: dict[str, list[float] | float], sentence: str
) -> None:
    arrays, solution = answer
    bad = replace(solution, **{k: np.array(v) if isinstance(v, list) else v for k, v in change.items()})
    c = certify(arrays, bad)
    assert not c.ok
    assert any(sentence in failure for failure in c.failures)


def test_a_column_that_is_not_whole_is_caught() -> None:
    arrays = chips(51.0, integer=True).build()
    solution = Solver(arrays).solve(gap=0.0)
    assert certify(arrays, solution).ok
    bad = replace(solution, x=np.array([19.5, 15.75]), objective=137.25)
    assert any("not whole" in failure for failure in certify(arrays, bad).failures)


def test_no_plan_is_no_certificate() -> None:
    arrays = chips(-1.0).build()
    solution = Solver(arrays).solve()
    assert solution.status is Status.INFEASIBLE
    c = certify(arrays, solution)
    assert c.failures == ("there is no plan to check",)
    assert c.as_dict()["objective"] is None


def test_the_hash_tells_programs_apart_and_only_programs() -> None:
    one = random_arrays(1)
    assert model_hash(one) == model_hash(random_arrays(1))
    assert model_hash(replace(one, cost=one.cost + 0.0)) == model_hash(one)
    changed = [
        replace(one, maximise=not one.maximise),
        replace(one, offset=one.offset + 1.0),
        replace(one, cost=one.cost * 2.0),
        replace(one, row_upper=one.row_upper + 1.0),
        replace(one, integer=~one.integer),
        one.with_coefficients(np.array([0]), np.array([0]), np.array([0.125])),
    ]
    assert len({model_hash(one), *map(model_hash, changed)}) == 1 + len(changed)
