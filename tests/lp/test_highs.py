"""The live solver: toys by hand, scipy as the independent method, warm against cold, stops and conflicts."""

from __future__ import annotations

import gc
import math
import signal
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lp_toys import chips, hard, random_arrays

from offtake.lp.affine import Affine
from offtake.lp.certificate import certify
from offtake.lp.highs import Solver, version
from offtake.lp.model import Model
from offtake.lp.solution import Solution, SolveEvent, Status

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays


def by_scipy(a: LpArrays, *, whole: bool = False) -> float:
    """Optimum of a program by scipy's own front end, which minimises."""
    optimize = pytest.importorskip("scipy.optimize", reason="the independent method is scipy's")
    dense = np.array([a.activity(e) for e in np.eye(a.columns)]).T
    sign = -1.0 if a.maximise else 1.0
    limits = optimize.LinearConstraint(dense, a.row_lower, a.row_upper)
    found = optimize.milp(
        sign * a.cost,
        constraints=limits,
        bounds=optimize.Bounds(a.col_lower, a.col_upper),
        integrality=np.full(a.columns, int(whole)),
        options={"mip_rel_gap": 0.0},
    )
    assert found.success
    return float(sign * found.fun + a.offset)


def test_the_toy_has_the_optimum_worked_by_hand() -> None:
    # 20 lots of a use 20 of 50 MW; 15 lots of b use the rest: 60 + 75 = 135. One more MW is half a lot of b: 2.5.
    # One more lot of a displaces half a lot of b: 3 - 2.5 = 0.5.
    s = Solver(chips().build()).solve()
    assert s.status is Status.OPTIMAL
    assert s.objective == pytest.approx(135.0)
    assert s.x.tolist() == pytest.approx([20.0, 15.0])
    assert s.row_price.tolist() == pytest.approx([2.5])
    assert s.column_price.tolist() == pytest.approx([0.5, 0.0])
    assert (s.bound, s.gap, s.integer) == (s.objective, 0.0, False)


def test_the_whole_toy_has_the_optimum_worked_by_hand() -> None:
    # 51 MW: a = 20, b = 15 use 50 MW; a = 19, b = 16 use 51 and earn 57 + 80 = 137 > 135.
    s = Solver(chips(51.0, integer=True).build()).solve(gap=0.0)
    assert s.status is Status.OPTIMAL
    assert s.objective == pytest.approx(137.0)
    assert s.x.tolist() == pytest.approx([19.0, 16.0])
    assert not s.priced
    assert s.method == "mip"


def test_a_minimum_has_prices_in_its_own_sense() -> None:
    # Serve 7 units at least cost from 2 (cap 4) and 5: 4 x 2 + 3 x 5 = 23; one more unit costs 5, one more cap saves 3.
    m = Model()
    x = m.columns("supply", axes=(("from", ("cheap", "dear")),), upper=[4.0, np.inf])
    m.rows("need", x.sum(), lower=7.0)
    m.set_objective((x * [2.0, 5.0]).sum(), maximise=False)
    s = Solver(m.build()).solve()
    assert (s.objective, s.row_price.tolist(), s.column_price.tolist()) == (23.0, [5.0], [-3.0, 0.0])


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_linear_optima_equal_scipys(seed: int) -> None:
    a = random_arrays(seed)
    for method in ("dual simplex", "primal simplex", "interior point"):
        s = Solver(a).solve(method=method)
        assert s.status is Status.OPTIMAL
        assert s.objective == pytest.approx(by_scipy(a), rel=1e-9, abs=1e-9)
        assert certify(a, s).ok


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_integer_optima_equal_scipys(seed: int) -> None:
    a = random_arrays(seed, integer=True)
    s = Solver(a).solve(gap=0.0)
    assert s.objective == pytest.approx(by_scipy(a, whole=True), rel=1e-9, abs=1e-7)
    assert certify(a, s).ok
    relaxed = Solver(replace(a, integer=np.zeros(a.columns, dtype=bool))).solve()
    assert (relaxed.objective >= s.objective - 1e-7) if a.maximise else (relaxed.objective <= s.objective + 1e-7)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_warm_solves_equal_cold_ones(seed: int) -> None:
    a = random_arrays(seed)
    rng = np.random.default_rng(seed)
    solver = Solver(a)
    solver.solve()
    rows, columns = np.arange(a.rows), np.arange(a.columns)
    solver.set_row_bounds(rows, upper=a.row_upper + rng.random(a.rows), lower=a.row_lower - 0.25)
    same_as_cold(solver, warm=True)
    solver.set_col_bounds(columns, upper=a.col_upper + rng.random(a.columns))
    same_as_cold(solver, warm=True)
    solver.set_costs(a.cost + rng.random(a.columns), offset=1.5)
    assert same_as_cold(solver, warm=True).method == "primal simplex"
    solver.set_coeffs(np.array([0, 1]), np.array([2, 3]), np.array([0.5, 0.0]))
    same_as_cold(solver)
    m = Model()
    x = m.columns("x", axes=(("j", [str(k) for k in columns]),))
    m.rows("more", x.sum(), upper=float(solver.solve().x.sum()) - 0.125)
    solver.add_rows(m.rows_since(0))
    same_as_cold(solver)
    solver.add_columns(np.zeros(1), np.ones(1), np.array([2.0 if a.maximise else -2.0]))
    same_as_cold(solver)
    solver.set_costs(solver.arrays.cost, maximise=not a.maximise)
    same_as_cold(solver)


