"""Solve a problem of several paths whose decisions a tree ties: the extensive form.

Whole numbers stand in the now-node alone: signing, sites, and phases begun in periods whose decision all paths share.  In recourse
they are relaxed, run completion and the yes/no facts of clauses included; the clauses are made exact path by path afterwards
(`offtake.plan.hedge`).

1. The linear relaxation is solved; its objective is a bound that no plan of the tree passes.
2. Signing and opening are rounded and held; this linear program's prices are the plan's prices.
3. Cumulative phases are rounded and held; what is left is solved again, warm.  If that is within the gap of the bound, it is the plan;
   else branch and bound goes on from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import InfeasibleError
from offtake.lp.highs import Solver
from offtake.lp.solution import Status
from offtake.plan.exact import with_exact_clauses
from offtake.plan.fixed import AtChoices
from offtake.plan.solve import Solved, explain_failure, least_short
from offtake.plan.start import ROUNDINGS, choose_sites, fix_columns, rounded_phases
from offtake.progress import Progress, ProgressEvent, ignore

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Basis, Solution
    from offtake.plan.build import Built
    from offtake.plan.settings import Settings

NOW_NODE = ("sign", "open_site", "phases")
"""Blocks of whole numbers that stay whole with several paths, where all paths share them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolvedTree:
    """A solved tree.

    Attributes
    ----------
    solved : Solved            the plan (`x`) and its prices
    relaxed : Solution         of the linear relaxation: its objective is the bound
    gap : float [frac]         distance of plan and bound over the mean size of the paths' values
    """

    solved: Solved
    relaxed: Solution
    gap: float

    def told(self) -> SolvedTree:
        """Let go of the model, the largest part by far: its numbers can be told, nothing can be solved from it."""
        return replace(self, solved=replace(self.solved, built=self.solved.built.at(self.solved.x)))


SAMPLED = 2.0
"""A plan for sampled futures may be so many times the gap away from its bound before branch and bound begins: it is exact about futures
that are themselves a sample, whose error is larger by far (see `offtake.plan.evaluate`)."""

DIVES = (0.5, 0.0, 1.0 - 1e-6)
"""What is added to a site's cumulative phases before they are cut to whole ones: nearest, down, up."""


def relaxation(built: Built) -> LpArrays:
    """Return a problem's arrays with no whole numbers."""
    arrays = built.model.build()
    return replace(arrays, integer=np.zeros(arrays.columns, dtype=bool))


def solve_tree(
    built: Built,
    settings: Settings,
    *,
    basis: Basis | None = None,
    progress: Progress = ignore,
    stage: str = "futures",
) -> SolvedTree:
    """Solve the extensive form of a tree.

    Raises
    ------
    InfeasibleError    no plan meets all limits on all paths, or the solve was stopped before the first one was found
    """
    free = relaxation(built)
    solver = Solver(free, threads=settings.threads, seed=settings.seed)
    warm = basis is not None and (basis.columns, basis.rows) == (free.columns, free.rows)
    if warm and basis is not None:
        solver.set_basis(basis)
    progress(ProgressEvent(stage=stage, message=f"{free.columns:,} columns, {free.rows:,} rows"))
    # Of trees of 4 to 10 paths (270,000 to 690,000 entries) a cold dual simplex took three quarters of the time of an interior point.
    relaxed = solver.solve(method="dual simplex", interrupt=settings.interrupt)
    if relaxed.status is Status.INFEASIBLE and built.short:
        relaxed = least_short(built, solver, settings)
    if not relaxed.status.solved:
        explain_failure(built, solver, relaxed)
    chosen = relaxed if settings.relax else choose_sites(built, solver, relaxed)
    if chosen is None:
        raise InfeasibleError("the choices of the relaxation have no plan on all paths", ())
    priced, priced_arrays = chosen, solver.arrays
    best, arrays = (chosen, solver.arrays) if settings.relax else _whole(built, solver, chosen, relaxed, settings)
    best, arrays = _exact(built, best, arrays, settings)
    gap = _distance(built, relaxed, best)
    progress(
        ProgressEvent(
            stage=stage,
            message="solved",
            bound=relaxed.objective * 1e6,
            incumbent=best.objective * 1e6,
            gap=gap,
            done=True,
        )
    )
    solved = Solved(
        built=built, arrays=arrays, x=best.x, first=best, exact=best, priced=priced, priced_arrays=priced_arrays,
        left_open=(np.nan, np.nan), settings=settings,
    )  # fmt: skip
    return SolvedTree(solved=solved, relaxed=relaxed, gap=gap)


