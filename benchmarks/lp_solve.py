"""Solve one program cold by each method and again warm after changes, as ratios in one run."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.lp_build import direct
from offtake.lp.highs import Method, Solver

if TYPE_CHECKING:
    from offtake.lp.solution import Solution

PROMISE = 0.15
RUNS = 5


def timed(solver: Solver, method: Method = "auto") -> tuple[float, Solution]:
    """Return the wall-clock time of one solve, and its answer."""
    start = time.perf_counter()
    answer = solver.solve(method=method)
    return time.perf_counter() - start, answer


def main() -> None:
    """Print cold times by method, then warm re-solves against cold ones of the same changed program."""
    m = direct()
    arrays = m.build()
    methods: tuple[Method, ...] = ("interior point", "dual simplex", "primal simplex")
    for method in methods:
        taken, answer = timed(Solver(arrays), method)
        print(f"cold, {method}: {taken:.2f} s, {answer.iterations} iterations, {answer.objective:.9g}")
    rng = np.random.default_rng(0)
    solver = Solver(arrays)
    solver.solve()
    demand = m.row_block("demand")
    changes = {
        "demand by 5 % (s.d.)": lambda s: s.set_row_bounds(
            demand.numbers, upper=demand.side(demand.upper * rng.normal(1.0, 0.05, demand.shape))
        ),
        "power by 1 %": lambda s: s.set_row_bounds(m.row_block("power").numbers, upper=120.0 * rng.normal(1.0, 0.01)),
        "prices by 1 %": lambda s: s.set_costs(arrays.cost * rng.normal(1.0, 0.01, arrays.columns)),
    }
    for name, change in changes.items():
        ratios, worst = [], 0.0
        for _ in range(RUNS):
            change(solver)
            warm, again = timed(solver)
            cold, first = timed(Solver(solver.arrays))
            ratios.append(warm / cold)
            worst = max(worst, abs(again.objective - first.objective) / abs(first.objective))
        promise = f" (promised {PROMISE})" if "price" not in name else ""
        print(f"warm / cold after changing {name}: {statistics.median(ratios):.2f}{promise}; differ by {worst:.0e}")


if __name__ == "__main__":
    main()