def same_as_cold(solver: Solver, *, warm: bool | None = None) -> Solution:
    """Compare a live solver's next answer with a fresh one's on the arrays it says it holds."""
    s, cold = solver.solve(), Solver(solver.arrays).solve()
    assert s.status == cold.status
    if warm is not None:
        assert s.warm is warm
    assert not cold.warm
    if s.status is Status.OPTIMAL:
        assert s.objective == pytest.approx(cold.objective, rel=1e-9, abs=1e-9)
        assert certify(solver.arrays, s).ok
    return s


def test_holding_whole_columns_gives_prices_and_can_be_undone() -> None:
    m = chips(51.5, integer=True)
    solver = Solver(m.build())
    plan = solver.solve(gap=0.0)
    solver.fix_integers(plan.x)
    held = solver.solve()
    assert held.priced
    assert held.objective == pytest.approx(plan.objective)
    assert held.row_price.tolist() == [0.0]  # 0.5 MW is left over while both counts are held
    solver.fix_integers(plan.x, columns=np.array([0]))
    solver.release_integers()
    assert solver.solve(gap=0.0).objective == pytest.approx(plan.objective)
    assert solver.arrays.integer.all()
    solver.fix_integers(plan.x, columns=np.array([0]))
    freed = solver.solve()
    assert freed.row_price.tolist() == pytest.approx([2.5])  # b is free again, so power has its price
    assert freed.objective == pytest.approx(57.0 + 5.0 * (51.5 - 19.0) / 2.0)


def test_a_starting_plan_is_taken() -> None:
    m = hard(columns=120, rows=60)
    first = Solver(m.build()).solve(gap=0.02)
    solver = Solver(m.build())
    solver.set_start(first.x)
    seen: list[SolveEvent] = []
    again = solver.solve(gap=0.02, callback=seen.append)
    assert again.objective >= first.objective - 1e-6


def test_a_gap_is_proved_and_named() -> None:
    s = Solver(hard(columns=120, rows=60).build()).solve(gap=0.05)
    assert s.status is Status.GAP_REACHED
    assert s.status.solved
    assert 0.0 < s.gap <= 0.05
    assert s.gap == pytest.approx((s.bound - s.objective) / s.objective)


def test_a_basis_can_be_put_back() -> None:
    solver = Solver(random_arrays(3))
    first = solver.solve()
    assert first.basis is not None
    basis = solver.get_basis()
    solver.forget()
    solver.set_basis(basis)
    again = solver.solve()
    assert again.warm
    assert again.iterations == 0
    assert again.objective == pytest.approx(first.objective, rel=1e-12)
    with pytest.raises(ValueError, match="the basis is of"):
        Solver(chips().build()).set_basis(basis)


