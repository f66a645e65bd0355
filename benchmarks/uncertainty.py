"""The core reference problem (uncertainty_core.py): build, solve, solve again, and judge a plan on fresh paths.

`python -m benchmarks.uncertainty` measures build, solve, again, recourse and rolling; names as arguments choose.  Two more are asked for
by name: `peers` solves the same programs by HiGHS's interior point too (three minutes), `stretch` solves 40 quarters x 200 paths.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import uncertainty_core as core
from benchmarks.uncertainty_core import COARSE, QUARTERS, draw
from benchmarks.uncertainty_fresh import STAGES_Q, decided, judge, known
from offtake.executors import Processes
from offtake.lp.by_paths import ByPaths, solve_by_paths
from offtake.lp.certificate import certify
from offtake.lp.highs import Solver
from offtake.lp.split import paths_of

if TYPE_CHECKING:
    from benchmarks.uncertainty_core import Grid
    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Solution, SolveEvent

FRESH_AT_ONCE = {
    "held": 25,
    "rolled": 10,
}  # paths a piece: many enough to build quickly, few enough to share out evenly
Judged = tuple[tuple[float, float], np.ndarray]


def timed(deed: Callable[[], object]) -> tuple[float, float]:
    """Return wall-clock and processor seconds of a call."""
    wall, own = time.perf_counter(), time.process_time()
    deed()
    return time.perf_counter() - wall, time.process_time() - own


def show(what: str, taken: tuple[float, float], promised: float | None, more: str = "") -> None:
    """Print one figure beside its promise."""
    goal = "" if promised is None else f" of {promised:g}"
    print(f"{what}: {taken[0]:.2f}{goal} s ({taken[1]:.2f} s of processor time){more}", flush=True)


def build() -> None:
    """Build and hand over, after a first time that loads the code."""
    for grid, paths, promised in ((COARSE, 50, 0.1), (QUARTERS, 200, 1.0)):
        drawn = draw(grid, paths)
        taken = min(timed(lambda g=grid, d=drawn: Solver(core.core(g, d).build())) for _ in range(4))
        show(f"build and hand over {grid.periods} periods x {paths} paths", taken, promised)


def solve() -> None:
    """Solve with exact prices, certified."""
    for grid, paths, promised in ((COARSE, 50, 15.0), (QUARTERS, 10, 5.0), (QUARTERS, 50, 90.0)):
        solved(grid, paths, promised)


def peers() -> None:
    """Solve the same programs by HiGHS's interior point and crossover as well, in turns."""
    for grid, paths in ((COARSE, 50), (QUARTERS, 10)):
        ours, arrays, objective = solved(grid, paths, None)
        found: list[Solution] = []
        theirs = timed(lambda a=arrays, f=found: f.append(Solver(a).solve(method="interior point")))
        apart = abs(found[0].objective - objective) / abs(objective)
        show(
            "  HiGHS's interior point and crossover",
            theirs,
            None,
            f"; ratio {ours[0] / theirs[0]:.2f}, optima {apart:.0e} apart",
        )


def stretch() -> None:
    """Solve 40 quarters x 200 paths; say when plan and bound were within 0.5 % of each other."""
    solved(QUARTERS, 200, 600.0)


def solved(grid: Grid, paths: int, promised: float | None) -> tuple[tuple[float, float], LpArrays, float]:
    """Solve one program by paths and show it; return seconds, program and optimum."""
    m = core.core(grid, draw(grid, paths))
    arrays, found, near = m.build(), [], []

    def look(news: SolveEvent) -> None:
        if news.gap < 0.005:
            near.append(news.seconds)

    taken = timed(lambda: found.append(solve_by_paths(arrays, *paths_of(m), callback=look)))
    proof = certify(arrays, found[0])
    what = f"solve {grid.periods} periods x {paths} paths, {arrays.columns:,} columns"
    said = f"certificate {'holds' if proof.ok else proof.failures}, gap of 0.5 % after {min(near, default=float('nan')):.1f} s"
    show(what, taken, promised, f"; optimum {found[0].objective:.9g} by {found[0].method}, {said}")
    return taken, arrays, found[0].objective


