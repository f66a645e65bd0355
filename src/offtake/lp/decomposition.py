"""Solve a stage tree by cuts: its first stages in a master program, each later subtree in a live solver of its own.

The regularised multi-cut L-shaped method: a candidate is the best point of the cuts inside a box around the best plan so far; the box
grows after a step that kept its promise and shrinks after one that did not (Linderoth and Wright, Computational Optimization and
Applications 24 (2003), 207-250).  The answer is certified by a bound from the master without the box.  Subtrees may stay in the
master, and cuts may be shared by groups of subtrees: where the master takes the time, few cuts are worth more than sharp ones.

Whole columns are refused: a value function of whole columns is not convex, and cuts would cut it wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import SolverError
from offtake.executors import side_by_side
from offtake.lp.build import RowArrays
from offtake.lp.highs import Solver
from offtake.lp.solution import Status
from offtake.lp.stagewise import StageTree, TreeAnswer, offsets

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from offtake.lp.build import LpArrays
    from offtake.lp.sparse import Coordinates, Floats, Ints

__all__ = ["Progress", "decompose"]

_IDLE = 30  # a cut that has not bound for so many rounds is let go
_TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a decomposition stands: `best` is a plan's value, `bound` what no plan can beat, both in the tree's own sense."""

    iteration: int
    best: float
    bound: float
    cuts: int


def decompose(
    tree: StageTree,
    *,
    gap: float = 1e-9,
    stages: int = 1,
    keep: Sequence[int] = (),
    groups: int | None = None,
    iterations: int = 2000,
    progress: Callable[[Progress], None] | None = None,
) -> TreeAnswer:
    """Solve a tree by decomposition.

    Parameters
    ----------
    tree : StageTree
    gap : float             distance of plan and bound at which to stop, over the larger of 1 and the value's size
    stages : int            how many stages the master holds; each node of the next stage heads a subtree
    keep : nodes            heads of subtrees that stay in the master
    groups : int or None    how many groups of subtrees share their cuts; every subtree has its own if None
    iterations : int        give up after so many rounds
    progress : called with a `Progress` after each round

    Raises
    ------
    ValueError      a whole column anywhere, or no subtree to cut off
    SolverError     infeasible, unbounded, or not converged (the message says how far)

    Examples
    --------
    >>> tree = StageTree(maximise=True)
    >>> now = tree.add(cost=[-10.0])
    >>> for demand in (3.0, 5.0):
    ...     _ = tree.add(parent=now, probability=0.5, cost=[25.0], high=demand, own=[[1.0]], link=[[-1.0]], upper=0.0)
    >>> round(decompose(tree).objective, 9)
    50.0
    """
    tree.check()
    whole = [n.name for n in tree.nodes if n.integer.any()]
    if whole:
        raise ValueError(
            f"{whole[0]} has whole columns: a decomposition by cuts would be wrong; solve the extensive form"
        )
    return _Cutting(tree, stages=stages, keep=keep, groups=groups).run(gap=gap, rounds=iterations, progress=progress)


@dataclass(slots=True)
class _Subtree:
    """One later subtree as a live program whose limits follow its parent's columns."""

    numbers: list[int]
    parent: int
    weight: float
    solver: Solver
    link: Coordinates  # [row of the head, parent's column]
    rows: Ints
    lower: Floats
    upper: Floats
    sign: float
    elastic: Solver | None = None

    def at(self, x: Floats) -> tuple[float, Floats, bool]:
        """Return value and slope at the parent's columns, to be minimised; or those of the rows' violation, and False."""
        value = self._solve(self.solver, x)
        if value is not None:
            return value[0] * self.sign, value[1] * self.sign, True
        if self.elastic is None:
            self.elastic = _elastic(self.solver.arrays, self.rows)
        value = self._solve(self.elastic, x)
        if value is None or value[0] <= 0.0:
            raise SolverError(f"the subtree of node {self.numbers[0]} is infeasible whatever is decided before it")
        return value[0], value[1], False

    def _solve(self, solver: Solver, x: Floats) -> tuple[float, Floats] | None:
        shift = self.link @ x
        solver.set_row_bounds(self.rows, lower=self.lower - shift, upper=self.upper - shift)
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
    none = np.zeros(arrays.columns)
    solver = Solver(replace(arrays, maximise=False, offset=0.0, cost=none))
    count = len(rows)
    for sign in (1.0, -1.0):
        slack = solver.add_columns(np.zeros(count), np.full(count, math.inf), np.ones(count))
        solver.set_coeffs(rows, slack, np.full(count, sign))
    return solver


