"""Solve a problem: the integer program to a gap, the exact point at its integers, the ties, and the prices.

1. The mixed-integer program is solved to the gap asked for, from a start rounded from its relaxation (`offtake.plan.start`).
2. Integers are fixed at the incumbent; the linear program that is left gives an exact vertex.
3. Ties are broken at those integers: the objective is held, then the offtaker's value is made as large as it goes, then the payments
   under the contract and the interest as small as they go.  The range of the offtaker's value at an equal objective is what the
   objective left open.
4. For prices, the yes/no choices stay fixed and the counted ones (phases) are free again: fixed counts leave slack at the
   interconnection, and power's price would be zero just where it matters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from offtake.deal.flows import Account
from offtake.errors import InfeasibleError
from offtake.lp.affine import Affine
from offtake.lp.build import RowArrays, compress
from offtake.lp.highs import Solver
from offtake.lp.solution import Status
from offtake.plan.exact import with_exact_clauses
from offtake.plan.settings import Settings
from offtake.plan.start import starting_plan
from offtake.progress import Progress, ProgressEvent, ignore

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Basis, Solution, SolveEvent
    from offtake.plan.build import Built
    from offtake.plan.decided import Decided
    from offtake.plan.problem import Float, Int

HOLD = 1e-8
"""Relative tolerance within which a held value may fall while a tie is broken."""

COUNTED = ("phases",)
"""Integer blocks that count things; all other integers say yes or no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A solved problem.

    Attributes
    ----------
    x : float64[column]                the plan
    first : Solution                   of the integer program (or of the linear one, when relaxed)
    priced : Solution                  of the linear program at the plan's yes/no choices; its arrays are `priced_arrays`
    left_open_usd : (least, most)      the offtaker's value at an equal objective, in M USD
    """

    built: Built
    arrays: LpArrays
    x: Float
    first: Solution
    exact: Solution
    priced: Solution
    priced_arrays: LpArrays
    left_open: tuple[float, float]
    settings: Settings

    @property
    def status(self) -> Status:
        """How the solve of the plan ended."""
        return self.first.status


def solve(
    built: Built,
    settings: Settings | None = None,
    *,
    progress: Progress = ignore,
    stage: str = "base case",
    tie_break: bool = True,
    held: Decided | None = None,
    basis: Basis | None = None,
) -> Solved:
    """Solve a built problem; where decisions are held, as the linear program that they leave; from `basis` if it fits.

    Raises
    ------
    InfeasibleError
        Fixed decisions contradict each other or physics; carries the smallest conflicting set in domain words.
    """
    settings = settings or Settings()
    arrays = built.model.build()
    if held is not None:
        arrays, settings = held.fix(built, arrays), replace(settings, relax=True)
    if settings.relax:
        arrays = replace(arrays, integer=np.zeros(arrays.columns, dtype=bool))
    solver = Solver(arrays, threads=settings.threads, seed=settings.seed)
    warm = held is not None and basis is not None and (basis.columns, basis.rows) == (arrays.columns, arrays.rows)
    if warm and basis is not None:
        solver.set_basis(basis)
    first = _first(built, solver, settings, progress, stage, warm=warm)
    arrays = solver.arrays if not settings.relax else arrays
    if arrays.integer.any():
        solver.fix_integers(first.x)
        exact = solver.solve(method="dual simplex")
        exact = exact if exact.found else first
    else:
        exact = with_exact_clauses(built, solver, first) or first
    at_hand = (
        (exact, solver.arrays) if settings.relax and exact.priced else None
    )  # a relaxed plan has its prices already
    x, left_open = exact.x, (np.nan, np.nan)
    if tie_break and first.status.solved:
        x, left_open = _break_ties(built, solver, exact)
    priced, priced_arrays = at_hand or price_at(built, arrays, exact.x, settings)
    progress(ProgressEvent(stage=stage, message="solved", gap=first.gap, done=True))
    return Solved(
        built=built,
        arrays=arrays,
        x=x,
        first=first,
        exact=exact,
        priced=priced,
        priced_arrays=priced_arrays,
        left_open=left_open,
        settings=settings,
    )


def _first(
    built: Built, solver: Solver, settings: Settings, progress: Progress, stage: str, *, warm: bool = False
) -> Solution:
    def told(event: SolveEvent) -> None:
        progress(
            ProgressEvent(
                stage=stage,
                bound=event.bound * 1e6,
                incumbent=event.incumbent * 1e6,
                gap=event.gap,
                seconds=event.seconds,
            )
        )

    start = starting_plan(built, solver.arrays, settings) if solver.arrays.integer.any() else None
    if start is not None:
        solver.set_start(start)
    found = solver.solve(
        gap=settings.gap,
        time_limit=settings.time_limit_s,
        callback=told,
        interrupt=settings.interrupt,
        started=start is not None,
        method="dual simplex" if warm else "auto",
    )
    if found.status is Status.INFEASIBLE and built.short:
        found = least_short(built, solver, settings)
    if not found.found:
        explain_failure(built, solver, found)
    return found


def least_short(built: Built, solver: Solver, settings: Settings) -> Solution:
    """Miss the floors by the least amount: find it, allow it, and solve again."""
    below = Affine.stack([s.reshape(()) for s in built.short.values()])
    solver.set_col_bounds(below.col, upper=np.full(len(below.col), np.inf))
    _aim(built, solver, -below.sum())
    least = solver.solve(gap=settings.gap, interrupt=settings.interrupt)
    if not least.found:
        return least
    missed = np.maximum(least.x[below.col], 0.0)
    solver.set_col_bounds(below.col, upper=missed * (1 + 1e-9) + 1e-6)
    _aim(built, solver, built.objective)
    return solver.solve(gap=settings.gap, interrupt=settings.interrupt)


def explain_failure(built: Built, solver: Solver, found: Solution) -> NoReturn:
    """Raise what is known about a solve that found no plan: the smallest set of limits that contradict each other."""
    if found.status in (Status.INTERRUPTED, Status.TIME_LIMIT):
        raise InfeasibleError("stopped before a first plan was found", ())
    if found.status is Status.UNBOUNDED:
        raise InfeasibleError("the problem is unbounded: some price pays without limit", ())
    conflict = solver.conflict()
    limits = [f"{built.model.locate_row(r)[0].describe}: {built.model.row_text(r)}" for r in conflict.rows.tolist()]
    bounds = built.model.conflict_text(conflict)[len(limits) :]
    raise InfeasibleError("no plan meets all limits", (*limits, *bounds))


def _break_ties(built: Built, solver: Solver, exact: Solution) -> tuple[Float, tuple[float, float]]:
    """Hold the objective, favour the offtaker, or the provider where the offtaker's value is the objective; then pay the least."""
    model = built.model
    weight = built.problem.probability
    offtaker = (built.values["offtaker"] * weight).sum()
    hold = exact.objective - HOLD * max(1.0, abs(exact.objective))
    _hold(solver, built.objective, hold)
    _aim(built, solver, -offtaker)
    worst = solver.solve(method="primal simplex")
    _aim(built, solver, offtaker)
    best = solver.solve(method="primal simplex")
    if not best.found:
        return exact.x, (np.nan, np.nan)
    _hold(solver, offtaker, best.objective - HOLD * max(1.0, abs(best.objective)))
    if built.problem.goal.name == "offtaker":
        provider = (built.values["provider"] * weight).sum()
        _aim(built, solver, provider)
        kind = solver.solve(method="primal simplex")
        if kind.found:
            _hold(solver, provider, kind.objective - HOLD * max(1.0, abs(kind.objective)))
    paid = _contract_payments(built) + _interest(built)
    _aim(built, solver, -paid)
    least = solver.solve(method="primal simplex")
    width = model.column_blocks.count
    chosen = least.x if least.found else best.x
    return chosen[:width], (-worst.objective if worst.found else np.nan, best.objective)