def again() -> None:
    """Solve again after every demand has changed by 5 % (s.d.), against cold solves of the same program by HiGHS and by paths."""
    rng = np.random.default_rng(0)
    m = core.core(QUARTERS, draw(QUARTERS, 10))
    demand, paths = m.row_block("demand"), paths_of(m)
    program = ByPaths(m.build(), *paths)
    program.solve()
    for _ in range(3):
        limit = demand.side(demand.upper * rng.normal(1.0, 0.05, demand.shape))
        program.set_row_bounds(demand.numbers, lower=limit, upper=limit)
        found: list[Solution] = []
        warm = timed(lambda f=found: f.append(program.solve()))
        theirs = timed(lambda f=found: f.append(Solver(program.arrays).solve()))
        ours = timed(lambda f=found: f.append(solve_by_paths(program.arrays, *paths)))
        apart = max(abs(found[0].objective / other.objective - 1.0) for other in found[1:])
        ratio = f"; {warm[0] / theirs[0]:.3f} of HiGHS's cold solve (0.15), {warm[0] / ours[0]:.2f} of that by paths"
        show("solve again 40 x 10 after a change of demand", warm, None, f"{ratio}; optima {apart:.0e} apart")


def told(name: str, found: np.ndarray) -> str:
    """Return mean, interval and tail of a sample."""
    half = 1.96 * found.std(ddof=1) / np.sqrt(len(found))
    tail = np.sort(found)[: max(1, len(found) // 10)].mean()
    return f"; {name} mean {found.mean():.2f} ± {half:.2f}, worst tenth {tail:.2f} USD bn"


def recourse(paths: int = 1000) -> None:
    """Hold a plan for 10 paths and solve every fresh path, knowing it."""
    m = core.core(QUARTERS, draw(QUARTERS, 10))
    plan = Solver(m.build()).solve()
    with Processes() as workers:
        taken, found = judged(workers, "held", decided(m, plan.x), paths)
    promised = f"; promised in sample {plan.objective:.2f} (0.7 mean + 0.3 tail)"
    show(f"recourse on {paths} fresh paths, building included", taken, 15.0, told("out of sample", found) + promised)


def rolling(paths: int = 200) -> None:
    """At each stage plan the path expected then, keep its decisions up to the next stage, and settle on the true path."""
    with Processes() as workers:
        start = core.core(QUARTERS, known(QUARTERS, draw(QUARTERS, 1), 0), parts=((1.0, 0.0),))
        plan = decided(start, Solver(start.build()).solve().x)
        taken, found = judged(workers, "rolled", plan, paths)
    show(f"rolling on {paths} fresh paths, {1 + len(STAGES_Q)} stages", taken, 60.0, told("out of sample", found))


def judged(workers: Processes, work: str, plan: dict[str, np.ndarray], paths: int) -> Judged:
    """Judge a plan on fresh paths in worker processes; return seconds (of the clock, of all processors) and values by path."""
    each = FRESH_AT_ONCE[work]
    pieces = [range(first, min(first + each, paths)) for first in range(0, paths, each)]
    workers.map(judge, [range(1)] * workers.workers, context=(work, plan))  # starts them and loads the code
    found: list[tuple[np.ndarray, float]] = []
    wall, _ = timed(lambda: found.extend(workers.map(judge, pieces, context=(work, plan))))
    return (wall, sum(seconds for _, seconds in found)), np.concatenate([values for values, _ in found])


def main() -> None:
    """Measure what the command line names, or all."""
    usual, asked = (build, solve, again, recourse, rolling), (peers, stretch)
    every = {deed.__name__: deed for deed in usual + asked}
    for name in sys.argv[1:] or [deed.__name__ for deed in usual]:
        every[name]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"peak memory {peak:.2f} of 2 GB")


if __name__ == "__main__":
    main()
