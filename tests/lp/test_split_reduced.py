"""Programs made small before they are solved: same optimum, same status, and values that keep every limit of the whole program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.lp.build import LpArrays, compress
from offtake.lp.certificate import certify
from offtake.lp.highs import Solver
from offtake.lp.model import Model
from offtake.lp.reduced import Reduced, reduced, solved
from offtake.lp.solution import Status
from offtake.lp.split import evaluate, paths_of, split

INF = np.inf


def program(
    dense: np.ndarray,
    cost: list[float],
    rows: list[tuple[float, float]],
    columns: list[tuple[float, float]],
    *,
    up: bool = True,
) -> LpArrays:
    """Write a program from its matrix."""
    i, j = np.nonzero(dense)
    start, index, value = compress(i, j, dense[i, j], dense.shape[1])
    low, high = np.array(columns, dtype=np.float64).T
    lower, upper = np.array(rows, dtype=np.float64).T
    return LpArrays(
        maximise=up,
        offset=1.5,
        cost=np.array(cost, dtype=np.float64),
        col_lower=low,
        col_upper=high,
        integer=np.zeros(len(cost), dtype=np.bool_),
        row_lower=lower,
        row_upper=upper,
        start=start,
        index=index,
        value=value,
    )


def check(a: LpArrays) -> Reduced | None:
    """Solve with and without, and compare; return the small program."""
    whole, small = Solver(a).solve(), reduced(a)
    if small is None:
        assert whole.status is Status.INFEASIBLE
        return None
    found = Solver(small.arrays, presolve=False).solve()
    assert (found.status is Status.OPTIMAL) == (whole.status is Status.OPTIMAL)
    if whole.status is not Status.OPTIMAL:
        return small
    assert found.objective == pytest.approx(whole.objective, rel=1e-9, abs=1e-9)
    x = small.restored(found.x)
    assert a.cost @ x + a.offset == pytest.approx(whole.objective, rel=1e-9, abs=1e-8)
    sums = a.activity(x)
    assert (np.maximum(a.row_lower - sums, sums - a.row_upper) <= 1e-6).all()
    assert (np.maximum(a.col_lower - x, x - a.col_upper) <= 1e-6).all()
    return small


def some_program(seed: int) -> LpArrays:
    """Draw a program of short rows, equations, free columns and limits without room, most often with an answer."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 9)), int(rng.integers(1, 9))
    dense = rng.choice([-2.0, -1.0, 0.5, 1.0, 1.0, 2.0], (m, n))
    for i in range(m):
        dense[i, rng.permutation(n)[int(rng.choice([1, 2, 2, 3, n])) :]] = 0.0
    x = np.where(rng.random(n) < 0.3, 0.0, rng.integers(0, 4, n) * 1.0)
    kinds = {0: (0.0, INF), 1: (0.0, 4.0), 2: (-INF, INF), 3: (-1.0, 5.0)}
    columns = [kinds[k] for k in rng.choice(4, n, p=[0.5, 0.2, 0.2, 0.1]).tolist()]
    at, room = dense @ x, np.where(rng.random(m) < 0.4, 0.0, rng.integers(0, 3, m) * 1.0)
    rows = [
        {"=": (v, v), "<": (-INF, v + s), ">": (v - s, INF), "in": (v - s, v + 1.0), "no": (v + 9.0, v + 9.0)}[kind]
        for v, s, kind in zip(
            at.tolist(),
            room.tolist(),
            rng.choice(["=", "<", ">", "in", "no"], m, p=[0.3, 0.35, 0.2, 0.13, 0.02]),
            strict=True,
        )
    ]
    return program(dense, rng.integers(-3, 4, n).tolist(), rows, columns, up=bool(rng.random() < 0.5))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 1_000_000))
def test_a_small_program_has_the_same_optimum(seed: int) -> None:
    check(some_program(seed))