@dataclass(slots=True)
class _Cutting:
    """The state of one decomposition."""

    tree: StageTree
    stages: int
    keep: Sequence[int]
    groups: int | None
    subtrees: list[_Subtree] = field(init=False)
    group_of: Ints = field(init=False)
    members: list[int] = field(init=False)
    master: Solver = field(init=False)
    column: dict[int, int] = field(init=False)
    wide: int = field(init=False)
    low: Floats = field(init=False)
    high: Floats = field(init=False)
    opened: NDArray[np.bool_] = field(init=False)
    idle: dict[int, int] = field(default_factory=dict)
    cuts: int = 0
    model: float = math.inf

    def __post_init__(self) -> None:
        """Split the tree and build the master."""
        nodes = self.tree.nodes
        heads = [n.number for n in nodes if n.stage == self.stages and n.number not in set(self.keep)]
        if not heads:
            raise ValueError(
                f"no node of stage {self.stages} to cut off: the tree has {max(n.stage for n in nodes) + 1} stages"
            )
        owner: dict[int, int] = {}
        for node in nodes:
            head = node.number if node.number in heads else owner.get(node.parent if node.parent is not None else -1)
            if head is not None:
                owner[node.number] = head
        self.members = [n.number for n in nodes if n.number not in owner]
        self.subtrees = [self._subtree([n for n, head in owner.items() if head == h]) for h in heads]
        count = min(self.groups or len(heads), len(heads))
        self.group_of = np.arange(len(heads)) * count // len(heads)
        self.column, _ = offsets([nodes[k] for k in self.members])
        arrays = self.tree.extensive(np.array(self.members, dtype=np.int64))
        self.wide, self.low, self.high = arrays.columns, arrays.col_lower, arrays.col_upper
        self.master = Solver(_minimised(arrays))
        # What later stages cost has no column in use before its first cut, which alone holds it up.
        self.master.add_columns(np.zeros(count), np.zeros(count), np.ones(count))
        self.opened = np.zeros(count, dtype=np.bool_)

    def _subtree(self, numbers: list[int]) -> _Subtree:
        head = self.tree.nodes[numbers[0]]
        arrays = self.tree.extensive(np.array(numbers, dtype=np.int64))
        return _Subtree(
            numbers=numbers,
            parent=int(head.parent or 0),
            weight=head.probability,
            solver=Solver(arrays),
            link=head.link,
            rows=np.arange(len(head.lower), dtype=np.int64),
            lower=head.lower,
            upper=head.upper,
            sign=-1.0 if self.tree.maximise else 1.0,
        )

    def run(self, *, gap: float, rounds: int, progress: Callable[[Progress], None] | None) -> TreeAnswer:
        """Go from cut to cut until plan and bound meet."""
        best, bound, at = math.inf, -math.inf, self._first()
        radius, trial = self._scale(at), at
        for k in range(1, rounds + 1):
            value = self._value(trial)
            if not math.isfinite(best):
                best, at = value, trial
            elif value < best:
                radius = radius * 2.0 if best - value >= 0.5 * (best - self.model) else radius
                best, at = value, trial
            elif math.isfinite(value):
                radius = max(radius / 2.0, _TINY)
            trial, model, boxed = self._candidate(at if math.isfinite(best) else None, radius)
            self.model = model
            if not self.opened.all():
                continue
            if not boxed:
                bound = max(bound, model)
            elif math.isfinite(best) and best - model <= 0.1 * gap * max(1.0, abs(best)):
                # Nothing to gain inside the box: look at the whole.
                trial, model, boxed = self._candidate(None, radius)
                self.model = model
                bound, radius = (bound if boxed else max(bound, model)), radius * 4.0
            if progress is not None:
                sign = -1.0 if self.tree.maximise else 1.0
                progress(Progress(iteration=k, best=sign * best, bound=sign * bound, cuts=self.cuts))
            if math.isfinite(best) and best - bound <= gap * max(1.0, abs(best)):
                return self._answer(at, best, bound, k)
        raise SolverError(f"no convergence in {rounds} rounds: best {best:.10g}, bound {bound:.10g} (to be minimised)")

    def _first(self) -> Floats:
        """Return a plan of the first stages to begin with: the cheapest by itself, or any where that has no end."""
        solution = self.master.solve()
        return solution.x[: self.wide] if solution.status is Status.OPTIMAL else self._any()

    def _any(self) -> Floats:
        """Return a plan that keeps the master's limits, whatever it costs."""
        cost = self.master.arrays.cost
        self.master.set_costs(np.zeros(len(cost)))
        solution = self.master.solve()
        self.master.set_costs(cost)
        if solution.status is not Status.OPTIMAL:
            raise SolverError("the tree is infeasible")
        return solution.x[: self.wide]

    def _scale(self, x: Floats) -> float:
        """Return a first half width of the box, by the sizes of plan and bounds."""
        ranges = (self.high - self.low)[np.isfinite(self.high - self.low)]
        sizes = np.concatenate((np.abs(x), ranges))
        return float(max(1.0, 0.1 * sizes.max())) if sizes.size else 1.0

    def _value(self, x: Floats) -> float:
        """Value of a plan to be minimised, with a cut of every subtree; infinity where one is infeasible."""
        parents = [x[self.column[s.parent] : self.column[s.parent] + s.link.shape[1]] for s in self.subtrees]
        found = side_by_side(lambda k: self.subtrees[k].at(parents[k]), range(len(self.subtrees)))
        count = int(self.group_of[-1]) + 1
        slope, level = np.zeros((count, self.wide)), np.zeros(count)
        total, feasible = float(self.master.arrays.cost[: self.wide] @ x), np.ones(count, dtype=np.bool_)
        rows: list[tuple[Floats, float, int]] = []
        for k, (value, gradient, ok) in enumerate(found):
            first = self.column[self.subtrees[k].parent]
            where = slice(first, first + len(gradient))
            if ok:
                g = int(self.group_of[k])
                slope[g, where] += gradient
                level[g] += value - float(gradient @ parents[k])
                total += value
            else:
                line = np.zeros(self.wide)
                line[where] = gradient
                rows.append((line, value - float(gradient @ parents[k]), -1))
                feasible[int(self.group_of[k])] = False
        rows += [(slope[g], float(level[g]), g) for g in range(count) if feasible[g]]
        self._add(rows)
        return total if feasible.all() else math.inf

    def _add(self, cuts: Sequence[tuple[Floats, float, int]]) -> None:
        """Append cuts ``slope x − theta_g <= −level``; without theta for feasibility."""
        start, index, value = [0], [], []
        for slope, _, g in cuts:
            there = np.flatnonzero(slope)
            index.append(there if g < 0 else np.append(there, self.wide + g))
            value.append(slope[there] if g < 0 else np.append(slope[there], -1.0))
            start.append(start[-1] + len(index[-1]))
        numbers = self.master.add_rows(
            RowArrays(
                lower=np.full(len(cuts), -math.inf),
                upper=np.array([-level for _, level, _ in cuts]),
                start=np.array(start, dtype=np.int64),
                index=np.concatenate(index).astype(np.int64),
                value=np.concatenate(value),
            )
        )
        self.cuts += len(cuts)
        new = np.array([g for _, _, g in cuts if g >= 0 and not self.opened[g]], dtype=np.int64)
        self.master.set_col_bounds(
            self.wide + new, lower=np.full(len(new), -math.inf), upper=np.full(len(new), math.inf)
        )
        self.opened[new] = True
        self.idle.update({int(n): 0 for n, (_, _, g) in zip(numbers, cuts, strict=True) if g >= 0})

    def _candidate(self, at: Floats | None, radius: float) -> tuple[Floats, float, bool]:
        """Return the best point of the cuts, its value there, and whether the box held it back."""
        low, high = self.low, self.high
        if at is not None:
            low, high = np.maximum(low, at - radius), np.minimum(high, at + radius)
        self.master.set_col_bounds(np.arange(self.wide, dtype=np.int64), lower=low, upper=high)
        solution = self.master.solve()
        if solution.status is Status.INFEASIBLE:
            raise SolverError("the tree is infeasible")
        if not solution.status.solved:
            if at is not None:
                raise SolverError(f"the master is {solution.status}")
            # Cuts so far leave the whole without end: stay near a plan that keeps the first stages' limits.
            return self._candidate(self._any(), 1e3 * max(radius, 1.0))
        x = solution.x[: self.wide]
        self._let_go(solution.row_price)
        slack = 1e-9 * max(1.0, radius)
        boxed = at is not None and bool(
            (((x <= low + slack) & (low > self.low)) | ((x >= high - slack) & (high < self.high))).any()
        )
        return x, solution.objective, boxed

    def _let_go(self, price: Floats) -> None:
        """Free the rows of cuts that have not bound for long, so that the master stays small."""
        for number in [*self.idle]:
            self.idle[number] = 0 if abs(price[number]) > _TINY else self.idle[number] + 1
            if self.idle[number] > _IDLE + 2 * len(self.subtrees):
                self.master.set_row_bounds(np.array([number]), upper=np.array([math.inf]))
                del self.idle[number]

    def _answer(self, x: Floats, best: float, bound: float, rounds: int) -> TreeAnswer:
        """Put the plan of all nodes together."""
        nodes, sign = self.tree.nodes, -1.0 if self.tree.maximise else 1.0
        found: list[Floats] = [np.zeros(0)] * len(nodes)
        for k in self.members:
            found[k] = x[self.column[k] : self.column[k] + len(nodes[k].cost)]
        for subtree in self.subtrees:
            shift = subtree.link @ found[subtree.parent]
            subtree.solver.set_row_bounds(subtree.rows, lower=subtree.lower - shift, upper=subtree.upper - shift)
            solution = subtree.solver.solve()
            column, _ = offsets([nodes[k] for k in subtree.numbers])
            for k in subtree.numbers:
                found[k] = solution.x[column[k] : column[k] + len(nodes[k].cost)]
        none = tuple(np.zeros(0) for _ in nodes)
        return TreeAnswer(objective=sign * best, bound=sign * bound, x=tuple(found), price=none, iterations=rounds)


def _minimised(arrays: LpArrays) -> LpArrays:
    """Return the same program as a minimisation."""
    return replace(arrays, maximise=False, cost=-arrays.cost) if arrays.maximise else arrays
