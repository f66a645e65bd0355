"""Plan the alliance: time to build and hand over, cold against warm solves, time to the gap, and memory.

The linear program is the alliance on forty quarters with its integers fixed at the incumbent. A warm re-solve follows a change of all
demand or of one limit; both are compared with a cold solve of the changed program in the same run.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from offtake.api.prepare import load, prepare
from offtake.lp.highs import Solver
from offtake.plan.build import build
from offtake.plan.compile import compile_problem
from offtake.plan.settings import Settings
from offtake.plan.solve import solve
from offtake.spec.scenario import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Solution
    from offtake.plan.build import Built
    from offtake.plan.inputs import Inputs

ALLIANCE = Path(__file__).resolve().parents[1] / "examples" / "alliance-5gw.yaml"
RUNS = 5
PROMISED = 0.15
"""Seconds to build and hand over, and warm solve over cold solve."""


def timed(work: Callable[[], Solution]) -> tuple[float, Solution]:
    """Return the wall-clock time of one solve, and its answer."""
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def handing_over(inputs: Inputs) -> None:
    """Print the time to compile, to build, and to hand the program over to the solver."""
    parts, used = [], []
    for _ in range(RUNS):
        busy = time.process_time()
        marks = [time.perf_counter()]
        problem = compile_problem(inputs)
        marks.append(time.perf_counter())
        built = build(problem)
        arrays = built.model.build()
        marks.append(time.perf_counter())
        Solver(arrays)
        marks.append(time.perf_counter())
        parts.append(np.diff(marks))
        used.append(time.process_time() - busy)
    compiled, written, given = np.median(parts, axis=0)
    print(f"{arrays!r}")
    print(f"compile {compiled:.2f} s; build and hand over {written + given:.2f} s (promised {PROMISED} s)")
    print(f"processor time of all three: {statistics.median(used):.2f} s")


def to_the_gap(inputs: Inputs) -> None:
    """Print the time of the integer program to its gap, and that of the relaxation."""
    built = build(compile_problem(inputs))
    start = time.perf_counter()
    solved = solve(built, Settings())
    taken = time.perf_counter() - start
    print(
        f"integer program to {solved.first.gap:.2%} (asked 0.50 %): {solved.first.seconds:.1f} s; with start, ties and prices {taken:.1f} s"
    )
    start = time.perf_counter()
    solve(build(compile_problem(inputs)), Settings(relax=True))
    print(f"relaxed: {time.perf_counter() - start:.1f} s")


def changes(built: Built) -> dict[str, Callable[[Solver, np.random.Generator], None]]:
    """Name the changes: the bounds of all demand; the limit of one chip's supply in one period."""
    tokens, supply = built.model.column_block("tokens"), built.model.row_block("chip_supply")
    on = tokens.index[tokens.index >= 0]

    def demand(solver: Solver, rng: np.random.Generator) -> None:
        solver.set_col_bounds(on, upper=solver.arrays.col_upper[on] * rng.normal(1.0, 0.02, len(on)))

    def limit(solver: Solver, rng: np.random.Generator) -> None:
        row = rng.choice(supply.index[(supply.index >= 0) & (solver.arrays.row_upper[supply.index] > 0)])
        solver.set_row_bounds(np.array([row]), upper=solver.arrays.row_upper[row] * 1.05)

    return {"demand by 2 % (s.d.)": demand, "the supply of one chip in one quarter by 5 %": limit}


def fixed(arrays: LpArrays, x: np.ndarray[tuple[int], np.dtype[np.float64]]) -> LpArrays:
    """Hold every integer at the incumbent."""
    whole = arrays.integer
    value = np.round(x[whole])
    lower, upper = arrays.col_lower.copy(), arrays.col_upper.copy()
    lower[whole] = upper[whole] = value
    return replace(arrays, col_lower=lower, col_upper=upper, integer=np.zeros(arrays.columns, dtype=bool))


def warm_against_cold(inputs: Inputs) -> None:
    """Print warm over cold times on forty quarters, and the integer program's re-solve beside them."""
    scenario = inputs.base.model_copy(update={"grid": GridSpec(quarters=40)})
    inputs = replace(inputs, paths={"base": scenario})
    built = build(compile_problem(inputs))
    arrays = built.model.build()
    whole = solve(built, Settings(), tie_break=False)
    program = fixed(arrays, whole.x)
    print(f"forty quarters: {program!r}; integer program to {whole.first.gap:.2%} in {whole.first.seconds:.1f} s")
    rng = np.random.default_rng(0)
    for name, change in changes(built).items():
        solver = Solver(program, threads=2)
        solver.solve()
        ratios, colds, worst = [], [], 0.0
        for _ in range(RUNS):
            change(solver, rng)
            warm, again = timed(solver.solve)
            cold, first = timed(Solver(solver.arrays, threads=2).solve)
            if not (again.status.solved and first.status.solved):
                print(f"  {name}: {again.status}, {first.status}")
                continue
            ratios.append(warm / cold)
            colds.append(cold)
            worst = max(worst, abs(again.objective - first.objective) / abs(first.objective))
        ratio, cold = statistics.median(ratios), statistics.median(colds)
        print(
            f"warm / cold after changing {name}: {ratio:.2f} (promised {PROMISED}); cold {cold:.2f} s; differ by {worst:.0e}"
        )
    print(f"  beside them, the integer program with 2 % more demand: {whole_again(inputs):.1f} s")


def whole_again(inputs: Inputs) -> float:
    """Return the seconds of the integer program, built and solved again with more demand [s]."""
    problem = compile_problem(inputs)
    more = replace(problem, demand=replace(problem.demand, volume_tok=problem.demand.volume_tok * 1.02))
    return solve(build(more), Settings(), tie_break=False).first.seconds


def main() -> None:
    """Print everything."""
    inputs = prepare(load(ALLIANCE)).inputs
    handing_over(inputs)
    to_the_gap(inputs)
    warm_against_cold(inputs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    print(f"peak memory {peak:.0f} MB (promised 600 MB for a whole plan)")


if __name__ == "__main__":
    main()
