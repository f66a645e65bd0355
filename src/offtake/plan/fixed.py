"""Solve again at another plan's yes/no choices: relief values, one-at-a-time assumptions, prices.

Counted integers are free; the clauses stay exact (`offtake.plan.exact`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.highs import Solver
from offtake.plan.exact import with_exact_clauses
from offtake.plan.solve import Solved

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Basis
    from offtake.plan.build import Built
    from offtake.plan.settings import Settings

CHOICES = ("sign", "open_site", "done", "train_at")
"""Blocks of yes/no choices, in the order in which they are freed from the back if another world makes them impossible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtChoices:
    """A linear solve at given choices; `freed` are the blocks whose choices had to be relaxed."""

    solved: Solved
    freed: tuple[str, ...]


def solve_at(built: Built, base: Solved, settings: Settings, *, basis: Basis | None = None) -> AtChoices | None:
    """Solve `built` at the choices of `base`; None if no plan exists even with the choices relaxed."""
    for kept in range(len(CHOICES), 0, -1):
        solved = _attempt(built, base, CHOICES[:kept], settings, basis)
        if solved is not None:
            return AtChoices(solved=solved, freed=CHOICES[kept:])
    return None


def _attempt(
    built: Built, base: Solved, blocks: Sequence[str], settings: Settings, basis: Basis | None
) -> Solved | None:
    arrays = _fixed(built, built.model.build(), base, blocks)
    solver = Solver(arrays, threads=settings.threads, seed=settings.seed)
    warm = basis is not None and (basis.columns, basis.rows) == (arrays.columns, arrays.rows)
    if warm and basis is not None:
        solver.set_basis(basis)
    first = solver.solve(method="dual simplex" if warm else "auto", interrupt=settings.interrupt)
    if not first.status.solved:
        return None
    exact = with_exact_clauses(built, solver, first) or first
    return Solved(
        built=built,
        arrays=solver.arrays,
        x=exact.x,
        first=exact,
        exact=exact,
        priced=exact,
        priced_arrays=solver.arrays,
        left_open=(np.nan, np.nan),
        settings=settings,
    )


def _fixed(built: Built, arrays: LpArrays, base: Solved, blocks: Sequence[str]) -> LpArrays:
    """Fix the named choices at the base plan's, free everything else of whole numbers."""
    lower, upper = arrays.col_lower.copy(), arrays.col_upper.copy()
    names = [*blocks, *(b.name for b in built.model.column_blocks if b.name.endswith(".right"))]
    for name in names:
        if name in built.model.column_blocks and name in base.built.model.column_blocks:
            here, there = built.model.column_block(name), base.built.model.column_block(name)
            if here.index.shape != there.index.shape:
                continue
            both = (here.index >= 0) & (there.index >= 0)
            chosen = base.x[there.index[both]]
            chosen = np.where(np.abs(chosen - np.round(chosen)) < 1e-5, np.round(chosen), chosen)
            lower[here.index[both]] = upper[here.index[both]] = chosen
    return replace(arrays, col_lower=lower, col_upper=upper, integer=np.zeros(arrays.columns, dtype=bool))