def test_the_same_program_takes_the_same_course() -> None:
    runs = [Solver(hard(columns=120, rows=60).build()).solve(gap=0.02) for _ in range(2)]
    assert runs[0].x.tobytes() == runs[1].x.tobytes()
    assert runs[0].nodes == runs[1].nodes


def test_infeasible_and_unbounded_are_told_apart() -> None:
    m = Model()
    x = m.columns("x", axes=(("j", ("a", "b")),), integer=True)
    m.set_objective(x.sum())
    assert Solver(m.build()).solve().status is Status.UNBOUNDED
    m.rows("cap", x.sum(), upper=4.0)
    m.rows("need", x.sum(), lower=5.0)
    s = Solver(m.build()).solve()
    assert s.status is Status.INFEASIBLE
    assert not s.found
    assert math.isnan(s.objective)


def test_a_conflict_is_smallest_and_can_be_named() -> None:
    # The obligation of 61 MW meets an interconnection of 50 MW; the other limits have nothing to do with it.
    m = Model()
    mw = m.columns("energised", axes=(("site", ("indiana", "texas")),), upper=[90.0, 100.0], unit="MW")
    m.rows("interconnection", mw, upper=[50.0, 80.0], axes=(("site", ("indiana", "texas")),), unit="MW")
    m.rows("obligation", mw[0], lower=61.0, unit="MW")
    m.rows("total", mw.sum(), upper=170.0, unit="MW")
    solver = Solver(m.build())
    assert solver.solve().status is Status.INFEASIBLE
    found = solver.conflict()
    assert sorted(m.row_name(int(i)) for i in found.rows) == ["interconnection[indiana]", "obligation"]
    sides = dict(zip((m.row_name(int(i)) for i in found.rows), found.row_sides, strict=True))
    assert sides == {"interconnection[indiana]": "upper", "obligation": "lower"}
    assert not found.whole_numbers
    assert sorted(m.conflict_text(found)) == [
        "interconnection[indiana]: 1 energised[indiana] <= 50 MW",
        "obligation: 61 MW <= 1 energised[indiana]",
    ]


def test_a_conflict_with_a_bound_names_the_bound() -> None:
    m = Model()
    lots = m.columns("lots", axes=(("chip", ("a", "b")),), upper=[20.0, 40.0], unit="lot")
    m.rows("need", lots[0], lower=30.0, unit="lot")
    solver = Solver(m.build())
    assert solver.solve().status is Status.INFEASIBLE
    assert m.conflict_text(solver.conflict()) == ("need: 30 lot <= 1 lots[a]", "lots[a] <= 20 lot")


def test_crossed_bounds_are_a_conflict_of_one() -> None:
    solver = Solver(chips().build())
    solver.set_col_bounds(np.array([1]), lower=60.0)
    assert solver.solve().status is Status.INFEASIBLE
    found = solver.conflict()
    assert (found.columns.tolist(), found.rows.tolist()) == ([1], [])


def test_a_conflict_of_whole_numbers_says_so() -> None:
    m = Model()
    x = m.columns("x", upper=3.0, integer=True)
    m.rows("half", 2.0 * x, lower=3.0, upper=3.0)
    m.set_objective(x)
    solver = Solver(m.build())
    assert solver.solve().status is Status.INFEASIBLE
    assert solver.conflict().whole_numbers


def test_programs_without_rows_or_columns_are_solved() -> None:
    m = Model()
    assert Solver(m.build()).solve().objective == 0.0
    x = m.columns("x", axes=(("j", ("a", "b")),), upper=[2.0, 3.0])
    m.set_objective(x.sum() + 1.0)
    assert Solver(m.build()).solve().objective == 6.0
    m.rows("nothing", Affine.zeros(), upper=1.0)
    s = Solver(m.build()).solve()
    assert s.objective == 6.0
    assert certify(m.build(), s).ok


