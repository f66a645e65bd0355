"""The core reference problem (uncertainty_core.py): build, solve, solve again, and judge a plan on fresh paths.

`python -m benchmarks.uncertainty` measures all; names as arguments choose (build, solve, again, recourse, rolling).
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import uncertainty_core as core
from benchmarks.uncertainty_core import COARSE, QUARTERS, Draws, Grid, draw
from offtake.executors import side_by_side
from offtake.lp.certificate import certify
from offtake.lp.highs import Solver
from offtake.lp.split import Split, evaluate, paths_of, split

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.model import Model

FRESH = 10_000  # the number of the first fresh path: no plan has seen it
AT_ONCE = 100  # fresh paths built together: memory, not time
STAGES_Q = (8, 20)  # quarters at which `rolling` plans again


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
        arrays = core.core(grid, draw(grid, paths)).build()
        solver = Solver(arrays)
        found = []
        taken = timed(lambda s=solver, f=found: f.append(s.solve()))
        proof = certify(arrays, found[0])
        what = f"solve {grid.periods} periods x {paths} paths, {arrays.columns:,} columns"
        worst = f"; optimum {found[0].objective:.9g} by {found[0].method}, certificate {'holds' if proof.ok else proof.failures}"
        show(what, taken, promised, worst)


def again() -> None:
    """Solve again after every demand has changed by 5 % (s.d.), against the cold solve of the same program."""
    rng = np.random.default_rng(0)
    m = core.core(QUARTERS, draw(QUARTERS, 10))
    solver, demand = Solver(m.build()), m.row_block("demand")
    solver.solve()
    for _ in range(3):
        limit = demand.side(demand.upper * rng.normal(1.0, 0.05, demand.shape))
        solver.set_row_bounds(demand.numbers, lower=limit, upper=limit)
        found = []
        warm = timed(lambda f=found: f.append(solver.solve()))
        cold = timed(lambda f=found: f.append(Solver(solver.arrays).solve()))
        apart = abs(found[0].objective - found[1].objective) / abs(found[1].objective)
        ratio = f"; ratio {warm[1] / cold[1]:.2f} of 0.15, optima differ by {apart:.0e}"
        show("solve again 40 x 10 after a change of demand", warm, None, ratio)


def fresh(grid: Grid, paths: int, first: int = 0) -> tuple[Model, Draws]:
    """Return a program of fresh paths without risk, whose parts are worth each path's value."""
    drawn = draw(grid, paths, first=FRESH + first)
    return core.core(grid, drawn, parts=((1.0, 0.0),)), drawn


def decided(m: Model, x: np.ndarray, other: Model) -> np.ndarray:
    """Return the first stage of one program's plan as another one numbers it."""
    blocks = [b for b in other.column_blocks if "path" not in [axis.name for axis in b.axes]]
    return np.concatenate([m.column_block(b.name).take(x).ravel()[b.positions] for b in blocks])


def values(parts: Split, x: np.ndarray) -> np.ndarray:
    """Return each path's value with the first stage held."""
    own = np.array([found.objective for found in evaluate(parts, x)]) * len(parts.parts)
    return own + float(parts.arrays.cost @ x) + parts.arrays.offset