def _aim(built: Built, solver: Solver, expr: Affine) -> None:
    """Give the solver another objective, to be made as large as it goes."""
    cost, offset = built.model.costs(expr)
    solver.set_costs(cost, offset=offset, maximise=True)


def _hold(solver: Solver, expr: Affine, least: float) -> None:
    """Add a row to the live solver alone, so that the model can be solved again."""
    lower = np.array([least - float(expr.const)])
    start, index, value = compress(expr.col, expr.row, expr.val, 1)
    solver.add_rows(RowArrays(lower=lower, upper=np.array([np.inf]), start=start, index=index, value=value))


def _contract_payments(built: Built) -> Affine:
    """All that the offtaker pays the provider under the contract, undiscounted : scalar [M USD]."""
    total = Affine.zeros(())
    for due in built.dues[built.contract_from :]:
        sign = (due.payer == "offtaker") - (due.payee == "offtaker")
        if sign and due.layer.value != "equity":
            total = total + (due.amount * float(sign)).sum()
    return total


def _interest(built: Built) -> Affine:
    """Add up interest of both parties and a thousandth of what they draw : scalar [M USD].

    It keeps a plan from borrowing what it does not need, also where it would repay within the period at no interest.
    """
    weight = {Account.INTEREST: 1.0, Account.LOAN_DRAW: 1e-3, Account.EMERGENCY_DRAW: 1e-3}
    parts = [
        due.amount.sum() * weight[due.account] for due in built.dues[: built.contract_from] if due.account in weight
    ]
    return Affine.total(parts)


def yes_no(built: Built, arrays: LpArrays) -> Int:
    """Numbers of the columns that say yes or no : int64[...]."""
    counted = [built.model.column_block(name).numbers for name in COUNTED if name in built.model.column_blocks]
    whole = np.flatnonzero(arrays.integer)
    mask = ~np.isin(whole, np.concatenate(counted)) if counted else np.ones(len(whole), dtype=bool)
    return whole[mask]


def price_at(built: Built, arrays: LpArrays, x: Float, settings: Settings) -> tuple[Solution, LpArrays]:
    """Solve the linear program at the yes/no choices of a plan, counts free; its prices are the plan's prices."""
    fixed = yes_no(built, arrays)
    lower, upper = arrays.col_lower.copy(), arrays.col_upper.copy()
    lower[fixed] = upper[fixed] = np.round(x[fixed])
    free = replace(arrays, col_lower=lower, col_upper=upper, integer=np.zeros(arrays.columns, dtype=bool))
    solver = Solver(free, threads=settings.threads, seed=settings.seed)
    return solver.solve(), free
