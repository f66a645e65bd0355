"""The interior point that knows the paths: its systems, its reductions, and its answers, against dense algebra and HiGHS."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offtake.lp import by_paths, fronts
from offtake.lp.augmented import Augmented
from offtake.lp.build import LpArrays
from offtake.lp.by_paths import ByPaths, solve_by_paths
from offtake.lp.certificate import certify
from offtake.lp.dissection import fronts_of
from offtake.lp.elimination import NotDefiniteError, Places, rounds_of
from offtake.lp.fronts import Fronts
from offtake.lp.highs import Solver
from offtake.lp.model import Model
from offtake.lp.patterns import Products
from offtake.lp.reduced import reduced
from offtake.lp.settled import settled
from offtake.lp.solution import Solution, SolveEvent, Status
from offtake.lp.split import paths_of
from offtake.lp.standard import standard, with_slacks

SEEDS = st.integers(min_value=0, max_value=2**32 - 1)


def capacity(seed: int, *, paths: int = 4, periods: int = 5, sites: int = 3) -> Model:
    """A plan of capacity kept as a stock, with delays, cash that may not run out, emergency loans and the mean of the worst half."""
    rng = np.random.default_rng(seed)
    m = Model()
    path, period = ("path", [str(k) for k in range(paths)]), ("period", [str(k) for k in range(periods)])
    site = ("site", [str(k) for k in range(sites)])
    on_sale = (np.arange(periods)[:, None] >= rng.integers(0, 3, sites)).astype(float)
    buy = m.columns("buy", axes=(period, site), upper=on_sale * rng.uniform(0.5, 2.0, sites))
    stock = m.columns("stock", axes=(period, site))
    before = stock.apply(np.eye(periods, k=-1), 0)
    m.rows("stock", stock - before - buy, lower=0.0, upper=0.0, axes=(period, site))
    m.rows("budget", buy.sum(1), upper=rng.uniform(1.0, 3.0, periods), axes=(period,))
    axes = (path, period, site)
    first, second = m.columns("first", axes=axes), m.columns("second", axes=axes)
    late = np.stack([np.eye(periods, k=-int(k)) for k in rng.integers(0, 3, paths)])
    come = stock.broadcast_to((paths, periods, sites)).apply(late, 1, over=(0,))
    m.rows("come", first + second - come, upper=0.0, axes=axes)
    m.rows("power", (first + second).sum(2), upper=rng.uniform(1.0, 5.0, (paths, periods)), axes=(path, period))
    sold = m.columns("sold", axes=(path, period), upper=rng.uniform(0.5, 4.0, (paths, periods)))
    m.rows("served", sold - first.sum(2), upper=0.0, axes=(path, period))
    skill = m.columns("skill", axes=(path, period))
    gained = second.sum(2) * rng.uniform(0.5, 1.5, (paths, periods))
    m.rows(
        "skill", skill - skill.apply(0.7 * np.eye(periods, k=-1), 1) - gained, lower=0.0, upper=0.0, axes=(path, period)
    )
    m.rows("quality", sold - skill * 2.0, upper=0.3, axes=(path, period))
    net = m.columns("net", lower=-np.inf, axes=(path, period))
    price = rng.uniform(1.0, 6.0, (paths, periods))
    m.rows("net", net - sold * price + buy.sum(1) * 1.5, lower=0.0, upper=0.0, axes=(path, period))
    cash, loan = m.columns("cash", axes=(path, period)), m.columns("loan", axes=(path, period))
    opening = np.eye(1, periods)
    m.rows(
        "cash",
        cash - cash.apply(np.eye(periods, k=-1), 1) - net - loan,
        lower=opening,
        upper=opening,
        axes=(path, period),
    )
    worth = (net - loan * 0.4).sum(1)
    worst, below = m.columns("worst", lower=-np.inf), m.columns("below", axes=(path,))
    m.rows("below", worth + below - worst, lower=0.0, axes=(path,))
    m.set_objective(worth.sum() * (0.6 / paths) + worst * 0.4 - below.sum() * (0.8 / paths))
    return m


@given(SEEDS)
@settings(deadline=None, max_examples=25)
def test_it_finds_the_optimum_and_prices_that_prove_it(seed: int) -> None:
    m = capacity(seed)
    arrays = m.build()
    found, other = solve_by_paths(arrays, *paths_of(m)), Solver(arrays).solve()
    assert found.method == "paths"
    assert found.objective == pytest.approx(other.objective, rel=1e-9, abs=1e-9)
    assert certify(arrays, found).ok


def test_a_larger_one_gives_the_same_bytes_each_time() -> None:
    m = capacity(5, paths=20, periods=16, sites=6)
    arrays = m.build()
    found = solve_by_paths(arrays, *paths_of(m))
    assert found.method == "paths"
    assert found.objective == pytest.approx(Solver(arrays).solve().objective, rel=1e-9)
    assert certify(arrays, found).ok
    again = solve_by_paths(arrays, *paths_of(m))
    assert again.x.tobytes() == found.x.tobytes()
    assert again.row_price.tobytes() == found.row_price.tobytes()


@given(SEEDS)
@settings(deadline=None, max_examples=15)
def test_it_goes_on_from_the_last_vertex_when_limits_change(seed: int) -> None:
    m = capacity(seed, paths=6, periods=6)
    program = ByPaths(m.build(), *paths_of(m))
    assert program.solve().method == "paths"
    rng = np.random.default_rng(seed)
    power, budget = m.row_block("power"), m.row_block("budget")
    for _ in range(3):
        program.set_row_bounds(power.numbers, upper=power.side(power.upper * rng.uniform(0.5, 1.5, power.shape)))
        program.set_row_bounds(budget.numbers, upper=budget.side(budget.upper * rng.uniform(0.8, 1.2)))
        found = program.solve()
        assert found.warm
        assert found.objective == pytest.approx(Solver(program.arrays).solve().objective, rel=1e-9, abs=1e-9)
        assert certify(program.arrays, found).ok


def test_it_begins_anew_where_no_plan_is_left_and_where_it_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    m = capacity(11)
    arrays = m.build()
    program = ByPaths(arrays, *paths_of(m))
    first = program.solve()
    sold, limit = m.row_block("served"), arrays.row_upper[m.row_block("served").numbers]
    program.set_row_bounds(sold.numbers, upper=-1e6)
    assert program.solve().status is Status.INFEASIBLE
    program.set_row_bounds(sold.numbers, upper=limit)
    assert program.solve().objective == pytest.approx(first.objective, rel=1e-9)
    program.set_row_bounds(sold.numbers, upper=limit + 0.1)
    solve = Solver.solve
    with monkeypatch.context() as patched:
        # A program this small is solved before HiGHS looks for a stop.
        patched.setattr(Solver, "solve", lambda self, **_: replace(solve(self), status=Status.INTERRUPTED))
        stopped = program.solve()
    assert stopped.status is Status.INTERRUPTED
    assert not stopped.found
    again = program.solve()
    assert again.method == "paths"
    assert again.objective == pytest.approx(Solver(program.arrays).solve().objective, rel=1e-9)


def anything(seed: int) -> tuple[LpArrays, np.ndarray, np.ndarray]:
    """A bounded program of any small shape: empty parts, free and fixed columns, repeated rows, limits on no side or on both."""
    rng = np.random.default_rng(seed)
    of_column, of_row = (np.sort(rng.integers(-1, 4, rng.integers(1, most))) for most in (24, 20))
    columns, rows = len(of_column), len(of_row)
    matrix = np.where(rng.random((rows, columns)) < rng.choice([0.2, 0.6]), rng.integers(-4, 6, (rows, columns)), 0.0)
    matrix[(of_column >= 0) & (of_column != of_row[:, None])] = 0.0
    if rng.random() < 0.3:
        again = np.flatnonzero(np.diff(of_row) == 0)
        matrix[again + 1] = matrix[again] * 2.0
    free, wide = rng.random(columns) < rng.choice([0.0, 0.7]), rng.choice([0.0, 1e-13, 1.0, 5.0, np.inf], columns)
    least = rng.integers(-2, 2, columns)
    lower, upper = np.where(free, -np.inf, least), np.where(free, np.inf, least + wide)
    x = np.minimum(least + rng.integers(0, 2, columns), upper)
    kind, slack = rng.integers(0, 5, rows), rng.integers(0, 3, rows)
    row_lower = np.where((kind == 0) | (kind == 4), -np.inf, matrix @ x - np.where(kind == 3, 0.0, slack))
    row_upper = np.where((kind == 1) | (kind == 4), np.inf, matrix @ x + np.where(kind == 3, 0.0, slack))
    # Prices of the right signs make it bounded.
    y = rng.integers(-3, 4, rows) * np.select([kind == 0, kind == 1, kind == 4], [0.0, 0.0, 0.0], 1.0)
    y += np.select([kind == 0, kind == 1], [-1.0, 1.0], 0.0) * rng.integers(0, 4, rows)
    cost = matrix.T @ y + np.where(free, 0.0, rng.integers(0, 4, columns))
    maximise = bool(rng.integers(0, 2))
    by_column = sp.csc_array(matrix)
    arrays = LpArrays(
        maximise=maximise,
        offset=float(rng.integers(-2, 3)),
        cost=-cost if maximise else cost,
        col_lower=lower,
        col_upper=upper,
        integer=np.zeros(columns, dtype=np.bool_),
        row_lower=row_lower,
        row_upper=row_upper,
        start=by_column.indptr.astype(np.int64),
        index=by_column.indices.astype(np.int64),
        value=by_column.data,
    )
    return arrays, of_column, of_row


@given(SEEDS)
@settings(deadline=None, max_examples=40)
@example(82)  # left the range of numbers
def test_programs_without_an_optimum_end_as_with_highs(seed: int) -> None:
    arrays, of_column, of_row = anything(seed)
    rng = np.random.default_rng(seed + 1)
    cost = arrays.cost + rng.normal(size=arrays.columns) * 10.0 ** rng.integers(-3, 4)
    other = replace(arrays, cost=cost)
    expected = Solver(other).solve().status
    assert solve_by_paths(other, of_column, of_row).status is expected or expected is Status.ERROR


def test_uses_that_are_alike_in_several_paths_are_added_up_within_each() -> None:
    rng = np.random.default_rng(0)
    m = Model()
    path, kind, limit = (
        (name, [str(k) for k in range(size)]) for name, size in (("path", 5), ("kind", 20), ("limit", 15))
    )
    x = m.columns("x", axes=(kind,), upper=5.0)
    first, second = (m.columns(name, axes=(path, kind)) for name in ("first", "second"))
    both = first + second
    m.rows("use", both - x, upper=0.0, axes=(path, kind))
    m.rows("limit", both.apply(rng.uniform(0.0, 1.0, (15, 20)), 1), upper=rng.uniform(4.0, 9.0, 15), axes=(path, limit))
    m.set_objective(first.sum() * 2.0 + second.sum() - x.sum() * 3.0)
    arrays = m.build()
    found = solve_by_paths(arrays, *paths_of(m))
    assert found.method == "paths"
    assert found.objective == pytest.approx(Solver(arrays).solve().objective, rel=1e-9)
    assert certify(arrays, found).ok


@given(SEEDS)
@settings(deadline=None, max_examples=60)
def test_programs_of_any_shape_are_solved(seed: int) -> None:
    arrays, of_column, of_row = anything(seed)
    found, other = solve_by_paths(arrays, of_column, of_row), Solver(arrays).solve()
    assert found.status is other.status is Status.OPTIMAL
    assert found.objective == pytest.approx(other.objective, rel=1e-7, abs=1e-7)
    assert certify(arrays, found).ok


@pytest.mark.parametrize("kind", ["least", "shifted", "one path"])
def test_other_ways_to_write_it(kind: str) -> None:
    m = capacity(7, paths=1 if kind == "one path" else 4)
    arrays = m.build()
    if kind == "least":
        arrays = replace(arrays, maximise=False, cost=-arrays.cost, offset=3.0)
    if kind == "shifted":
        arrays = replace(arrays, offset=100.0)
    found = solve_by_paths(arrays, *paths_of(m))
    assert found.objective == pytest.approx(Solver(arrays).solve().objective, rel=1e-9)
    assert certify(arrays, found).ok


@pytest.mark.parametrize(("limit", "status"), [(-1.0, Status.INFEASIBLE), (np.inf, Status.UNBOUNDED)])
def test_highs_says_why_there_is_no_plan(limit: float, status: Status) -> None:
    m = Model()
    x = m.columns("x")
    y = m.columns("y", axes=(("path", ("a", "b")),))
    m.rows("tie", y - x, upper=0.0, axes=(("path", ("a", "b")),))
    m.rows("limit", y + x, upper=limit, axes=(("path", ("a", "b")),))
    m.set_objective(y.sum())
    assert solve_by_paths(m.build(), *paths_of(m)).status is status


def test_what_is_not_of_this_form_is_refused() -> None:
    m = capacity(1)
    of_column, of_row = paths_of(m)
    arrays = m.build()
    with pytest.raises(ValueError, match="are not those of LpArrays"):
        solve_by_paths(arrays, of_column[1:], of_row)
    with pytest.raises(ValueError, match=r"row .* of path 0 reads column .* of path 3"):
        solve_by_paths(arrays, np.where(of_column == 0, 3, of_column), of_row)
    m.columns("lots", integer=True)
    with pytest.raises(ValueError, match="whole"):
        solve_by_paths(m.build(), np.append(of_column, -1), of_row)


def test_a_stop_gives_the_best_plan_so_far_and_says_so() -> None:
    m = capacity(2, paths=6, periods=8)
    arrays, event, seen = m.build(), threading.Event(), []

    def late(news: SolveEvent) -> None:
        seen.append(news)
        if news.gap < 0.1:
            event.set()

    found = solve_by_paths(arrays, *paths_of(m), callback=late, interrupt=event)
    best = Solver(arrays).solve().objective
    assert found.status is Status.INTERRUPTED
    assert found.objective <= best + 1e-4 <= found.bound + 2e-4
    assert found.gap < 0.1
    reached = certify(arrays, found)
    assert max(reached.row_violation, reached.bound_violation) < 1e-4
    assert solve_by_paths(arrays, *paths_of(m), time_limit=0.0).status is Status.TIME_LIMIT

    def pressed(news: SolveEvent) -> None:
        raise KeyboardInterrupt

    stopped = solve_by_paths(arrays, *paths_of(m), callback=pressed)
    assert stopped.status is Status.INTERRUPTED
    assert not stopped.found


@pytest.mark.parametrize("where", ["reduced", "settled", "standard", "vertex"])
def test_ctrl_c_is_heard_wherever_it_comes(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    m = capacity(2)
    monkeypatch.setattr(by_paths, where, pressed)
    found = solve_by_paths(m.build(), *paths_of(m))
    assert found.status is Status.INTERRUPTED
    assert found.found == (where == "vertex")


@pytest.mark.parametrize("how", ["interrupt", "time limit", "Ctrl-C"])
def test_a_stop_during_the_crossover_gives_the_point_that_it_began_from(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = capacity(2, paths=6, periods=8)
    arrays, event, vertex, solve = m.build(), threading.Event(), by_paths.vertex, Solver.solve

    def slow(*arguments: Any) -> Any:
        if how == "Ctrl-C":
            raise KeyboardInterrupt
        event.set()
        return vertex(*arguments)

    def stopped(self: Solver, **options: Any) -> Solution:
        # A program this small is solved before HiGHS looks for a stop.
        assert options["interrupt"].is_set()
        status = Status.TIME_LIMIT if how == "time limit" else Status.INTERRUPTED
        assert (options["time_limit"] is None) == (how != "time limit")
        return replace(solve(self), status=status)

    monkeypatch.setattr(by_paths, "vertex", slow)
    monkeypatch.setattr(by_paths.Solver, "solve", stopped)
    limit = 100.0 if how == "time limit" else None
    found = solve_by_paths(arrays, *paths_of(m), interrupt=event, time_limit=limit)
    assert found.status is (Status.TIME_LIMIT if how == "time limit" else Status.INTERRUPTED)
    assert found.found
    assert found.gap < 1e-3


def test_what_rounding_leaves_of_a_coefficient_of_0_holds_nothing() -> None:
    m = Model()
    path = ("path", ("a", "b"))
    x, y = m.columns("x", axes=(path,), upper=6e3), m.columns("y", axes=(path,), upper=6e3)
    # The row reads 0 at the least: with x at its upper limit, were it to read x.
    m.rows("speck", y - x * 5.6e-17, upper=-6e3 * 5.6e-17, axes=(path,))
    m.rows("limit", x + y, upper=10.0, axes=(path,))
    m.set_objective(x.sum() + y.sum() * 2.0)
    arrays = m.build()
    found = solve_by_paths(arrays, *paths_of(m))
    assert found.objective == pytest.approx(Solver(arrays).solve().objective)
    small = reduced(arrays)
    assert small is not None
    assert small.restored(Solver(small.arrays).solve().x) == pytest.approx([10.0, 10.0, 0.0, 0.0])


def test_numbers_of_paths_are_names() -> None:
    m = capacity(4)
    arrays = m.build()
    of_column, of_row = paths_of(m)
    names = np.array([7, 10**12, 3, 10**15, -1])
    found, other = solve_by_paths(arrays, names[of_column], names[of_row]), solve_by_paths(arrays, of_column, of_row)
    assert found.method == other.method == "paths"
    assert found.objective == pytest.approx(other.objective, rel=1e-9)


def test_what_would_not_fit_into_memory_is_left_to_highs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fronts, "_MOST", 10)
    m = capacity(4)
    found = solve_by_paths(m.build(), *paths_of(m))
    assert found.method != "paths"
    assert found.status is Status.OPTIMAL


@given(SEEDS)
@settings(deadline=None, max_examples=20)
def test_systems_are_solved_as_dense_algebra_solves_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = capacity(seed, paths=3, periods=4, sites=2)
    left = settled(m.build())
    assert left is not None
    form = standard(left)
    system = Augmented(form.matrix, np.isinf(form.lower) & np.isinf(form.upper))
    diagonal = 10.0 ** rng.uniform(-2.0, 2.0, len(form.cost))
    system.factor(diagonal, added=0.0)
    r, g = rng.normal(size=len(form.right)), rng.normal(size=len(form.cost))
    dx, dy = system.solve(r, g)
    a = form.matrix.toarray()
    whole = np.block([[a, np.zeros((len(r), len(r)))], [-np.diag(diagonal), a.T]])
    expected = np.linalg.solve(whole, np.concatenate((r, g)))
    assert np.concatenate((dx, dy)) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@given(SEEDS)
@settings(deadline=None, max_examples=30)
def test_a_basis_of_what_is_left_is_one_of_the_whole(seed: int) -> None:
    m = capacity(seed)
    arrays = m.build()
    left = settled(arrays)
    assert left is not None
    assert len(left.rows) < arrays.rows
    equations, slack = with_slacks(left)
    matrix = equations.matrix.tocsc()
    rest = LpArrays(
        maximise=False,
        offset=0.0,
        cost=equations.cost,
        col_lower=equations.lower,
        col_upper=equations.upper,
        integer=np.zeros(len(equations.cost), dtype=np.bool_),
        row_lower=equations.right,
        row_upper=equations.right,
        start=matrix.indptr.astype(np.int64),
        index=matrix.indices.astype(np.int64),
        value=matrix.data,
    )
    solver = Solver(rest)
    small = solver.solve()
    basis = solver.get_basis().data
    columns = np.array([int(s) for s in basis.col_status])
    rows = np.array([int(s) for s in basis.row_status])
    count = len(left.columns)
    status = np.zeros(len(rows), dtype=np.int64)
    status[slack] = columns[count:]
    status[rows == 1] = 1
    whole = Solver(arrays)
    whole.set_statuses(*left.basis(columns[:count], status, small.row_price))
    found = whole.solve(method="dual simplex")
    assert found.iterations == 0
    assert found.objective == pytest.approx(Solver(arrays).solve().objective, rel=1e-9, abs=1e-9)


def test_values_and_prices_come_back_from_equations_without_free_columns() -> None:
    m = capacity(3)
    arrays = m.build()
    left = settled(arrays)
    assert left is not None
    form = standard(left)
    assert form.substituted
    equations, _ = with_slacks(left)
    rng = np.random.default_rng(0)
    at = rng.normal(size=len(form.cost)), rng.normal(size=len(form.right))
    x, y = form.values(at[0]), form.prices(at[1])
    gone = np.setdiff1d(np.arange(len(equations.right)), form.rows)
    assert (equations.matrix @ x)[gone] == pytest.approx(equations.right[gone], abs=1e-9)
    price = equations.cost - equations.matrix.T @ y
    assert price[np.setdiff1d(np.arange(len(price)), form.columns)] == pytest.approx(0.0, abs=1e-9)
    here = form.worth * float(form.cost @ (x[form.columns] / form.by_column))
    assert equations.cost @ x == pytest.approx(here + form.constant)


@given(SEEDS)
@settings(deadline=None)
def test_products_are_those_of_dense_matrices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = sp.csr_array(sp.random_array((5, 7), density=0.4, rng=rng))
    w = rng.normal(size=7)
    products = Products(x)
    lower = sp.coo_array((products.fill(w), (products.row, products.column)), shape=(5, 5))
    assert lower.toarray() == pytest.approx(np.tril(x.toarray() @ np.diag(w) @ x.toarray().T), abs=1e-12)


def quasidefinite(seed: int, rows: int, density: float) -> tuple[np.ndarray, np.ndarray]:
    """A sparse matrix with positive definite and negative definite rows in any order, and their signs."""
    rng = np.random.default_rng(seed)
    entries = np.where(rng.random((rows, rows)) < density, rng.normal(size=(rows, rows)), 0.0)
    sign = np.where(rng.random(rows) < 0.6, 1, -1).astype(np.int8)
    a = np.tril(entries, -1) + np.tril(entries, -1).T
    same = sign[:, None] == sign
    dominant = np.abs(np.where(same, a, 0.0)).sum(axis=1) + rng.uniform(0.1, 1.0, rows)
    return a + np.diag(sign * dominant), sign


def places_of(a: np.ndarray, sign: np.ndarray) -> tuple[Places, np.ndarray]:
    """Where the numbers of a matrix stand, and the numbers."""
    row, column = np.nonzero(np.tril(a))
    return Places(sign=sign, row=row, column=column), a[row, column]


@given(SEEDS, st.integers(min_value=1, max_value=60), st.sampled_from([0.0, 0.03, 0.1, 0.5]), st.booleans())
@settings(deadline=None)
def test_rounds_and_fronts_solve_as_dense_algebra_does(seed: int, rows: int, density: float, ends: bool) -> None:
    a, sign = quasidefinite(seed, rows, density)
    places, numbers = places_of(a, sign)
    rng = np.random.default_rng(seed)
    last = (rng.random(rows) < 0.1) & ends
    h = rng.normal(size=rows)
    expected = np.linalg.solve(a, h)
    alone = Fronts(places, last)
    alone.factor(numbers)
    assert alone.solve(h) == pytest.approx(expected, rel=1e-7, abs=1e-7)
    rounds, went = rounds_of(places, last), []
    for one in rounds:
        numbers, last = one.down(numbers), last[one.kernel]
        light, h = one.forward(h)
        went.append(light)
    rest = Fronts(rounds[-1].left if rounds else places, last)
    for _ in range(2):  # the numbers of the first filling leave no trace
        rest.factor(numbers)
    found = rest.solve(h)
    for one, light in zip(reversed(rounds), reversed(went), strict=True):
        found = one.back(light, found)
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-7)


def test_fronts_of_more_than_one_block_solve_as_dense_algebra_does() -> None:
    a, sign = quasidefinite(3, 500, 0.3)
    places, numbers = places_of(a, sign)
    whole = Fronts(places, np.zeros(500, dtype=np.bool_))
    whole.factor(numbers)
    h = np.random.default_rng(0).normal(size=500)
    assert whole.solve(h) == pytest.approx(np.linalg.solve(a, h), rel=1e-8, abs=1e-8)
    with pytest.raises(NotDefiniteError):
        whole.factor(np.where(places.row == places.column, -numbers, numbers))


@given(SEEDS, st.integers(min_value=1, max_value=80))
@settings(deadline=None)
def test_fronts_take_every_row_once_and_hand_on_what_they_touch(seed: int, rows: int) -> None:
    a, sign = quasidefinite(seed, rows, 0.08)
    last = np.random.default_rng(seed).random(rows) < 0.05
    found = fronts_of(places_of(a, sign)[0], last)
    assert sorted(np.concatenate([f.pivots for f in found]).tolist()) == list(range(rows))
    gone = np.zeros(rows, dtype=np.bool_)
    for k, front in enumerate(found):
        here = set(front.pivots.tolist()) | set(front.border.tolist())
        for child in front.children:
            assert child < k
            assert set(found[child].border.tolist()) <= here
        touched = np.flatnonzero((a[front.pivots] != 0.0).any(axis=0) & ~gone)
        assert set(touched.tolist()) <= here
        gone[front.pivots] = True
        assert not gone[front.border].any()
        assert not last[front.pivots].all() or last[front.border].all()


def test_a_chain_is_cut_in_the_middle_so_that_its_fronts_stay_small() -> None:
    rows = 3000
    places = Places(
        sign=np.ones(rows, dtype=np.int8),
        row=np.concatenate((np.arange(rows), np.arange(1, rows))),
        column=np.concatenate((np.arange(rows), np.arange(rows - 1))),
    )
    found = fronts_of(places, np.zeros(rows, dtype=np.bool_))
    assert max(len(f.border) for f in found) <= 2
    assert sum((len(f.pivots) + len(f.border)) ** 2 for f in found) < rows**2 / 10


def test_another_order_serves_where_metis_has_not_been_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymetis", None)
    m = capacity(5, paths=6, periods=8)
    arrays = m.build()
    found = solve_by_paths(arrays, *paths_of(m))
    assert found.method == "paths"
    assert found.objective == pytest.approx(Solver(arrays).solve().objective, rel=1e-9)


def test_rows_that_meet_no_other_need_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymetis", None)
    places = Places(sign=np.ones(2, dtype=np.int8), row=np.arange(2), column=np.arange(2))
    for last in ([False, False], [False, True], [True, True]):
        whole = Fronts(places, np.array(last))
        whole.factor(np.array([2.0, 4.0]))
        assert whole.solve(np.ones(2)) == pytest.approx([0.5, 0.25])


@pytest.mark.parametrize("what", [np.nan, np.inf, 1e300])
def test_fronts_refuse_what_leaves_the_range_of_numbers_without_a_warning(what: float) -> None:
    a, sign = quasidefinite(3, 200, 0.1)
    places, numbers = places_of(a, sign)
    whole = Fronts(places, np.zeros(200, dtype=np.bool_))
    numbers[np.flatnonzero(places.row != places.column)[::20]] = what
    with pytest.raises(NotDefiniteError):
        whole.factor(numbers)


def test_equations_that_leave_no_column_are_left_to_highs() -> None:
    m = Model()
    x = m.columns("x", lower=-np.inf)
    m.rows("once", x, lower=1.0, upper=1.0)
    m.rows("twice", x * 2.0, lower=2.0, upper=2.0)
    m.set_objective(x * 3.0)
    assert solve_by_paths(m.build(), *paths_of(m)).objective == pytest.approx(3.0)


@given(SEEDS, st.sampled_from([1e-6, 1e6]))
@settings(deadline=None, max_examples=20)
def test_a_slack_does_not_hide_in_what_units_its_row_is(seed: int, factor: float) -> None:
    arrays = capacity(seed).build()
    by_row = np.where(np.random.default_rng(seed).random(arrays.rows) < 0.5, factor, 1.0)
    limits = {"row_lower": arrays.row_lower * by_row, "row_upper": arrays.row_upper * by_row}
    left = settled(replace(arrays, value=arrays.value * by_row[arrays.index], **limits))
    assert left is not None
    matrix = abs(standard(left).matrix.tocsc())
    shared = matrix[:, np.diff(matrix.indptr) > 1].max(axis=1).toarray()
    assert shared[shared > 0.0].min() > 0.1
    assert matrix.max() < 10.0


def test_an_equation_that_stands_twice_leaves_no_row_of_rounding() -> None:
    rng = np.random.default_rng(0)
    m = Model()
    axes = (("part", [str(k) for k in range(20)]),)
    total, part = m.columns("total", lower=-np.inf), m.columns("part", axes=axes, upper=1.0)
    share = rng.uniform(0.1, 1.0, 20)
    m.rows("total", total * 3.0 - (part * share).sum(), lower=0.1, upper=0.1)
    m.rows("again", total * 2.1 - (part * share * 0.7).sum(), lower=0.07, upper=0.07)
    m.rows("limit", total + part.sum(), upper=1.0)
    left = settled(m.build())
    assert left is not None
    form = standard(left)
    assert form.substituted
    assert np.diff(form.matrix.indptr).tolist() == [0, 21]


def test_what_would_fill_a_program_is_not_worked_out() -> None:
    size = 1500
    m = Model()
    total, part = m.columns("total", lower=-np.inf), m.columns("part", axes=(("part", [str(k) for k in range(size)]),))
    m.rows("total", total - part.sum(), lower=0.0, upper=0.0)
    m.rows("each", part - total * 0.5, upper=1.0, axes=(("part", [str(k) for k in range(size)]),))
    left = settled(m.build())
    assert left is not None
    tracemalloc.start()
    form = standard(left)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not form.substituted
    assert most < size**2 * 4


@given(SEEDS)
@settings(deadline=None, max_examples=10)
def test_rounding_of_a_price_is_not_worth_a_bound_that_was_put_for_none(seed: int) -> None:
    m = capacity(seed)
    arrays = m.build()
    arrays = replace(arrays, col_upper=np.where(np.isinf(arrays.col_upper), 1e12, arrays.col_upper))
    small = reduced(arrays, prices=True, path_of_column=paths_of(m)[0])
    assert small is not None
    found = by_paths._whole(small, Solver(small.arrays).solve())
    assert certify(arrays, found).ok