def chips(seed: int) -> LpArrays:
    """Split chips of some sites between two uses, paid from a balance over two periods."""
    rng = np.random.default_rng(seed)
    sites, kinds = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    shape = (2, sites, kinds)
    names = tuple((name, [str(k) for k in range(count)]) for name, count in zip("tik", shape, strict=True))
    work = rng.choice([1.0, 1.0, 1.5, 2.0, 3.7], kinds)
    per = rng.choice([1.0, 1.0, 0.5, 3.0], kinds)  # chips that one unit of use takes
    power = rng.choice([1.0, 1.0, 1.3], (sites, kinds))
    m = Model()
    train, serve = (m.columns(name, axes=names) for name in ("train", "serve"))
    there = rng.choice([0.0, 1.0, 2.0, 5.0], shape, p=[0.3, 0.3, 0.3, 0.1])
    m.rows("chips", (train + serve) * per, upper=there, axes=names)
    m.rows("powered", ((train + serve) * power).sum(2), upper=rng.choice([0.0, 1.0, 3.0], (2, sites)), axes=names[:2])
    done = [(way * work).sum((1, 2)) for way in (train, serve)]
    time = names[:1]
    sold, unsold = m.columns("sold", axes=time), m.columns("unsold", axes=time)
    m.rows("demand", sold + unsold, lower=[3.0, 9.0], upper=[3.0, 9.0], axes=time)
    m.rows("serving", sold - done[1], upper=0.0, axes=time)
    bought = m.columns("bought", axes=time)
    asked = rng.uniform(0.0, 4.0, 2)
    m.rows(
        "trained",
        done[0] * rng.choice([1.0, 0.3]) + bought,
        lower=asked,
        upper=asked if rng.random() < 0.5 else INF,
        axes=time,
    )
    cost = (
        rng.uniform(0.0, 1.0, sites)
        if rng.random() < 0.7
        else rng.uniform(0.0, 1.0, kinds)[None, :] * np.ones((sites, 1))
    )
    paid = ((train + serve) * (cost[:, None] if cost.ndim == 1 else cost[:, :kinds])).sum((1, 2))
    net = m.columns("net", axes=time, lower=-INF)
    m.rows("net", net + paid + bought * 9.0 + unsold - sold * 2.0, lower=0.0, upper=0.0, axes=time)
    cash, help_ = m.columns("cash", axes=time), m.columns("help", axes=time)
    before = cash.apply(np.eye(2, k=-1), 0)
    m.rows("balance", cash - before - net - help_, lower=[1.0, 0.0], upper=[1.0, 0.0], axes=time)
    m.set_objective((net - help_ * 1.5).sum())
    return m.build()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1_000_000))
def test_chips_in_two_uses_are_worth_the_same(seed: int) -> None:
    a = chips(seed)
    small = check(a)
    assert small is not None
    assert small.arrays.rows <= a.rows - 4  # both demands and both nets at least


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1_000_000), st.booleans())
def test_prices_come_back_where_rows_stay(seed: int, of_chips: bool) -> None:
    a = chips(seed) if of_chips else some_program(seed)
    whole, found = Solver(a).solve(), solved(a, prices=True)
    assert found.status is whole.status
    if whole.status is Status.OPTIMAL:
        assert found.objective == pytest.approx(whole.objective, rel=1e-9, abs=1e-9)
        proof = certify(a, found)
        assert proof.ok, proof.failures


def test_a_plan_for_several_paths_has_its_prices() -> None:
    # The whole program of three paths: chips are decided, used in two ways on each path, and their rows keep their prices.
    rng = np.random.default_rng(5)
    m = Model()
    path, chip = ("path", list("pqr")), ("chip", list("abcd"))
    bought = m.columns("bought", axes=(chip,), upper=3.0)
    use = m.columns("use", axes=(path, ("way", ["train", "serve"]), chip))
    rows = m.rows("chips", use.sum(1) - bought[None, :] * rng.uniform(0.5, 1.0, (3, 4)), upper=0.0, axes=(path, chip))
    done = (use * [1.0, 2.0, 3.0, 5.0]).sum(2)
    m.rows("trained", done[:, 0], lower=rng.uniform(1.0, 4.0, 3), axes=(path,))
    m.rows("sold", done[:, 1], upper=rng.uniform(2.0, 20.0, 3), axes=(path,))
    m.set_objective((done[:, 1] * rng.uniform(1.0, 2.0, 3)).sum() - (bought * [2.0, 3.0, 5.0, 6.0]).sum())
    a = m.build()
    small = reduced(a, prices=True)
    assert small is not None
    assert small.arrays.columns == a.columns - 3 * 3
    found, whole = solved(a, prices=True), Solver(a).solve()
    assert found.objective == pytest.approx(whole.objective, rel=1e-9)
    assert certify(a, found).ok
    # A price says what one more of a thing is worth.
    price = rows.take(found.row_price)
    assert price.max() > 0.1
    k = int(np.argmax(price))
    more = Solver(a)
    more.set_row_bounds(rows.numbers[k : k + 1], upper=[1e-4])
    assert more.solve().objective - whole.objective == pytest.approx(1e-4 * price.reshape(-1)[k], rel=1e-4)


def test_a_limit_without_room_and_a_row_of_one_column() -> None:
    # a + 2 b <= 0 holds both at 0; 2 c <= 6 and -c <= -1 are bounds.
    dense = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, -1.0]])
    a = program(dense, [9.0, 9.0, -1.0], [(-INF, 0.0), (-INF, 6.0), (-INF, -1.0)], [(0.0, INF)] * 3)
    small = check(a)
    assert small is not None
    assert (small.columns.tolist(), small.arrays.rows) == ([2], 0)
    assert (small.arrays.col_lower.tolist(), small.arrays.col_upper.tolist()) == ([1.0], [3.0])


