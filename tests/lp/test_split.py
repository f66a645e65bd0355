"""Programs taken apart: put together again they are the same, and with the shared columns held each path is alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.lp.decomposition import decompose
from offtake.lp.highs import Solver
from offtake.lp.model import Model
from offtake.lp.solution import Status
from offtake.lp.split import evaluate, paths_of, split, tree_of
from offtake.lp.tails import risk_adjusted

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays


def two_stage(seed: int, paths: int, *, level: float = 0.5, weight: float = 0.3) -> tuple[Model, np.ndarray]:
    """Build four things now within a limit; on each path sell three goods made from them, or buy them dear."""
    rng = np.random.default_rng(seed)
    m = Model()
    path, thing, good = ("path", [str(k) for k in range(paths)]), ("thing", list("abcd")), ("good", list("xyz"))
    built = m.columns("built", axes=(thing,), upper=rng.uniform(2.0, 9.0, 4))
    m.rows("room", (built * rng.uniform(0.5, 2.0, 4)).sum(), upper=12.0)
    sold = m.columns("sold", axes=(path, good))
    bought = m.columns("bought", axes=(path, good))
    recipe = rng.uniform(0.0, 1.0, (4, 3)) * (rng.random((4, 3)) < 0.7)
    made = built.apply(recipe.T, 0)[None, :].broadcast_to((paths, 3))
    m.rows("made", sold - bought - made * rng.uniform(0.6, 1.4, (paths, 3)), upper=0.0, axes=(path, good))
    m.rows(
        "demand",
        sold,
        lower=rng.uniform(0.0, 2.0, (paths, 3)),
        upper=rng.uniform(3.0, 9.0, (paths, 3)),
        axes=(path, good),
    )
    price = rng.uniform(2.0, 8.0, (paths, 3))
    value = (sold * price - bought * 9.0).sum(1) - (built * rng.uniform(0.5, 3.0, 4)).sum()
    chance = rng.uniform(0.5, 1.5, paths)
    chance /= chance.sum()
    m.set_objective(risk_adjusted(m, value, chance, [(1.0 - weight, 0.0), (weight, level)]))
    return m, chance


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_parts_put_together_are_the_program(seed: int, paths: int) -> None:
    m, _ = two_stage(seed, paths)
    a = m.build()
    parts = split(a, *paths_of(m))
    x = np.random.default_rng(seed).normal(size=a.columns)
    shared = x[parts.columns]
    # Every row's value, from the parts.
    whole = np.zeros(a.rows)
    whole[parts.rows] = parts.arrays.activity(shared)
    objective = parts.arrays.cost @ shared + parts.arrays.offset
    for part in parts.parts:
        whole[part.rows] = part.arrays.activity(x[part.columns]) + part.link @ shared
        objective += part.arrays.cost @ x[part.columns]
    assert whole == pytest.approx(a.activity(x), abs=1e-9)
    assert objective == pytest.approx(a.cost @ x + a.offset)
    assert parts.joined(shared, tuple(x[p.columns] for p in parts.parts)).tolist() == x.tolist()
    numbers = np.concatenate([parts.rows, *(p.rows for p in parts.parts)])
    assert sorted(numbers.tolist()) == list(range(a.rows))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_paths_evaluated_at_the_optimum_add_up_to_it(seed: int, paths: int) -> None:
    m, _ = two_stage(seed, paths)
    a = m.build()
    best = Solver(a).solve()
    parts = split(a, *paths_of(m))
    shared = best.x[parts.columns]
    found = evaluate(parts, shared)
    total = parts.arrays.cost @ shared + parts.arrays.offset + sum(f.objective for f in found)
    assert total == pytest.approx(best.objective, rel=1e-7)
    # No other decision is better: half of every one.
    other = shared.copy()
    other[: len(m.column_block("built").numbers)] *= 0.5
    less = evaluate(parts, other)
    worse = parts.arrays.cost @ other + parts.arrays.offset + sum(f.objective for f in less)
    assert worse <= best.objective + 1e-7


def test_what_has_no_room_is_left_out_and_changes_nothing() -> None:
    # Nothing is built, so nothing can be made: what is sold must be bought. Against the same program held in the solver.
    m, _ = two_stage(11, 4)
    parts = split(m.build(), *paths_of(m))
    rng = np.random.default_rng(1)
    for _ in range(6):
        x = np.zeros(len(parts.columns))
        built = m.column_block("built")
        x[:4] = built.upper * rng.random(4) * (rng.random(4) < 0.4)
        for part, found in zip(parts.parts, evaluate(parts, x), strict=True):
            whole = Solver(part.at(x)).solve()
            assert found.objective == pytest.approx(whole.objective, rel=1e-9, abs=1e-9)
            assert part.arrays.cost @ found.x == pytest.approx(whole.objective, rel=1e-9, abs=1e-9)
            limits = part.at(x)
            value = limits.activity(found.x)
            assert (value <= limits.row_upper + 1e-6).all()
            assert (value >= limits.row_lower - 1e-6).all()


def test_columns_held_at_zero_by_full_rows() -> None:
    # a and b use a thing of which there is none; c does not. d - e >= 0 says nothing of e alone.
    m = Model()
    use = m.columns("use", axes=(("path", ["0"]), ("k", list("abcde"))), upper=4.0)
    thing = m.columns("thing", upper=1.0)
    m.rows("stock", use[:, 0] + 2.0 * use[:, 1] - thing, upper=0.0, axes=(("path", ["0"]),))
    m.rows("order", use[:, 3] - use[:, 4], lower=0.0, axes=(("path", ["0"]),))
    m.set_objective((use * [9.0, 9.0, 1.0, -1.0, 2.0]).sum())
    parts = split(m.build(), *paths_of(m))
    assert evaluate(parts, np.zeros(1))[0].x.tolist() == pytest.approx([0.0, 0.0, 4.0, 4.0, 4.0])
    assert evaluate(parts, np.ones(1))[0].x.tolist() == pytest.approx([1.0, 0.0, 4.0, 4.0, 4.0])
    # Below zero there is no answer, and that is said.
    assert evaluate(parts, -np.ones(1))[0].status is Status.INFEASIBLE


def test_the_number_of_workers_changes_no_byte() -> None:
    m, _ = two_stage(3, 7)
    parts = split(m.build(), *paths_of(m))
    x = Solver(m.build()).solve().x[parts.columns]
    one, two, three = (evaluate(parts, x, workers=n) for n in (1, 2, 3))
    assert [f.x.tobytes() for f in one] == [f.x.tobytes() for f in two] == [f.x.tobytes() for f in three]
    alone = replace(parts, parts=parts.parts[4:5])
    assert evaluate(alone, x)[0].x.tobytes() == one[4].x.tobytes()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_a_program_posed_as_a_tree_has_its_optimum_both_ways(seed: int, paths: int) -> None:
    m, chance = two_stage(seed, paths)
    a = m.build()
    best = Solver(a).solve().objective
    parts = split(a, *paths_of(m))
    tree = tree_of(parts, chance)
    assert tree.solve().objective == pytest.approx(best - parts.arrays.offset, rel=1e-7)
    assert decompose(tree).objective == pytest.approx(best - parts.arrays.offset, rel=1e-7)


def test_a_path_alone_is_the_program_of_that_path() -> None:
    # Knowing each path beforehand is worth at least as much as one plan for all of them.
    m, chance = two_stage(4, 5, weight=0.0)
    a = m.build()
    parts = split(a, *paths_of(m))
    known = [Solver(parts.alone(k, chance[k])).solve().objective for k in range(5)]
    best = Solver(a).solve()
    assert chance @ known >= best.objective - 1e-9
    # Held at the common plan, each is worth what it is worth there, and the mean is the optimum.
    held = []
    for k in range(5):
        solver = Solver(parts.alone(k, chance[k]))
        solver.set_col_bounds(np.arange(4), lower=best.x[:4], upper=best.x[:4])
        held.append(solver.solve().objective)
    assert chance @ held == pytest.approx(best.objective, rel=1e-7)


def test_one_path_keeps_its_numbers() -> None:
    m, _ = two_stage(0, 1)
    parts = split(m.build(), *paths_of(m))
    assert len(parts.parts) == 1
    assert parts.columns.tolist() == [0, 1, 2, 3]


def _arrays(entries: list[tuple[int, int]]) -> LpArrays:
    dense = np.zeros((2, 3))
    for i, j in entries:
        dense[i, j] = 1.0
    m = Model()
    x = m.columns("x", axes=(("j", list("abc")),), upper=1.0)
    m.rows("r", x.apply(dense, 0), upper=1.0, axes=(("i", list("pq")),))
    return m.build()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(0, 0), (1, 2)], "row 1 is shared but reads column 2 of path 1"),
        ([(0, 0), (0, 2)], "row 0 of path 0 but reads column 2 of path 1"),
    ],
)
def test_rows_that_tie_paths_are_refused(entries: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split(_arrays(entries), [-1, 0, 1], [0, -1])