def solve_tree_at(built: Built, base: Solved, settings: Settings, *, basis: Basis | None = None) -> AtChoices | None:
    """Solve a changed tree at the signing and opening of a solved one, everything else free; None where it has no plan."""
    free = relaxation(built)
    lower, upper = free.col_lower.copy(), free.col_upper.copy()
    for name in ("sign", "open_site"):
        here, there = built.model.column_block(name), base.built.model.column_block(name)
        both = (here.index >= 0) & (there.index >= 0)
        lower[here.index[both]] = upper[here.index[both]] = np.round(base.x[there.index[both]])
    arrays = replace(free, col_lower=lower, col_upper=upper)
    solver = Solver(arrays, threads=settings.threads, seed=settings.seed)
    warm = basis is not None and (basis.columns, basis.rows) == (arrays.columns, arrays.rows)
    if warm and basis is not None:
        solver.set_basis(basis)
    found = solver.solve(method="dual simplex", interrupt=settings.interrupt)
    if not found.status.solved:
        return None
    solved = Solved(
        built=built, arrays=arrays, x=found.x, first=found, exact=found, priced=found, priced_arrays=arrays,
        left_open=(np.nan, np.nan), settings=settings,
    )  # fmt: skip
    return AtChoices(solved=solved, freed=())


def _whole(
    built: Built, solver: Solver, chosen: Solution, relaxed: Solution, settings: Settings
) -> tuple[Solution, LpArrays]:
    """Round the phases of the now-node, all at once, then site by site; branch only where rounding misses the gap."""
    free = solver.arrays
    best: Solution | None = None
    for find in (_rounded, _dived):
        found = find(built, solver, chosen, free)
        if found is not None and (best is None or found.objective > best.objective):
            best, arrays = found, solver.arrays
        if best is not None and _distance(built, relaxed, best) <= SAMPLED * settings.gap:
            return best, arrays
    return _branched(built, best, settings)


def _exact(built: Built, best: Solution, arrays: LpArrays, settings: Settings) -> tuple[Solution, LpArrays]:
    """Make the clauses exact on every path: a plan must not be chosen for money that its settlement takes away."""
    if not built.written.binaries:
        return best, arrays
    solver = Solver(replace(arrays, integer=np.zeros(arrays.columns, dtype=bool)), threads=settings.threads)
    if best.basis is not None:
        solver.set_basis(best.basis)
    exact = with_exact_clauses(built, solver, best)
    return (best, arrays) if exact is None else (exact, solver.arrays)


def _distance(built: Built, relaxed: Solution, best: Solution) -> float:
    """Distance of a plan from the bound, over the mean size of what the paths are worth: their sum may be near nothing."""
    size = float(built.problem.probability @ np.abs(built.score.value(best.x[: built.model.column_blocks.count])))
    return max(0.0, relaxed.objective - best.objective) / max(1.0, abs(best.objective), size)


def _rounded(built: Built, solver: Solver, chosen: Solution, free: LpArrays) -> Solution | None:  # noqa: ARG001  (of one shape)
    """Round all sites alike, and leave the solver at the better rounding."""
    tried = [(fix_columns(solver, rounded_phases(built, chosen.x, r), chosen), r) for r in ROUNDINGS]
    known = [(found.objective, r) for found, r in tried if found is not None]
    return fix_columns(solver, rounded_phases(built, chosen.x, max(known)[1]), chosen) if known else None


def _dived(built: Built, solver: Solver, chosen: Solution, free: LpArrays) -> Solution | None:  # noqa: ARG001  (of one shape)
    """Round one site after the other, each the way that is worth most while later ones are free."""
    block = built.model.column_block("phases")
    numbers = block.numbers
    solver.set_col_bounds(numbers, lower=free.col_lower[numbers], upper=free.col_upper[numbers])
    now: Solution | None = solver.solve(method="dual simplex")
    for site in range(block.index.shape[2]):
        if now is None or not now.status.solved:
            return None
        tries = [rounded_phases(built, now.x, r, sites=[site]) for r in DIVES]
        if not len(tries[0][0]):
            continue
        different = {tuple(value.tolist()): (columns, value) for columns, value in tries}
        found = [(fix_columns(solver, values, now), values) for values in different.values()]
        known = [(f.objective, k) for k, (f, _) in enumerate(found) if f is not None]
        now = fix_columns(solver, found[max(known)[1]][1], now) if known else None
    return now


def _branched(built: Built, start: Solution | None, settings: Settings) -> tuple[Solution, LpArrays]:
    arrays = built.model.build()
    whole = np.zeros(arrays.columns, dtype=bool)
    for name in NOW_NODE:
        numbers = built.model.column_block(name).numbers
        whole[numbers] = arrays.integer[numbers]
    solver = Solver(replace(arrays, integer=whole), threads=settings.threads, seed=settings.seed)
    if start is not None:
        solver.set_start(start.x)
    found = solver.solve(
        gap=settings.gap, time_limit=settings.time_limit_s, interrupt=settings.interrupt, started=start is not None
    )
    if not found.found:
        if start is not None:
            return start, solver.arrays
        explain_failure(built, solver, found)
    solver.fix_integers(found.x)
    exact = solver.solve(method="dual simplex")
    return (exact if exact.found else found), solver.arrays
