"""Prices: by hand, against central finite differences of the optimum, one-sided where degenerate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lp_toys import chips, random_arrays

from offtake.errors import SolverError
from offtake.lp.highs import Solver
from offtake.lp.model import Model
from offtake.lp.prices import Binding, bound_prices, one_sided, row_prices
from offtake.lp.solution import Status

STEP = 1e-4


def optimum(solver: Solver) -> float:
    """Objective after a change, NaN where there is none."""
    s = solver.solve()
    return s.objective if s.status is Status.OPTIMAL else math.nan


def differences(solver: Solver, number: int, *, row: bool) -> tuple[float, float]:
    """Left and right difference quotients of the optimum in the finite side(s) of one limit, by fresh cold solves."""
    a = solver.arrays
    lower, upper = (a.row_lower, a.row_upper) if row else (a.col_lower, a.col_upper)
    values = []
    for by in (-STEP, 0.0, STEP):
        moved = Solver(a)
        put = moved.set_row_bounds if row else moved.set_col_bounds
        put(np.array([number]), lower=lower[number] + by, upper=upper[number] + by)
        values.append(optimum(moved))
    return (values[1] - values[0]) / STEP, (values[2] - values[1]) / STEP


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_prices_equal_central_finite_differences(seed: int) -> None:
    solver = Solver(random_arrays(seed, columns=8, rows=5))
    solution = solver.solve()
    checked = 0
    for row, prices in ((True, solution.row_price), (False, solution.column_price)):
        for number, price in enumerate(prices.tolist()):
            left, right = differences(solver, number, row=row)
            if math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-6):
                assert price == pytest.approx((left + right) / 2.0, rel=1e-5, abs=1e-6)
                checked += 1
            elif math.isfinite(left) and math.isfinite(right):
                # A degenerate limit: any price between the two slopes is a true one.
                assert min(left, right) - 1e-6 <= price <= max(left, right) + 1e-6
    assert checked >= 5


def test_a_block_of_limits_is_priced_per_unit_and_classified() -> None:
    # Two periods share demand worth 7 a unit; discount 0.5 in the second. Caps 4, 9 against demand 6, 6, and one closed.
    m = Model()
    axes = (("period", ("2027", "2028", "2029")),)
    x = m.columns("served", axes=axes, upper=[10.0, 10.0, 0.0])
    weight = np.array([1.0, 0.5, 0.25])
    capacity = m.rows("capacity", x + 1.0, upper=[5.0, 10.0, 1.0], axes=axes, unit="MW")
    demand = m.rows("demand", x, upper=6.0, axes=axes)
    m.set_objective((x * 7.0 * weight).sum())
    solver = Solver(m.build())
    s = solver.solve()
    assert s.x.tolist() == [4.0, 6.0, 0.0]
    found = row_prices(capacity, solver.arrays, s, weight=weight, closed=[False, False, True])
    assert found.price.tolist()[:2] == pytest.approx([7.0, 0.0])
    assert found.binding.tolist() == [Binding.BINDING, Binding.SLACK, Binding.CLOSED]
    assert found.value.tolist() == [5.0, 7.0, 1.0]
    assert found.slack.tolist() == [0.0, 3.0, 0.0]
    wanted = row_prices(demand, solver.arrays, s, weight=weight)
    assert wanted.price.tolist() == pytest.approx([0.0, 7.0, 0.0])
    assert wanted.binding.tolist() == [Binding.SLACK, Binding.BINDING, Binding.SLACK]
    bounds = bound_prices(m.column_block("served"), solver.arrays, s, weight=weight)
    assert bounds.binding.tolist() == [Binding.SLACK, Binding.SLACK, Binding.CLOSED]


def test_prices_follow_limits_changed_on_the_live_solver() -> None:
    m = chips()
    solver = Solver(m.build())
    solver.set_row_bounds(np.array([0]), upper=1000.0)
    s = solver.solve()
    found = row_prices(m.row_block("power"), solver.arrays, s)
    assert (found.binding.item(), found.price.item()) == (Binding.SLACK, 0.0)
    assert bound_prices(m.column_block("lots"), solver.arrays, s).price.tolist() == [3.0, 5.0]


def test_masked_and_free_limits_are_absent() -> None:
    m = Model()
    axes = (("j", ("a", "b", "c")),)
    x = m.columns("x", axes=axes, upper=1.0, mask=[True, True, False])
    block = m.rows("r", x, upper=[1.0, np.inf, 1.0], axes=axes, mask=[True, True, False])
    m.set_objective(x.sum())
    solver = Solver(m.build())
    found = row_prices(block, solver.arrays, solver.solve())
    assert found.binding.tolist()[1:] == [Binding.ABSENT, Binding.ABSENT]
    assert np.isinf(found.slack[1:]).all()


def test_a_degenerate_limit_has_a_left_and_a_right_price() -> None:
    # With exactly 20 MW, lot a (3 per MW, at most 20) is used up: the last MW is worth 3, the next one only 2.5.
    m = chips(20.0)
    solver = Solver(m.build())
    before = solver.solve()
    found = one_sided(solver, 0)
    assert found.loss == pytest.approx(3.0)
    assert found.gain == pytest.approx(2.5)
    assert found.degenerate
    assert solver.arrays.row_upper.tolist() == [20.0]
    again = solver.solve()
    assert (again.objective, again.iterations) == (before.objective, 0)


def test_a_plain_limit_has_one_price_even_where_the_first_step_is_too_long() -> None:
    solver = Solver(chips(50.0).build())
    found = one_sided(solver, 0, step=500.0)
    assert (found.loss, found.gain) == (pytest.approx(2.5), pytest.approx(2.5))
    assert not found.degenerate
    bound = one_sided(solver, 0, of="column")
    assert bound.gain == pytest.approx(0.5)


def test_a_step_into_infeasibility_is_infinitely_dear() -> None:
    m = Model()
    x = m.columns("x", upper=4.0)
    m.rows("must", x, lower=4.0)
    m.rows("cap", x, upper=4.0)
    m.set_objective(x)
    solver = Solver(m.build())
    found = one_sided(solver, 1)
    assert found.loss == math.inf
    assert found.gain == pytest.approx(0.0)
    lower = one_sided(solver, 0, side="lower")
    assert lower.gain == -math.inf
    with pytest.raises(ValueError, match="no lower limit"):
        one_sided(solver, 1, side="lower")


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_one_sided_prices_equal_one_sided_differences(seed: int) -> None:
    solver = Solver(random_arrays(seed, columns=8, rows=5))
    a = solver.arrays
    for row in range(a.rows):
        side = "upper" if np.isfinite(a.row_upper[row]) else "lower"
        if a.row_lower[row] == a.row_upper[row] or not np.isfinite(a.row_lower[row] + a.row_upper[row]):
            left, right = differences(solver, row, row=True)
            found = one_sided(solver, row, side=side)
            for quotient, slope in ((left, found.loss), (right, found.gain)):
                if math.isfinite(quotient):
                    assert slope == pytest.approx(quotient, rel=1e-5, abs=1e-6)


def test_an_integer_plan_has_no_prices_to_offer() -> None:
    m = chips(51.0, integer=True)
    solver = Solver(m.build())
    with pytest.raises(SolverError, match="fix the integers"):
        row_prices(m.row_block("power"), solver.arrays, solver.solve())
    m = Model()
    m.rows("no", m.columns("x"), upper=-1.0)
    with pytest.raises(SolverError, match="infeasible"):
        one_sided(Solver(m.build()), 0)