def test_an_interrupt_leaves_the_best_plan_within_two_seconds() -> None:
    m = hard()
    stop = threading.Event()
    solver = Solver(m.build())
    seen: list[SolveEvent] = []

    def watch(event: SolveEvent) -> None:
        seen.append(event)
        assert threading.current_thread() is threading.main_thread()
        if not math.isnan(event.incumbent):
            stop.set()
            stopped.append(time.monotonic())

    stopped: list[float] = []
    s = solver.solve(gap=1e-9, interrupt=stop, callback=watch)
    assert time.monotonic() - stopped[0] < 2.0
    assert s.status is Status.INTERRUPTED
    assert s.found
    assert s.bound >= s.objective
    assert s.gap >= 1e-9
    assert certify(solver.arrays, s).ok
    # The same object goes on: its next answer is right, whether or not the old HiGHS has ended.
    solver.fix_integers(s.x)
    held = solver.solve()
    assert held.objective == pytest.approx(s.objective)
    assert held.priced


def test_a_stop_that_highs_does_not_hear_in_time_still_ends_the_wait() -> None:
    solver = Solver(hard().build(), grace_s=0.0)
    s = solver.solve(gap=1e-9, time_limit=0.5)
    assert s.status is Status.TIME_LIMIT
    assert s.seconds < 2.0
    assert solver.solve(gap=0.2, time_limit=30.0).found


def test_an_error_in_the_callback_is_raised_here() -> None:
    def broken(event: SolveEvent) -> None:
        message = f"broken at {event.nodes}"
        raise RuntimeError(message)

    solver = Solver(hard().build())
    with pytest.raises(RuntimeError, match="broken at"):
        solver.solve(gap=1e-9, callback=broken, time_limit=30.0)
    assert solver.solve(gap=0.2).found


def test_progress_comes_with_bound_gap_and_a_heartbeat() -> None:
    seen: list[SolveEvent] = []
    s = Solver(hard().build()).solve(gap=1e-9, callback=seen.append, time_limit=2.0)
    assert s.status is Status.TIME_LIMIT
    times = [event.seconds for event in seen]
    assert times == sorted(times)
    assert max(np.diff(times, prepend=0.0)) < 1.5
    last = seen[-1]
    assert last.bound >= last.incumbent > 0.0
    assert last.gap == pytest.approx((last.bound - last.incumbent) / last.incumbent)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_ctrl_c_reaches_the_solver(tmp_path) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(sys.path[0])!r})\n"
        f"sys.path[:0] = {[str(p) for p in sys.path]!r}\n"
        "from lp_toys import hard\n"
        "from offtake.lp.highs import Solver\n"
        "solver = Solver(hard().build())\n"
        "print('ready', flush=True)\n"
        "s = solver.solve(gap=1e-9)\n"
        "print(s.status, s.found, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(1.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        line = process.stdout.readline()
        assert time.monotonic() - began < 2.0
        assert line == "interrupted True\n"
        assert process.wait(timeout=20) == 0


def test_solvers_are_collected() -> None:
    solver = Solver(chips().build())
    solver.solve()
    inner = weakref.ref(solver._highs)
    del solver
    gc.collect()
    assert inner() is None


def test_the_version_is_named() -> None:
    assert version().startswith("HiGHS 1.")


def test_hipo_and_quick_pricing_find_the_same_optimum() -> None:
    a = hard(columns=300, rows=200).build()
    a = replace(a, integer=np.zeros(a.columns, dtype=bool))
    plain = Solver(a).solve()
    for found in (Solver(a).solve(method="hipo"), Solver(a, pricing="dantzig").solve(method="dual simplex")):
        assert found.objective == pytest.approx(plain.objective, rel=1e-9)
        assert certify(a, found).ok


def test_the_largest_programs_go_to_hipo_and_back_to_a_steadier_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offtake.lp.highs._LARGE_NONZEROS", 2)
    monkeypatch.setattr("offtake.lp.highs._HIPO_NONZEROS", 3)
    a = random_arrays(5)
    plain = Solver(a).solve(method="dual simplex")
    assert Solver(a).solve().method == "hipo"
    tried: list[str] = []
    once = Solver._solve_once

    def failing(self: Solver, run, method: str, *, warm: bool) -> Solution:
        tried.append(method)
        solution = once(self, run, method, warm=warm)
        return replace(solution, status=Status.ERROR) if method != "dual simplex" else solution

    monkeypatch.setattr(Solver, "_solve_once", failing)
    found = Solver(a).solve()
    assert tried == ["hipo", "interior point", "dual simplex"]
    assert found.objective == pytest.approx(plain.objective)
