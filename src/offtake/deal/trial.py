"""Trial of a contract: the plan's reading must equal settlement, whatever the plan is after.

A small problem has the contract's measures as free columns and pays, or is paid, for every due at given weights.  Its solution is
settled exactly, and the two readings of each clause are compared.  A new clause passes when no objective can pull them apart
(docs/how-to/add-a-clause.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.axes import Axis
from offtake.deal.contract import Owed, owed
from offtake.deal.quantities import Scales
from offtake.deal.rows import Rows, RowsAlgebra
from offtake.deal.settle import Exact, SettleAlgebra
from offtake.errors import SolverError
from offtake.lp.affine import Affine
from offtake.lp.highs import Solver
from offtake.lp.model import Model

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.deal.contract import Contract, DealFacts
    from offtake.deal.quantities import Measure
    from offtake.lp.solution import Solution

Float = NDArray[np.float64]

PLAN_SCALES = Scales(usd=1e6, chip_h=1e6, mw=1.0, mw_h=1e6)
"""Row units of the plan: millions of dollars, of chip-hours and of MWh."""


SHARP = 1e-10
"""Tolerance of a row in which a trial compares cents: a ten-thousandth of a dollar in millions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the two readings of one clause are apart at a solution.

    Parameters
    ----------
    worst_usd : float
        Largest difference of one amount.
    total_usd : float
        Sum of the clause's settled amounts without sign.
    """

    clause: str
    worst_usd: float
    total_usd: float

    @property
    def holds(self) -> bool:
        """Whether the difference is within a cent, or a millionth of the clause's total."""
        return self.worst_usd <= max(0.01, 1e-6 * self.total_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A trial's solution, both readings of it, and how well they agree."""

    agreements: tuple[Agreement, ...]
    settled: Owed[Exact]
    rows: Owed[Rows]
    reader: RowsAlgebra
    point: Float
    signed: bool

    @property
    def holds(self) -> bool:
        """Whether every clause agrees."""
        return all(a.holds for a in self.agreements)


def try_contract(
    contract: Contract,
    facts: DealFacts,
    grid: Intervals,
    most: Mapping[Measure, Float | float],
    *,
    rng: np.random.Generator,
    sense: str = "mixed",
    polish: bool = False,
    gap: float = 0.0,
) -> Outcome:
    """Plan random quantities for a random objective and compare what the plan paid with what is owed.

    Parameters
    ----------
    most : mapping
        Each measure that the contract reads to its largest value in a period, in file units; the smallest is 0.
    sense : pay, be-paid or mixed
        Whether the objective wants the dues small, large, or each one by chance.
    polish : bool
        Whether to compute the clauses' columns from the decisions after the solve (`RowsAlgebra.complete`).
    gap : float
        Relative gap at which the yes/no choices may be settled; at those the objective is then followed to the end.

    Raises
    ------
    SolverError
        If the small problem has no solution: a clause has cut off quantities that it should only price.
    """
    model = Model()
    measures = {m: _quantity(model, m, largest, grid) for m, largest in most.items()}
    signed = model.columns("signed", upper=1.0, integer=True) if contract.signed == "decide" else None
    reader = RowsAlgebra(model=model, grid=grid, measures=measures, scales=PLAN_SCALES, signed=signed)
    planned = owed(contract, reader, facts)
    model.set_objective(_wish(planned, measures, rng, sense))
    solution = sharp(Solver(model.build()), gap=gap)
    if not solution.status.solved:
        raise SolverError(f"trial of contract {contract.id}: {solution.status}")
    point = reader.complete(solution.x) if polish else solution.x
    is_signed = signed is None or bool(signed.value(point) > 0.5)
    exact = SettleAlgebra(
        grid=grid,
        measures={m: (x.value(point) * PLAN_SCALES.of(m.unit)).tolist() for m, x in measures.items()},
        rights={name: x.value(point).tolist() for name, x in reader.written.rights.items()},
        signed=(is_signed,),
    )
    settled = owed(contract, exact, facts)
    return Outcome(
        agreements=tuple(compare(planned, settled, reader, point)),
        settled=settled,
        rows=planned,
        reader=reader,
        point=point,
        signed=is_signed,
    )


def sharp(solver: Solver, *, gap: float = 0.0) -> Solution:
    """Solve to the end, then once more at the whole numbers found, to a tolerance far below a cent.

    An integer solve may leave a yes/no column a millionth off, and with it a payment: at 1e-7 of a row in millions of dollars a dime.
    """
    if not solver.arrays.integer.any():
        solver.set_feasibility(SHARP)
        return solver.solve()
    found = solver.solve(gap=gap)
    if not found.status.solved:
        return found
    solver.fix_integers(found.x)
    solver.set_feasibility(SHARP)
    again = solver.solve(method="dual simplex")
    return again if again.status.solved else found


def compare(planned: Owed[Rows], settled: Owed[Exact], reader: RowsAlgebra, point: Float) -> list[Agreement]:
    """Compare both readings of every clause at a solution, in USD."""
    out = []
    for clause, dues in planned.by_clause.items():
        worst = total = 0.0
        for due, truth in zip(dues, settled.by_clause[clause], strict=True):
            owed_usd = np.array([[float(v) for v in row] for row in truth.amount.rows])
            worst = max(worst, float(np.abs(reader.values(due.amount, point) - owed_usd).max(initial=0.0)))
            total += float(np.abs(owed_usd).sum())
        out.append(Agreement(clause=clause, worst_usd=worst, total_usd=total))
    return out


def with_clauses(contract: Contract, *names: str) -> Contract:
    """Return the contract with some of its clauses only."""
    return replace(contract, clauses=tuple(c for c in contract.clauses if c.id in names))


def _quantity(model: Model, measure: Measure, most: Float | float, grid: Intervals) -> Affine:
    """Free columns of a measure; a state, once 1, stays 1."""
    axes = (Axis("path", ("base",)), Axis("period", grid.labels))
    upper = np.asarray(most, dtype=np.float64) / PLAN_SCALES.of(measure.unit)
    found = model.columns(str(measure), axes=axes, upper=upper, integer=measure.sort == "state")
    if measure.sort == "state":
        model.rows(
            f"{measure}.stays", found[:, 1:] - found[:, :-1], lower=0.0, axes=(axes[0], Axis("period", grid.labels[1:]))
        )
    return found


def _wish(planned: Owed[Rows], measures: Mapping[Measure, Affine], rng: np.random.Generator, sense: str) -> Affine:
    """Build a random objective over dues and quantities."""
    total = Affine.zeros()
    for due in planned.dues:
        weight = rng.uniform(0.1, 1.0, size=due.amount.expr.shape)
        if sense == "pay":
            weight = -weight
        elif sense == "mixed":
            weight = weight * rng.choice([-1.0, 1.0], size=weight.shape)
        total = total + (due.amount.expr * weight).sum()
    for x in measures.values():
        total = total + (x * rng.uniform(-1.5, 1.5, size=x.shape)).sum()
    return total