def test_a_column_of_one_value_is_a_number() -> None:
    # x = 2: 2 + 3 y <= 8 bounds y by 2; the constant is worth 4 more.
    a = program(np.array([[1.0, 3.0]]), [2.0, 1.0], [(-INF, 8.0)], [(2.0, 2.0), (0.0, 9.0)])
    small = check(a)
    assert small is not None
    assert (small.columns.tolist(), small.arrays.rows, small.arrays.col_upper.tolist()) == ([1], 0, [2.0])
    assert small.arrays.offset == 1.5 + 4.0
    assert small.restored(np.array([1.0])).tolist() == [2.0, 1.0]


def test_bounds_that_pass_each_other_by_rounding_meet() -> None:
    a = program(np.array([[3.0]]), [1.0], [(-INF, 0.3 - 1e-15)], [(0.1, 0.1 + 1e-12)])
    small = check(a)
    assert small is not None
    assert small.arrays.col_lower.tolist() == small.arrays.col_upper.tolist() == [0.1]


def test_two_uses_of_each_of_three_things_become_one_total() -> None:
    # Things of 1, 2 and 4 units of work in either of two uses; the first use must do 5, the second is paid: (14 - 5) x 3.
    work = np.array([1.0, 2.0, 4.0])
    dense = np.zeros((5, 6))
    dense[:3, :3] = dense[:3, 3:] = np.eye(3)
    dense[3, :3] = dense[4, 3:] = work
    a = program(
        dense, [0.0] * 3 + (3.0 * work).tolist(), [(-INF, 2.0)] * 3 + [(5.0, INF), (-INF, 99.0)], [(0.0, INF)] * 6
    )
    small = check(a)
    # The total, at least 5, and three sums, each at most 2; rows for the total and for the second use.
    assert small is not None
    assert (small.arrays.rows, small.arrays.columns) == (2, 4)
    assert sorted(small.arrays.col_upper.tolist()) == [2.0, 2.0, 2.0, INF]
    found = Solver(small.arrays).solve()
    assert found.objective == pytest.approx(1.5 + 27.0)
    assert small.restored(found.x)[:3] @ work == pytest.approx(5.0)


def test_two_uses_that_differ_for_one_thing_leave_it_out() -> None:
    # In the second use the third thing does half the work only: exchanging it is something else.
    dense = np.zeros((5, 6))
    dense[:3, :3] = dense[:3, 3:] = np.eye(3)
    dense[3, :3] = [1.0, 2.0, 4.0]
    dense[4, 3:] = [1.0, 2.0, 2.0]
    rows = [(-INF, 2.0)] * 3 + [(5.0, INF), (-INF, 99.0)]
    small = check(program(dense, [0.0] * 3 + [3.0, 6.0, 6.0], rows, [(0.0, INF)] * 6))
    # One limit, what must be done in the first use, now by the total and the third thing, the total's, and the second use.
    assert small is not None
    assert (small.arrays.rows, small.arrays.columns) == (4, 5)


def test_two_uses_of_what_is_decided_too() -> None:
    # As above, but each thing must be had first: what there is of it stands on the other side of its limit, which stays.
    work = np.array([1.0, 2.0, 4.0])
    dense = np.zeros((6, 9))
    dense[:3, :3] = dense[:3, 3:6] = np.eye(3)
    dense[:3, 6:] = -np.eye(3)
    dense[3, :3] = dense[4, 3:6] = work
    dense[5, 6:] = 1.0
    rows = [(-INF, 0.0)] * 3 + [(5.0, INF), (-INF, 99.0), (-INF, 3.0)]
    small = check(
        program(dense, [0.0] * 3 + (3.0 * work).tolist() + [-1.0] * 3, rows, [(0.0, INF)] * 6 + [(0.0, 2.0)] * 3)
    )
    assert small is not None
    assert (small.arrays.rows, small.arrays.columns) == (6, 7)
    assert Solver(small.arrays).solve().objective == pytest.approx(1.5 + 3.0 * (2 * 4.0 + 2.0 - 5.0) - 3.0)


def test_two_limits_of_the_same_two_both_bound_their_sum() -> None:
    # a + b <= 2 and 2 a + 2 b <= 3 for each of two things, in either of two uses that do 1 a unit.
    dense = np.zeros((6, 4))
    dense[0, :2] = dense[2, 2:] = 1.0
    dense[1, :2] = dense[3, 2:] = 2.0
    dense[4, 0::2] = dense[5, 1::2] = 1.0
    rows = [(-INF, 2.0), (-INF, 3.0)] * 2 + [(0.5, INF), (-INF, 9.0)]
    small = check(program(dense, [0.0, 1.0, 0.0, 1.0], rows, [(0.0, INF)] * 4))
    assert small is not None
    assert (small.arrays.rows, sorted(small.arrays.col_upper.tolist())) == (2, [1.5, 1.5, INF])
    assert Solver(small.arrays).solve().objective == pytest.approx(1.5 + 2.5)


