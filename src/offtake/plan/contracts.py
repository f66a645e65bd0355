"""The contract attached to the problem: its clauses read as rows, and again as exact numbers once solved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.deal.amendment import concessions
from offtake.deal.contract import Contract, DealFacts, owed
from offtake.deal.rows import Rows, RowsAlgebra
from offtake.deal.settle import Exact, SettleAlgebra, flows_of
from offtake.plan.capacity import follow_force
from offtake.plan.measures import SCALES
from offtake.plan.payments import payments
from offtake.plan.ties import period_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.deal.amendment import Concessions
    from offtake.deal.flows import Due, Flow
    from offtake.deal.quantities import Measure
    from offtake.deal.rows import Tighten
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.capacity import Work
    from offtake.plan.problem import Float, Problem
    from offtake.plan.result import Plan


NEVER_NEGATIVE = ("delivery_chip_h", "unsold_chip_h")
"""Measures that are differences, of which the rows of the chip-hours say that they are not below zero."""

NOTHING, WITHOUT_LIMIT = np.zeros(()), np.full((), np.inf)


def contract_of(problem: Problem) -> Contract | None:
    """Return the contract that the problem was compiled with, or None without alliance."""
    terms = problem.scenario.contract
    if terms is None or problem.signed is False:
        return None
    return Contract.of(terms)


def facts_of(problem: Problem) -> DealFacts:
    """Collect what clauses need to know about the world."""
    chips = problem.chips
    return DealFacts(
        valuation_date=problem.grid.start,
        horizon=problem.grid.end,
        chips=tuple(c.id for c in problem.scenario.chips),
        it_w_per_chip={chip: float(w) for chip, w in zip(chips.ids, chips.it_w_per_chip, strict=True)},
        channels={c.id: c.sold_by for c in problem.scenario.channels},
        discount_rate_frac_per_y=problem.goal.rate_frac_per_y,
    )


def rows_algebra(
    model: Model, problem: Problem, found: Mapping[Measure, Affine], *, signed: Affine | None, tighten: Tighten | None
) -> RowsAlgebra:
    """Return the reader that writes the contract's clauses into the model."""
    return RowsAlgebra(
        model=model,
        grid=problem.grid,
        measures=found,
        paths=problem.paths,
        scales=SCALES,
        signed=signed,
        limits={m: (NOTHING, WITHOUT_LIMIT) for m in found if m.name in NEVER_NEGATIVE},
        gated=frozenset(m for m in found if m.name == "offtake_chip_h"),
        tighten=tighten,
        alike=lambda on: problem.ties.rights[:, period_of(on, problem.grid)],
    )


def contract_dues(problem: Problem, algebra: RowsAlgebra, work: Work) -> list[Due[Rows]]:
    """Write the contract's clauses into the model, keep what is taken to the time in force, and return the dues."""
    contract = contract_of(problem)
    if contract is None:
        return []
    found = owed(contract, algebra, facts_of(problem))
    if found.force is not None:
        follow_force(algebra.model, problem, work, found.force.state.expr, found.force.segments)
    return list(found.dues)


def settle(
    problem: Problem, quantities: Mapping[Measure, Float], rights: Mapping[str, Float], signed: Sequence[bool]
) -> list[Due[Exact]]:
    """Settle every payment, the contract's and all others, in exact numbers."""
    numbers = {measure: value.tolist() for measure, value in quantities.items()}
    algebra = SettleAlgebra(grid=problem.grid, measures=numbers, paths=problem.paths)
    dues = payments(algebra, problem)
    contract = contract_of(problem)
    if contract is not None:
        chosen = {name: value.tolist() for name, value in rights.items()}
        dues += owed(contract, replace(algebra, rights=chosen, signed=tuple(signed)), facts_of(problem)).dues
    return dues


def concessions_of(plan: Plan, *, path: int = 0) -> tuple[Concessions, ...]:
    """Return what each side gave and got by each amendment at the plan's quantities; empty where the contract has none.

    Values are discounted at the rate of the objective to the valuation date.
    """
    problem, written = plan.problem, plan.built.written
    contract = contract_of(problem)
    if contract is None or not contract.amendments:
        return ()
    algebra = SettleAlgebra(
        grid=problem.grid,
        measures={measure: value.tolist() for measure, value in plan.quantities.items()},
        rights={name: np.round(expr.value(plan.solved.x)).tolist() for name, expr in written.rights.items()},
        rights_on=written.rights_on,
        paths=problem.paths,
        signed=tuple(bool(s) for s in plan.decisions.signed),
    )
    return concessions(contract, algebra, facts_of(problem), rate_frac_per_y=problem.goal.rate_frac_per_y, path=path)


def flows(dues: Sequence[Due[Exact]], *, path: int = 0) -> list[Flow]:
    """Turn settled dues into flows of whole cents."""
    return flows_of(dues, path=path)
