"""A starting plan for the integer solve, rounded from its linear relaxation.

The relaxation is close to the best plan, but branch and bound is slow to find a first whole one.  Linear programs find it at once:
relax; round the yes/no choices (a run is complete where its relaxed completion passes one half) and solve; round the cumulative
phases and solve; read the clauses' binaries off the point, fix them and solve.  Between, every run is moved one or two periods, or
given up, as long as that pays: each try is one warm linear program.  A start that fails costs nothing but these solves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.highs import Solver
from offtake.plan.exact import with_exact_clauses

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Solution
    from offtake.plan.build import Built
    from offtake.plan.problem import Bool, Float, Int
    from offtake.plan.settings import Settings

HALF = 0.5
PASSED = (0.5, 0.9, 1.0 - 1e-6, 2.0)
"""Relaxed completion at which a run counts as complete: half, else more, else never, which always has a plan."""
WORTH = 1e-6
"""Relative rise of the objective below which moving a run is not worth another round."""
ROUNDINGS = (0.5, 0.0)
"""What is added to the cumulative phases before they are cut to whole ones: nearest first, then down, which always has room."""


def starting_plan(built: Built, arrays: LpArrays, settings: Settings) -> Float | None:
    """Return a plan that meets every limit and every whole number, or None."""
    free = replace(arrays, integer=np.zeros(arrays.columns, dtype=bool))
    solver = Solver(free, threads=settings.threads, seed=settings.seed)
    relaxed = solver.solve(interrupt=settings.interrupt)
    if not relaxed.status.solved:
        return None
    chosen = next(
        (c for c in (_fix(solver, _yes_no(built, relaxed.x, passed), relaxed) for passed in PASSED) if c), None
    )
    if chosen is None:
        return None
    chosen = _move_runs(built, solver, chosen, settings)
    for rounding in ROUNDINGS:
        counted = _fix(solver, _phases(built, chosen.x, rounding), chosen)
        if counted is not None:
            exact = with_exact_clauses(built, solver, counted)
            return None if exact is None else exact.x
    return None


def _fix(solver: Solver, values: tuple[Int, Float], base: Solution) -> Solution | None:
    """Fix columns and solve again from the last basis."""
    columns, value = values
    if not len(columns):
        return base
    solver.set_col_bounds(columns, lower=value, upper=value)
    found = solver.solve(method="dual simplex")
    return found if found.status.solved else None


def _yes_no(built: Built, x: Float, passed: float) -> tuple[Int, Float]:
    """Round signing, opening, completion and groups."""
    columns: list[Int] = []
    values: list[Float] = []
    for name in ("sign", "open_site", "done", "train_at"):
        block = built.model.column_block(name)
        if not len(block.numbers):
            continue
        relaxed = block.take(x)
        if name == "done":
            whole = (np.maximum.accumulate(relaxed, axis=1) >= passed).astype(float)
        elif name == "train_at":
            whole = np.zeros_like(relaxed)
            np.put_along_axis(whole, relaxed.argmax(axis=2)[..., None], 1.0, axis=2)
        else:
            whole = (relaxed >= (1e-6 if name == "open_site" else HALF)).astype(float)
        here = block.index >= 0
        columns.append(block.index[here])
        values.append(whole[here])
    return _joined(columns, values)


def _move_runs(built: Built, solver: Solver, found: Solution, settings: Settings) -> Solution:
    """Complete each run earlier, later or never, as long as the objective rises."""
    block = built.model.column_block("done")
    if not len(block.numbers):
        return found
    here, done = block.index >= 0, np.round(block.take(found.x))
    rises = True
    while rises:
        rises = False
        for path, run in np.ndindex(done.shape[0], done.shape[2]):
            for moved in _moves(done, here, path, run):
                if settings.interrupt is not None and settings.interrupt.is_set():
                    rises = False
                    break
                tried = _fix(solver, (block.index[here], moved[here]), found)
                if tried is not None and tried.objective > found.objective + WORTH * abs(found.objective):
                    found, done, rises = tried, moved, True
    settled = _fix(solver, (block.index[here], done[here]), found)
    return found if settled is None else settled


def _moves(done: Float, here: Bool, path: int, run: int) -> list[Float]:
    """Completion of one run a little earlier, a little later, or never."""
    periods = done.shape[1]
    row = done[path, :, run]
    now = int(row.argmax()) if row.any() else periods
    out = []
    for then in dict.fromkeys((now - 1, now + 1, now - 2, now + 2, periods)):
        if then != now and 0 <= then <= periods:
            moved = done.copy()
            moved[path, :, run] = (np.arange(periods) >= then) & here[path, :, run]
            out.append(moved)
    return out


def _phases(built: Built, x: Float, rounding: float) -> tuple[Int, Float]:
    """Cut cumulative phases to whole ones where they must be whole."""
    block = built.model.column_block("phases")
    if not len(block.numbers):
        return _joined([], [])
    running = np.floor(np.cumsum(block.take(x), axis=1) + rounding + 1e-9)
    steps = np.diff(running, axis=1, prepend=0.0)
    most = block.spread(block.upper)
    whole = (block.index >= 0) & block.integer
    steps[block.index >= 0] = np.minimum(
        steps[block.index >= 0], np.floor(most[block.index[block.index >= 0] - block.first] + 1e-9)
    )
    return block.index[whole], steps[whole]


def _joined(columns: list[Int], values: list[Float]) -> tuple[Int, Float]:
    if not columns:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    return np.concatenate(columns), np.concatenate(values)
