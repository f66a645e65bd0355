"""Make the clauses exact at a point: read their binaries off it, fix them, solve once more.

A clause's binaries are no choices but facts of the quantities; a linear program that leaves them free may pay what is not owed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.lp.highs import Solver
    from offtake.lp.solution import Solution
    from offtake.plan.build import Built
    from offtake.plan.problem import Float, Int


def with_exact_clauses(built: Built, solver: Solver, found: Solution) -> Solution | None:
    """Solve again from `found` with every clause exact; None if the binaries read off the point have no plan."""
    binaries: Int = np.array([b.column for b in built.written.binaries], dtype=np.int64)
    if not len(binaries):
        return found
    value = np.round(built.algebra.complete(_with_whole_rights(built, found.x))[binaries])
    solver.set_col_bounds(binaries, lower=value, upper=value)
    again = solver.solve(method="dual simplex")
    return again if again.status.solved else None


def _with_whole_rights(built: Built, x: Float) -> Float:
    """Round the choices of rights first: what follows from half a choice is no state of the contract."""
    whole = x.copy()
    for right in built.written.rights.values():
        whole[right.col] = np.round(x[right.col])
    return whole