@pytest.mark.parametrize(("third", "rows"), [(2.0, 1), (3.5, 2)])
def test_a_limit_is_filled_in_order_where_there_is_one(third: float, rows: int) -> None:
    # 3 units for things that do 3, 1 and 2 (each at most 2, at no cost): the first two units go to the first, the third to the last.
    # If the last does 3.5 but costs 1 a unit, which comes first depends on what work is worth.
    dense = np.array([[1.0, 1.0, 1.0, 0.0], [-3.0, -1.0, -third, 1.0]])
    cost = [0.0, 0.0, -float(third > 3.0), 1.0]
    a = program(dense, cost, [(-INF, 3.0), (-INF, 0.0)], [(0.0, 2.0)] * 3 + [(0.0, INF)])
    small = check(a)
    assert small is not None
    assert small.arrays.rows == rows
    if rows == 1:
        assert small.columns.tolist() == [0, 2, 3]
        assert small.arrays.col_upper.tolist() == [2.0, 1.0, INF]


def test_equations_give_columns() -> None:
    # y = 5 - 2 x, from 0 up, so x <= 2.5; the free z = x + 3 w - 1 stands in one more row.
    dense = np.array([[2.0, 1.0, 0.0, 0.0], [1.0, 0.0, -1.0, 3.0], [0.0, 1.0, 2.0, 0.0]])
    rows = [(5.0, 5.0), (1.0, 1.0), (-INF, 8.0)]
    a = program(dense, [1.0, 1.0, 1.0, -1.0], rows, [(0.0, INF), (0.0, INF), (-INF, INF), (0.0, 7.0)])
    small = check(a)
    assert small is not None
    assert (small.columns.tolist(), small.arrays.rows, small.arrays.col_upper.tolist()) == ([0, 3], 1, [2.5, 7.0])
    # y + 2 z = 5 - 2 x + 2 x + 6 w - 2 <= 8; x + y + z - w = x + 5 - 2 x + x + 3 w - 1 - w = 4 + 2 w.
    assert small.arrays.cost.tolist() == [0.0, 2.0]
    assert (small.arrays.value.tolist(), small.arrays.row_upper.tolist()) == ([6.0], [5.0])
    assert small.arrays.offset == 1.5 + 4.0


def test_limits_that_contradict_each_other_are_left_to_the_solver() -> None:
    a = program(np.array([[1.0], [1.0]]), [1.0], [(3.0, INF), (-INF, 2.0)], [(0.0, INF)])
    assert reduced(a) is None
    # Nor does a column at 0 make up a sum of 1; at least 0 it does, and then nothing is left but the constant.
    for low, high in ((1.0, 1.0), (-INF, -1.0), (-1.0, INF)):
        small = check(program(np.array([[1.0], [1.0]]), [1.0], [(-INF, 0.0), (low, high)], [(0.0, INF)]))
        assert (small is None) == (low != -1.0)
        assert small is None or Solver(small.arrays).solve().objective == 1.5
    m = Model()
    x, built = m.columns("x", axes=(("path", ["0"]),)), m.columns("built")
    m.rows("at least", x - built, lower=0.0, axes=(("path", ["0"]),))
    m.rows("at most", x, upper=2.0, axes=(("path", ["0"]),))
    m.set_objective(x.sum())
    parts = split(m.build(), *paths_of(m))
    assert [evaluate(parts, np.array([v]))[0].status for v in (3.0, 2.0)] == [Status.INFEASIBLE, Status.OPTIMAL]
    # Without an end the solver says so too.
    free = program(np.array([[1.0, -1.0]]), [1.0, 0.0], [(-INF, 1.0)], [(0.0, INF)] * 2)
    assert check(free) is not None


def test_what_must_be_whole_is_only_looked_at_for_room() -> None:
    m = Model()
    axis = (("k", list("abc")),)
    x = m.columns("x", axes=axis, integer=True)
    m.rows("none", x[0] + x[1], upper=0.0)
    m.rows("half", x[2] * 2.0, upper=5.0)
    m.set_objective(x.sum())
    small = reduced(m.build())
    assert small is not None
    assert (small.arrays.rows, small.columns.tolist(), small.arrays.integer.tolist()) == (1, [2], [True])
    assert small.restored(Solver(small.arrays).solve().x).tolist() == [0.0, 0.0, 2.0]
