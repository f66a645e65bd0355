"""What is decided, read off one solved problem and held in another.

A path's plan is an ordinary plan in which what the tree ties has been decided: signing, opening, phases begun and chips ordered up to
some period.  The plan of a path, the value of fixed decisions on fresh paths and the value of the mean's plan all hold decisions so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales
from offtake.plan.ties import period_of, tied_to_now
from offtake.plan.withheld import promised_chip, promising

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.plan.build import Built
    from offtake.plan.problem import Bool, Float, Int, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Decisions of one path, in the units of the problem's columns, and which of them are held.

    Attributes
    ----------
    signed : float ; opened : float64[site]
    starts : float64[period, site] [phase] ; orders : float64[period, fleet] [k chip]
    rights : name of a right -> float64[interval] ; rights_at : name -> int64[interval], the period in which each begins
    promised_chip : float64[period, chip]   what makers took orders for when these were placed [chip]
    phases_held, orders_held, rights_held : bool[period]
    """

    signed: float
    opened: Float
    starts: Float
    orders: Float
    rights: Mapping[str, Float]
    rights_at: Mapping[str, Int]
    promised_chip: Float
    phases_held: Bool
    orders_held: Bool
    rights_held: Bool

    def until(self, *, phases: Bool, orders: Bool, rights: Bool) -> Decided:
        """Hold other periods."""
        return replace(self, phases_held=phases, orders_held=orders, rights_held=rights)

    def fix(self, built: Built, arrays: LpArrays) -> LpArrays:
        """Hold the decisions on every path of a built problem; no column is whole any more."""
        lower, upper = arrays.col_lower.copy(), arrays.col_upper.copy()
        for name, value, held in self._blocks():
            if name not in built.model.column_blocks:
                continue
            block = built.model.column_block(name)
            here = (block.index >= 0) & held
            numbers = block.index[here]
            exact = np.broadcast_to(value, block.index.shape)[here]
            # The solver keeps bounds within its tolerance only; what is held must keep them.
            lower[numbers] = upper[numbers] = np.clip(exact, arrays.col_lower[numbers], arrays.col_upper[numbers])
        return replace(arrays, col_lower=lower, col_upper=upper, integer=np.zeros(arrays.columns, dtype=bool))

    def _blocks(self) -> list[tuple[str, Float, Bool]]:
        always = np.ones((), dtype=bool)
        return [
            ("sign", np.asarray(self.signed), always),
            ("open_site", self.opened[None], always),
            ("phases", self.starts[None], self.phases_held[None, :, None]),
            ("orders", self.orders[None], self.orders_held[None, :, None]),
            *(
                (f"{name}.right", value[None], self.rights_held[self.rights_at[name]][None])
                for name, value in self.rights.items()
            ),
        ]


def decided(built: Built, x: Float, *, path: int = 0) -> Decided:
    """Read a path's decisions off a solved problem; those of all periods are held."""
    physics = built.physics
    every = np.ones(len(built.problem.grid), dtype=bool)
    return Decided(
        signed=float(physics.work.signed.value(x)[path]),
        opened=physics.energising.opened.value(x)[path],
        starts=physics.energising.starts.value(x)[path],
        orders=physics.fleet.orders.value(x)[path],
        rights={name: expr.value(x)[path] for name, expr in built.written.rights.items()},
        rights_at={name: period_of(on, built.problem.grid) for name, on in built.written.rights_on.items()},
        promised_chip=promised_chip(built.problem.chips)[path],
        phases_held=every,
        orders_held=every,
        rights_held=every,
    )


def here_and_now(problem: Problem, found: Decided) -> Decided:
    """Hold only what all paths of a problem share."""
    ties = problem.ties
    return found.until(
        phases=tied_to_now(ties.phases), orders=tied_to_now(ties.orders), rights=tied_to_now(ties.rights)
    )


def with_room(problem: Problem, found: Decided) -> Problem:
    """Let makers promise what they did when the decisions were taken, and at least what the held orders ask.

    The orders are accepted as they were; of them comes what the path supplies, each order's part.
    """
    chips, fleets = problem.chips, problem.fleets
    orders = found.orders * found.orders_held[:, None] * scales.CHIP
    planned = np.einsum("ftk,kf->tf", chips.planned_weights[fleets.chip], np.cumsum(orders, axis=0))
    by_chip = planned @ (fleets.chip[:, None] == np.arange(len(chips.ids))[None, :])
    return promising(problem, np.maximum(found.promised_chip, by_chip))
