"""A starting plan for the integer solve, rounded from its linear relaxation.

The relaxation is close to the best plan, but branch and bound is slow to find a first whole one.  Linear programs find it at once:
relax; decide signing and opening; decide run after run where and when it is complete, each time by trying the few places and periods
that the relaxation leans to while later runs stay relaxed; move runs as long as that pays; round the cumulative phases; read the
clauses' binaries off the point, fix them and solve.  Each try is one warm linear program.  A start that fails costs nothing but these
solves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.highs import Solver
from offtake.plan.exact import with_exact_clauses

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Solution
    from offtake.plan.build import Built
    from offtake.plan.problem import Float, Int
    from offtake.plan.settings import Settings

HALF = 0.5
OPENS = 1e-6
"""Relaxed share from which on a site is opened at first."""
FACTS = 48
"""Most facts of clauses that are decided one by one."""
UNDECIDED = 1e-6
"""Relative part of a fact that is left open from which on it is decided: a milestone missed by a thousandth is missed."""
LEANS = 0.02
"""Relaxed share of a group of sites from which on it is tried as the place of a run."""
PLACES = 3
"""Most groups tried for one run."""
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
    chosen = choose_sites(built, solver, relaxed)
    if chosen is None:
        return None
    places = _places(built, relaxed.x)
    chosen = _decide_runs(built, solver, chosen, places)
    if chosen is None:
        return None
    moved = _move_runs(built, solver, chosen, places, settings)
    found = [_rounded(built, solver, moved)]
    if settings.interrupt is not None and settings.interrupt.is_set():
        return None if found[0] is None else found[0].x
    found.append(_rounded(built, solver, _decide_clauses(built, solver, _freed(built, solver, moved))))
    known = [one for one in found if one is not None]
    return max(known, key=lambda one: one.objective).x if known else None


def _rounded(built: Built, solver: Solver, chosen: Solution) -> Solution | None:
    """Round phases, nearest first, and make the clauses exact; None where neither leaves a plan."""
    for rounding in ROUNDINGS:
        counted = fix_columns(solver, rounded_phases(built, chosen.x, rounding), chosen)
        if counted is not None:
            return with_exact_clauses(built, solver, counted)
    return None


def _freed(built: Built, solver: Solver, chosen: Solution) -> Solution:
    """Free phases and the facts of clauses again: the plan from which they were rounded."""
    arrays = built.model.build()
    facts = np.array([b.column for b in built.written.binaries], dtype=np.int64)
    free = np.concatenate([built.model.column_block("phases").numbers, facts])
    solver.set_col_bounds(free, lower=arrays.col_lower[free], upper=arrays.col_upper[free])
    again = solver.solve(method="dual simplex")
    return again if again.status.solved else chosen


def fix_columns(solver: Solver, values: tuple[Int, Float], base: Solution) -> Solution | None:
    """Fix columns and solve again from the last basis; from that of `base` where the last try had no plan and left none.

    Without one the solve would be a cold one, and where there is no plan either, HiGHS has been seen to run in circles.
    """
    columns, value = values
    if not len(columns):
        return base
    solver.set_col_bounds(columns, lower=value, upper=value)
    if not solver.has_basis and base.basis is not None:
        solver.set_basis(base.basis)
    found = solver.solve(method="dual simplex")
    return found if found.status.solved else None


def choose_sites(built: Built, solver: Solver, relaxed: Solution) -> Solution | None:
    """Decide signing and opening: open what the relaxation opens in part, then close again what is not worth its opening."""
    chosen = fix_columns(solver, rounded_yes_no(built, relaxed.x), relaxed)
    block = built.model.column_block("open_site")
    if chosen is None or not len(block.numbers):
        return chosen
    part = relaxed.x[block.numbers]
    for column in block.numbers[(part >= OPENS) & (part < 1.0 - OPENS)]:
        closed, opened = ((np.array([column]), np.array([v])) for v in (0.0, 1.0))
        tried = fix_columns(solver, closed, chosen)
        if tried is not None and tried.objective > chosen.objective:
            chosen = tried
        else:
            fix_columns(solver, opened, chosen)
    return chosen


def rounded_yes_no(built: Built, x: Float) -> tuple[Int, Float]:
    """Round signing and opening."""
    columns: list[Int] = []
    values: list[Float] = []
    for name, passed in (("sign", HALF), ("open_site", OPENS)):
        block = built.model.column_block(name)
        if len(block.numbers):
            here = block.index >= 0
            columns.append(block.index[here])
            values.append((block.take(x) >= passed).astype(float)[here])
    return _joined(columns, values)


def _places(built: Built, x: Float) -> dict[tuple[int, int], list[int]]:
    """List the groups of sites that the relaxation leans to, by path and run, the likeliest first."""
    block = built.model.column_block("train_at")
    if not len(block.numbers):
        return {}
    share = np.where(block.index >= 0, block.take(x), -1.0)
    found: dict[tuple[int, int], list[int]] = {}
    for path, run in np.ndindex(share.shape[0], share.shape[1]):
        order = np.argsort(-share[path, run], kind="stable").tolist()
        found[path, run] = [g for k, g in enumerate(order) if k == 0 or share[path, run, g] >= LEANS][:PLACES]
    return found


def _run_columns(built: Built, path: int, run: int, period: int, group: int) -> tuple[Int, Float]:
    """Columns of one run and their values if it is complete from a period on, at a group of sites."""
    done, at = built.model.column_block("done"), built.model.column_block("train_at")
    rows, places = done.index[path, :, run], at.index[path, run]
    whole = (np.arange(len(rows)) >= period).astype(float)
    here = (np.arange(len(places)) == group).astype(float)
    return _joined([rows[rows >= 0], places[places >= 0]], [whole[rows >= 0], here[places >= 0]])


def _decide_clauses(built: Built, solver: Solver, found: Solution) -> Solution:
    """Decide the yes/no facts of clauses that the relaxation leaves in between, the most undecided first.

    A fact that is read off the point instead, a milestone nearly reached, may cost the plan what reaching it would have brought.
    """
    columns: Int = np.array([b.column for b in built.written.binaries], dtype=np.int64)
    for _ in range(min(len(columns), FACTS)):
        part = np.minimum(found.x[columns], 1.0 - found.x[columns])
        if part.max() < UNDECIDED:
            break
        column = columns[[int(part.argmax())]]
        tried = [(fix_columns(solver, (column, np.array([v])), found), v) for v in (0.0, 1.0)]
        known = [(s.objective, v) for s, v in tried if s is not None]
        best = fix_columns(solver, (column, np.array([max(known)[1]])), found) if known else None
        if best is None:
            break
        found = best
    return found


def _decide_runs(
    built: Built, solver: Solver, found: Solution, places: dict[tuple[int, int], list[int]]
) -> Solution | None:
    """Decide one run after the other, the earliest first, with the later ones relaxed; never is always tried."""
    done = built.model.column_block("done")
    periods = done.index.shape[1]
    now: Solution | None = found
    relaxed = np.maximum.accumulate(done.take(found.x), axis=1)
    for path, run in sorted(places, key=lambda at: (at[0], -float(relaxed[at[0], :, at[1]].sum()), at[1])):
        if now is None:
            return None
        row = np.maximum.accumulate(done.take(now.x)[path, :, run])
        when = (
            int((row >= HALF).argmax())
            if (row >= HALF).any()
            else int((row > LEANS).argmax())
            if (row > LEANS).any()
            else periods
        )
        tries = [(p, g) for g in places[path, run] for p in (when, when + 1, when - 1) if 0 <= p < periods]
        now = _best(built, solver, now, (path, run), [*tries, (periods, places[path, run][0])])
    return now


def _best(
    built: Built, solver: Solver, base: Solution, which: tuple[int, int], tries: list[tuple[int, int]]
) -> Solution | None:
    """Try a run at several periods and places, and leave it at the best."""
    best: tuple[float, tuple[int, int]] | None = None
    for period, group in tries:
        tried = fix_columns(solver, _run_columns(built, *which, period, group), base)
        if tried is not None and (best is None or tried.objective > best[0]):
            best = tried.objective, (period, group)
    return None if best is None else fix_columns(solver, _run_columns(built, *which, *best[1]), base)


def _move_runs(
    built: Built, solver: Solver, found: Solution, places: dict[tuple[int, int], list[int]], settings: Settings
) -> Solution:
    """Complete each run earlier, later, elsewhere or never, as long as the objective rises."""
    done, at = built.model.column_block("done"), built.model.column_block("train_at")
    rises = bool(places)
    while rises:
        rises = False
        for (path, run), groups in places.items():
            periods = done.index.shape[1]
            row = np.round(done.take(found.x)[path, :, run])
            now = int(row.argmax()) if row.any() else periods
            where = int(at.take(found.x)[path, run].argmax())
            moves = [
                (p, where) for p in dict.fromkeys((now - 1, now + 1, now - 2, now + 2, periods)) if 0 <= p <= periods
            ]
            moves += [(now, g) for g in groups if now < periods]
            for period, group in moves:
                if settings.interrupt is not None and settings.interrupt.is_set():
                    return found
                if (period, group) == (now, where):
                    continue
                tried = fix_columns(solver, _run_columns(built, path, run, period, group), found)
                if tried is not None and tried.objective > found.objective + WORTH * abs(found.objective):
                    found, now, where, rises = tried, period, group, True
            fix_columns(solver, _run_columns(built, path, run, now, where), found)
    return found


def rounded_phases(built: Built, x: Float, rounding: float, *, sites: Sequence[int] | None = None) -> tuple[Int, Float]:
    """Cut cumulative phases to whole ones where they must be whole, at all sites or some."""
    block = built.model.column_block("phases")
    if not len(block.numbers):
        return _joined([], [])
    running = np.floor(np.cumsum(block.take(x), axis=1) + rounding + 1e-9)
    steps = np.diff(running, axis=1, prepend=0.0)
    most = block.spread(block.upper)
    whole = (block.index >= 0) & block.integer
    if sites is not None:
        whole &= np.isin(np.arange(block.index.shape[2]), sites)
    steps[block.index >= 0] = np.minimum(
        steps[block.index >= 0], np.floor(most[block.index[block.index >= 0] - block.first] + 1e-9)
    )
    return block.index[whole], steps[whole]


def _joined(columns: list[Int], values: list[Float]) -> tuple[Int, Float]:
    if not columns:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    return np.concatenate(columns), np.concatenate(values)
