"""Tail means as rows: against sorting, by their stressed probabilities, and what they make of a choice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.lp.affine import Affine
from offtake.lp.highs import Solver
from offtake.lp.model import Model
from offtake.lp.tails import VALUE_ROWS, risk_adjusted, stressed_probability


def by_sorting(values: np.ndarray, chance: np.ndarray, level: float) -> float:
    """Mean of the worst 1 - level of the paths, no linear program."""
    there = chance > 0.0
    values, chance = values[there], chance[there]
    if level == 1.0:
        return float(values.min())
    left, total = 1.0 - level, 0.0
    for k in np.argsort(values):
        part = min(chance[k], left)
        total, left = total + part * values[k], left - part
    return total / (1.0 - level)


def solved(values: np.ndarray, chance: np.ndarray, parts: list[tuple[float, float]]) -> tuple[float, np.ndarray]:
    """Objective and stressed probabilities of given amounts."""
    m = Model()
    sold = m.columns("sold", lower=1.0, upper=1.0)
    m.set_objective(risk_adjusted(m, sold * values, chance, parts))
    found = Solver(m.build()).solve()
    assert found.status.solved
    return found.objective, stressed_probability(m, found, chance)


@st.composite
def mixes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    paths = draw(st.integers(2, 7))
    values = np.array(draw(st.lists(st.integers(-9, 9), min_size=paths, max_size=paths)), dtype=float)
    mass = np.array(draw(st.lists(st.integers(0, 5), min_size=paths, max_size=paths)), dtype=float)
    mass[draw(st.integers(0, paths - 1))] += 1.0
    levels = draw(st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.75, 0.9, 1.0]), min_size=1, max_size=4))
    shares = np.array(draw(st.lists(st.integers(1, 4), min_size=len(levels), max_size=len(levels))), dtype=float)
    return values, mass / mass.sum(), list(zip((shares / shares.sum()).tolist(), levels, strict=True))


@settings(max_examples=150, deadline=None)
@given(mixes())
def test_a_mix_is_the_weighed_sum_of_sorted_tails(case: tuple[np.ndarray, np.ndarray, list]) -> None:
    values, chance, parts = case
    objective, stressed = solved(values, chance, parts)
    assert objective == pytest.approx(sum(w * by_sorting(values, chance, a) for w, a in parts), abs=1e-7)
    # The stressed probabilities are probabilities, explain the value, and no path's exceeds what its tails allow.
    assert stressed.sum() == pytest.approx(1.0)
    assert stressed @ values == pytest.approx(objective, abs=1e-7)
    most = sum(w * (chance / (1.0 - a) if a < 1.0 else (chance > 0.0)) for w, a in parts)
    assert (stressed <= np.minimum(most, 1.0) + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(mixes(), st.randoms())
def test_duplicated_and_permuted_paths_change_nothing(case: tuple[np.ndarray, np.ndarray, list], rng) -> None:
    values, chance, parts = case
    first, _ = solved(values, chance, parts)
    order = list(range(len(values))) * 2
    rng.shuffle(order)
    assert solved(values[order], chance[order] / 2.0, parts)[0] == pytest.approx(first, abs=1e-7)


def plan(parts: list[tuple[float, float]]) -> tuple[Model, Solver]:
    """Split one unit between a sure 1 and a bet of 4 or -1 at 1 : 1."""
    m = Model()
    part = m.columns("part", axes=(("of", ("sure", "bet")),))
    m.rows("whole", part.sum(), upper=1.0)
    value = part.apply(np.array([[1.0, 4.0], [1.0, -1.0]]), 0)
    m.set_objective(risk_adjusted(m, value, [0.5, 0.5], parts))
    return m, Solver(m.build())


def test_caution_moves_the_choice_where_the_arithmetic_says() -> None:
    # The bet: mean 1.5, worst half -1. With weight w on the worst half it is worth 1.5 - 2.5 w against a sure 1: turns at w = 0.2.
    for weight, best in ((0.0, 1.5), (0.1, 1.25), (0.19, 1.025), (0.21, 1.0), (1.0, 1.0)):
        m, solver = plan([(1.0 - weight, 0.0), (weight, 0.5)])
        found = solver.solve()
        assert found.objective == pytest.approx(best)
        # A risk-neutral planner who believes the stressed probabilities finds no better plan.
        believed = stressed_probability(m, found, [0.5, 0.5])
        assert max(1.0, float(believed @ [4.0, -1.0])) == pytest.approx(best)


def test_the_price_of_a_paths_row_is_its_stressed_probability_by_difference() -> None:
    m, solver = plan([(0.9, 0.0), (0.1, 0.5)])
    base = solver.solve()
    block = m.row_block(VALUE_ROWS)
    for k, believed in enumerate(stressed_probability(m, base, [0.5, 0.5])):
        solver.set_row_bounds(block.numbers[k : k + 1], lower=0.01, upper=0.01)  # a cent more in this path
        assert (solver.solve().objective - base.objective) / 0.01 == pytest.approx(believed, abs=1e-6)
        solver.set_row_bounds(block.numbers[k : k + 1], lower=0.0, upper=0.0)


@pytest.mark.parametrize(
    ("paths", "parts"), [(1, [(0.7, 0.0), (0.3, 0.9)]), (1, [(1.0, 1.0)]), (3, [(1.0, 0.0), (0.0, 0.9)])]
)
def test_one_path_and_no_caution_add_nothing(paths: int, parts: list[tuple[float, float]]) -> None:
    m = Model()
    x = m.columns("x", axes=(("path", [str(k) for k in range(paths)]),), upper=2.0)
    m.set_objective(risk_adjusted(m, x + 1.0, np.full(paths, 1.0 / paths), parts))
    assert m.row_blocks.count == 0
    assert m.column_blocks.count == paths
    found = Solver(m.build()).solve()
    assert found.objective == pytest.approx(3.0)
    assert stressed_probability(m, found, np.full(paths, 1.0 / paths)).tolist() == [1.0 / paths] * paths


@pytest.mark.parametrize(
    ("chance", "parts", "message"),
    [
        ([0.5, 0.4], [(1.0, 0.0)], "sum to 0.9, not 1"),
        ([1.5, -0.5], [(1.0, 0.0)], "one is negative"),
        ([0.5, 0.5], [(0.7, 0.0), (0.2, 0.9)], "weights of the tails sum to 0.9"),
        ([0.5, 0.5], [(1.0, 1.2)], r"level 1.2 is not in \[0, 1\]"),
        ([0.5, 0.5], [(1.5, 0.0), (-0.5, 0.9)], "weight -0.5 is negative"),
        ([1.0], [(1.0, 0.0)], r"shape \(2,\) does not go with 1 probabilities"),
    ],
)
def test_what_does_not_fit_is_refused(chance: list[float], parts: list[tuple[float, float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        risk_adjusted(Model(), Affine.zeros(2), chance, parts)
