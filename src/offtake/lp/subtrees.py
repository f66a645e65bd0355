"""Subtrees of a stage tree as live programs whose limits follow what was decided before them: values and slopes for cuts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import SolverError
from offtake.lp.highs import Solver
from offtake.lp.solution import Status

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.sparse import Coordinates, Floats, Ints
    from offtake.lp.stagewise import StageTree

__all__ = ["Subtree"]


@dataclass(slots=True)
class Subtree:
    """One later subtree as a live program.

    Parameters
    ----------
    numbers : list of int     its nodes, the head first
    parent : int              the node before it
    arrays : LpArrays         its own program, with links to the parent left out
    link : Coordinates        of (row of the head, parent's column)
    rows, lower, upper        the head's rows and their limits
    sign : float              turns its objective into one to be minimised
    """

    numbers: list[int]
    parent: int
    arrays: LpArrays
    link: Coordinates
    rows: Ints
    lower: Floats
    upper: Floats
    sign: float
    solver: Solver
    elastic: Solver | None = None

    @classmethod
    def of(cls, tree: StageTree, numbers: list[int]) -> Subtree:
        """Take a subtree out of its tree."""
        head, arrays = tree.nodes[numbers[0]], tree.extensive(np.array(numbers, dtype=np.int64))
        return cls(
            numbers=numbers,
            parent=int(head.parent or 0),
            arrays=arrays,
            link=head.link,
            rows=np.arange(len(head.lower), dtype=np.int64),
            lower=head.lower,
            upper=head.upper,
            sign=-1.0 if tree.maximise else 1.0,
            solver=Solver(arrays),
        )

    def renew(self) -> None:
        """Forget all that earlier solves left behind, so that what follows depends on what follows only."""
        self.solver, self.elastic = Solver(self.arrays), None

    def at(self, x: Floats) -> tuple[float, Floats, bool]:
        """Return value and slope at the parent's columns, to be minimised; or those of the rows' violation, and False."""
        value = self._solve(self.solver, x)
        if value is not None:
            return value[0] * self.sign, value[1] * self.sign, True
        if self.elastic is None:
            self.elastic = _elastic(self.arrays, self.rows)
        value = self._solve(self.elastic, x)
        if value is None or value[0] <= 0.0:
            raise SolverError(f"the subtree of node {self.numbers[0]} is infeasible whatever is decided before it")
        return value[0], value[1], False

    def plan(self, x: Floats) -> Floats:
        """Return the subtree's columns at the parent's columns."""
        self._hold(self.solver, x)
        return self.solver.solve().x

    def _hold(self, solver: Solver, x: Floats) -> None:
        shift = self.link @ x
        solver.set_row_bounds(self.rows, lower=self.lower - shift, upper=self.upper - shift)

    def _solve(self, solver: Solver, x: Floats) -> tuple[float, Floats] | None:
        self._hold(solver, x)
        solution = solver.solve()
        if solution.status is Status.UNBOUNDED:
            raise SolverError(f"the subtree of node {self.numbers[0]} is unbounded")
        if solution.status is Status.INFEASIBLE:
            return None
        if not solution.status.solved:
            raise SolverError(f"the subtree of node {self.numbers[0]} is {solution.status}")
        return solution.objective, -self.link.back(solution.row_price[self.rows])


def _elastic(arrays: LpArrays, rows: Ints) -> Solver:
    """Return a program that minimises by how much the linked rows are missed."""
    solver = Solver(replace(arrays, maximise=False, offset=0.0, cost=np.zeros(arrays.columns)))
    count = len(rows)
    for sign in (1.0, -1.0):
        slack = solver.add_columns(np.zeros(count), np.full(count, math.inf), np.ones(count))
        solver.set_coeffs(rows, slack, np.full(count, sign))
    return solver