def told(name: str, found: np.ndarray) -> str:
    """Return mean, interval and tail of a sample."""
    half = 1.96 * found.std(ddof=1) / np.sqrt(len(found))
    tail = np.sort(found)[: max(1, len(found) // 10)].mean()
    return f"; {name} mean {found.mean():.2f} ± {half:.2f}, worst tenth {tail:.2f} USD bn"


def recourse(paths: int = 1000) -> None:
    """Hold a plan for 10 paths and solve every fresh path, knowing it."""
    m = core.core(QUARTERS, draw(QUARTERS, 10))
    plan = Solver(m.build()).solve()
    found: list[np.ndarray] = []

    def judge() -> None:
        for first in range(0, paths, AT_ONCE):
            other, _ = fresh(QUARTERS, min(AT_ONCE, paths - first), first)
            parts = split(other.build(), *paths_of(other))
            found.append(values(parts, decided(m, plan.x, other)))

    taken = timed(judge)
    promised = f"; promised in sample {plan.objective:.2f} (0.7 mean + 0.3 tail)"
    show(
        f"recourse on {paths} fresh paths, building included",
        taken,
        15.0,
        told("out of sample", np.concatenate(found)) + promised,
    )


def known(grid: Grid, drawn: Draws, stage_q: int) -> Draws:
    """Return what is expected at a quarter: the past as it was, the latest factors from then on, delays once they have shown."""
    last = int(np.searchsorted(grid.end_q, stage_q, side="right")) - 1
    seen = {}
    for name in ("demand", "price", "power", "chip"):
        was = getattr(drawn, name)
        still = np.ones_like(was[:, :1]) if last < 0 else was[:, last : last + 1]
        seen[name] = np.where((np.arange(grid.periods) <= last).reshape(-1, *[1] * (was.ndim - 2)), was, still)
    shown = (stage_q >= core.LAUNCH_Q + 4) & (stage_q > 0)
    chip = np.where(shown, drawn.chip_delay_q, 2)
    site = drawn.grid_delay_q if stage_q >= 8 else np.full_like(drawn.grid_delay_q, 3)
    return Draws(**seen, chip_delay_q=chip, grid_delay_q=site)


def rolling(paths: int = 200) -> None:
    """At each stage plan the path expected then, keep its decisions up to the next stage, and settle on the true path."""
    found: list[np.ndarray] = []
    start = core.core(QUARTERS, known(QUARTERS, draw(QUARTERS, 1), 0), parts=((1.0, 0.0),))

    def judge() -> None:
        now = Solver(start.build()).solve().x
        firsts = range(0, paths, AT_ONCE)
        found.extend(_rolled(start, now, min(AT_ONCE, paths - first), first) for first in firsts)

    taken = timed(judge)
    show(
        f"rolling on {paths} fresh paths, {1 + len(STAGES_Q)} stages",
        taken,
        60.0,
        told("out of sample", np.concatenate(found)),
    )


def _rolled(start: Model, now: np.ndarray, paths: int, first: int) -> np.ndarray:
    """Return the value of some fresh paths, planned stage by stage."""
    m, drawn = fresh(QUARTERS, paths, first)
    true, period = split(m.build(), *paths_of(m)), _period_of(m)
    plans = np.tile(decided(start, now, m), (paths, 1))
    for stage in STAGES_Q:
        seen = core.core(QUARTERS, known(QUARTERS, drawn, stage), parts=((1.0, 0.0),))
        parts = split(seen.build(), *paths_of(seen))
        free = period >= np.searchsorted(QUARTERS.start_q, stage)
        work = [(parts.alone(k, 1.0 / paths), plans[k], free) for k in range(paths)]
        plans = np.stack(side_by_side(_replan, work))
    return np.array(side_by_side(lambda k: _settled(true, k, plans[k]), range(paths)))


def _period_of(m: Model) -> np.ndarray:
    """Return the period of each first-stage column, in their order."""
    out = []
    for block in m.column_blocks:
        names = [axis.name for axis in block.axes]
        if "path" not in names:
            place = np.unravel_index(block.positions, block.shape)
            out.append(place[names.index("period")])
    return np.concatenate(out)


def _replan(work: tuple[LpArrays, np.ndarray, np.ndarray]) -> np.ndarray:
    """Plan again with the past held; return the first stage.  A cold dual simplex is fastest: 0.43 s, 0.82 from the plan before."""
    arrays, before, free = work
    solver = Solver(arrays)
    held = np.flatnonzero(~free)
    solver.set_col_bounds(held, lower=before[held], upper=before[held])
    return solver.solve(method="dual simplex").x[: len(free)]


def _settled(true: Split, path: int, x: np.ndarray) -> float:
    """Return what a path is worth with its own first stage."""
    own = Solver(true.parts[path].at(x)).solve().objective * len(true.parts)
    return own + float(true.arrays.cost @ x) + true.arrays.offset


def main() -> None:
    """Measure what the command line names, or all."""
    every = {deed.__name__: deed for deed in (build, solve, again, recourse, rolling)}
    for name in sys.argv[1:] or every:
        every[name]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"peak memory {peak:.2f} of 2 GB")


if __name__ == "__main__":
    main()
