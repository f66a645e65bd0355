"""Solve a stage tree by cuts: its first stages in a master program, each later subtree in a live solver of its own.

The regularised multi-cut L-shaped method: a candidate is the best point of the cuts inside a box around the best plan so far; the box
grows after a step that kept its promise and shrinks after one that did not (Linderoth and Wright, Computational Optimization and
Applications 24 (2003), 207-250).  The answer is certified by a bound from the master without the box.  Subtrees may stay in the
master, and cuts may be shared by groups of subtrees: where the master takes the time, few cuts are worth more than sharp ones.

Whole columns are refused: a value function of whole columns is not convex, and cuts would cut it wrongly.

A long solve may be stopped, by Ctrl-C, an event or a time limit, and then returns its best plan with the bound, marked by its status; and
it may be continued from a file.  A run that writes files forgets, whenever it writes one, all that the file does not say, so that a
continued run takes the same course as one that was never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import SolverError
from offtake.executors import side_by_side
from offtake.lp.build import RowArrays
from offtake.lp.certificate import model_hash
from offtake.lp.checkpoint import State, read_state, write_state
from offtake.lp.highs import Solver
from offtake.lp.solution import Status
from offtake.lp.stagewise import StageTree, TreeAnswer, offsets
from offtake.lp.subtrees import Subtree

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Solution
    from offtake.lp.sparse import Floats, Ints

__all__ = ["Progress", "decompose"]

_IDLE = 30  # a cut that has not bound for so many rounds is let go
_TINY = 1e-12
_EVERY = 25  # rounds between two checkpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a decomposition stands: `best` is a plan's value, `bound` what no plan can beat, both in the tree's own sense."""

    iteration: int
    best: float
    bound: float
    cuts: int
    seconds: float = 0.0

    @property
    def gap(self) -> float:
        """Distance of plan and bound over the larger of 1 and the plan's size; infinite before there are both."""
        gap = abs(self.best - self.bound) / max(1.0, abs(self.best)) if math.isfinite(self.best) else math.inf
        return gap if math.isfinite(gap) else math.inf


def decompose(
    tree: StageTree,
    *,
    gap: float = 1e-9,
    stages: int = 1,
    keep: Sequence[int] = (),
    groups: int | None = None,
    start: Floats | None = None,
    iterations: int = 2000,
    time_limit: float | None = None,
    interrupt: threading.Event | None = None,
    checkpoint: Path | None = None,
    every: int = _EVERY,
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
    start : float64[column] of the master's nodes in order, a plan to begin with, say of fewer paths solved whole
    iterations : int        stop after so many rounds
    time_limit : float [s]  stop after the first round that ends later, time before a continuation counted
    interrupt : Event       stop after the round in which it is set; Ctrl-C does the same
    checkpoint : Path       file to write to and, where it is already there, to continue from; removed when the solve is done
    every : int             rounds between two writings
    progress : called with a `Progress` after each round

    Returns
    -------
    TreeAnswer      with status "optimal" within the gap; else "interrupted" or "time_limit", with the best plan so far and its bound

    Raises
    ------
    ValueError      a whole column anywhere, or no subtree to cut off
    SolverError     infeasible, unbounded, stopped before there was a plan, not converged in `iterations` (the message says how far),
                    or a checkpoint that does not belong here

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
    cutting = _Cutting(tree, stages=stages, keep=tuple(keep), groups=groups)
    course = _Course(time_limit=time_limit, interrupt=interrupt, checkpoint=checkpoint, every=every, progress=progress)
    return cutting.run(gap=gap, rounds=iterations, start=start, course=course)


@dataclass(slots=True, kw_only=True)
class _Course:
    """What goes on beside the arithmetic: clock, stops, files, news."""

    time_limit: float | None
    interrupt: threading.Event | None
    checkpoint: Path | None
    every: int
    progress: Callable[[Progress], None] | None
    program: str = ""
    before: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Time spent, that before a continuation included."""
        return self.before + time.monotonic() - self.began

    def stop(self) -> Status | None:
        """Say whether to stop, and why."""
        if self.interrupt is not None and self.interrupt.is_set():
            return Status.INTERRUPTED
        return Status.TIME_LIMIT if self.time_limit is not None and self.seconds > self.time_limit else None


@dataclass(slots=True)
class _Cutting:
    """The state of one decomposition."""

    tree: StageTree
    stages: int
    keep: Sequence[int]
    groups: int | None
    subtrees: list[Subtree] = field(init=False)
    group_of: Ints = field(init=False)
    members: list[int] = field(init=False)
    first: LpArrays = field(init=False)
    master: Solver = field(init=False)
    column: dict[int, int] = field(init=False)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        """Split the tree and build the master."""
        nodes = self.tree.nodes
        heads = [n.number for n in nodes if n.stage == self.stages and n.number not in set(self.keep)]
        if not heads:
            raise ValueError(
                f"no node of stage {self.stages} to cut off: the tree has {max(n.stage for n in nodes) + 1} stages"
            )
        owner: dict[int, int] = {}
        below: dict[int, list[int]] = {head: [] for head in heads}
        for node in nodes:
            head = node.number if node.number in below else owner.get(node.parent if node.parent is not None else -1)
            if head is not None:
                owner[node.number] = head
                below[head].append(node.number)
        self.members = [n.number for n in nodes if n.number not in owner]
        self.subtrees = [Subtree.of(self.tree, numbers) for numbers in below.values()]
        count = min(self.groups or len(heads), len(heads))
        self.group_of = np.arange(len(heads)) * count // len(heads)
        self.column, _ = offsets([nodes[k] for k in self.members])
        self.first = _minimised(self.tree.extensive(np.array(self.members, dtype=np.int64)))
        self.master = self._fresh(count)
        none = np.zeros(0, dtype=np.int64)
        self.state = State(
            iteration=0, best=math.inf, bound=-math.inf, model=math.inf, radius=1.0, cuts=0, seconds=0.0,
            at=np.zeros(0), trial=np.zeros(0), opened=np.zeros(count, dtype=np.bool_),
            start=np.zeros(1, dtype=np.int64), index=none, value=np.zeros(0), upper=np.zeros(0), group=none, idle=none,
        )  # fmt: skip

    @property
    def wide(self) -> int:
        """Number of the master's columns without those that stand for the groups' values."""
        return self.first.columns

    def _fresh(self, count: int) -> Solver:
        """Return the master without cuts."""
        master = Solver(self.first)
        # What later stages cost has no column in use before its first cut, which alone holds it up.
        master.add_columns(np.zeros(count), np.zeros(count), np.ones(count))
        return master

    def run(self, *, gap: float, rounds: int, start: Floats | None, course: _Course) -> TreeAnswer:
        """Go from cut to cut until plan and bound meet."""
        s, status = self._begin(start, course, gap), course.stop()
        while status is None:
            if s.iteration >= rounds:
                raise SolverError(
                    f"no convergence in {rounds} rounds: best {s.best:.10g}, bound {s.bound:.10g} (to be minimised)"
                )
            try:
                status = self._round(gap)
                if course.progress is not None and s.opened.all():
                    course.progress(self._news(course))
            except KeyboardInterrupt:
                status = Status.INTERRUPTED
            status = status or course.stop()
            if course.checkpoint is not None and status is None and s.iteration % course.every == 0:
                s.seconds = course.seconds
                self._compact()
                write_state(course.checkpoint, s, course.program)
                self._renew()
        if status is not Status.OPTIMAL and s.opened.all():
            _, model, boxed = self._candidate(None, s.radius)
            s.bound = s.bound if boxed else max(s.bound, model)
        if not math.isfinite(s.best):
            raise SolverError(f"{status} before a plan was found, after {s.iteration} rounds")
        if status is Status.OPTIMAL and course.checkpoint is not None:
            course.checkpoint.unlink(missing_ok=True)
        return self._answer(status)

    def _begin(self, start: Floats | None, course: _Course, gap: float) -> State:
        """Take up a checkpoint where there is one, else a first plan."""
        s = self.state
        if course.checkpoint is not None:
            settings = f"{self.stages} {sorted(self.keep)} {len(s.opened)} {gap!r} {course.every}"
            course.program = f"{model_hash(self.tree.extensive())} {settings}"
            if course.checkpoint.exists():
                self.state = s = read_state(course.checkpoint, course.program)
                course.before = s.seconds
                self._renew()
                return s
        if start is not None and start.shape != (self.wide,):
            raise ValueError(f"a start of {start.size} columns does not fit the master's {self.wide}")
        s.trial = self._first() if start is None else np.clip(start, self.first.col_lower, self.first.col_upper)
        s.at, s.radius = s.trial, self._scale(s.trial)
        return s

    def _round(self, gap: float) -> Status | None:
        """Cut at the next point and choose the one after it; say when plan and bound have met."""
        s = self.state
        value = self._value(s.trial)
        if not math.isfinite(s.best):
            s.best, s.at = value, s.trial
        elif value < s.best:
            s.radius = s.radius * 2.0 if s.best - value >= 0.5 * (s.best - s.model) else s.radius
            s.best, s.at = value, s.trial
        elif math.isfinite(value):
            s.radius = max(s.radius / 2.0, _TINY)
        s.trial, s.model, boxed = self._candidate(s.at if math.isfinite(s.best) else None, s.radius)
        s.iteration += 1
        if not s.opened.all():
            return None
        if not boxed:
            s.bound = max(s.bound, s.model)
        elif math.isfinite(s.best) and s.best - s.model <= 0.1 * gap * max(1.0, abs(s.best)):
            # Nothing to gain inside the box: look at the whole.
            s.trial, s.model, boxed = self._candidate(None, s.radius)
            s.bound, s.radius = (s.bound if boxed else max(s.bound, s.model)), s.radius * 4.0
        done = math.isfinite(s.best) and s.best - s.bound <= gap * max(1.0, abs(s.best))
        return Status.OPTIMAL if done else None

    def _news(self, course: _Course) -> Progress:
        s, sign = self.state, -1.0 if self.tree.maximise else 1.0
        return Progress(
            iteration=s.iteration, best=sign * s.best, bound=sign * s.bound, cuts=s.cuts, seconds=course.seconds
        )

    def _first(self) -> Floats:
        """Return a plan of the first stages to begin with: the cheapest by itself, or any where that has no end."""
        solution = self._solved()
        return solution.x[: self.wide] if solution.status is Status.OPTIMAL else self._any()

    def _solved(self) -> Solution:
        """Solve the master; where Ctrl-C stopped the solver, it stops this too."""
        solution = self.master.solve()
        if solution.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        return solution

    def _any(self) -> Floats:
        """Return a plan that keeps the master's limits, whatever it costs."""
        cost = self.master.arrays.cost
        self.master.set_costs(np.zeros(len(cost)))
        solution = self._solved()
        self.master.set_costs(cost)
        if solution.status is not Status.OPTIMAL:
            raise SolverError("the tree is infeasible")
        return solution.x[: self.wide]

    def _scale(self, x: Floats) -> float:
        """Return a first half width of the box, by the sizes of plan and bounds."""
        wide = self.first.col_upper - self.first.col_lower
        ranges = wide[np.isfinite(wide)]
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
        s, start, index, value = self.state, [0], [], []
        for slope, _, g in cuts:
            there = np.flatnonzero(slope)
            index.append(there if g < 0 else np.append(there, self.wide + g))
            value.append(slope[there] if g < 0 else np.append(slope[there], -1.0))
            start.append(start[-1] + len(index[-1]))
        new = RowArrays(
            lower=np.full(len(cuts), -math.inf),
            upper=np.array([-level for _, level, _ in cuts]),
            start=np.array(start, dtype=np.int64),
            index=np.concatenate(index).astype(np.int64),
            value=np.concatenate(value),
        )
        self.master.add_rows(new)
        s.cuts += len(cuts)
        groups = np.array([g for _, _, g in cuts], dtype=np.int64)
        self._open(groups[(groups >= 0) & ~s.opened[groups]])
        s.start = np.concatenate((s.start, s.start[-1] + new.start[1:]))
        s.index, s.value = np.concatenate((s.index, new.index)), np.concatenate((s.value, new.value))
        s.upper = np.concatenate((s.upper, new.upper))
        s.group, s.idle = np.concatenate((s.group, groups)), np.concatenate((s.idle, np.zeros(len(cuts), np.int64)))

    def _open(self, groups: Ints) -> None:
        """Let the columns of groups that have a cut now take any value."""
        free = np.full(len(groups), math.inf)
        self.master.set_col_bounds(self.wide + groups, lower=-free, upper=free)
        self.state.opened[groups] = True

    def _compact(self) -> None:
        """Leave out the cuts that were let go."""
        s, kept = self.state, np.isfinite(self.state.upper)
        entries = np.repeat(kept, np.diff(s.start))
        s.start = np.concatenate(([0], np.cumsum(np.diff(s.start)[kept])))
        s.index, s.value = s.index[entries], s.value[entries]
        s.upper, s.group, s.idle = s.upper[kept], s.group[kept], s.idle[kept]

    def _renew(self) -> None:
        """Build master and subtrees anew from the state, so that nothing else bears on what follows."""
        s = self.state
        self.master = self._fresh(len(s.opened))
        none = np.full(len(s.upper), -math.inf)
        self.master.add_rows(RowArrays(lower=none, upper=s.upper, start=s.start, index=s.index, value=s.value))
        self._open(np.flatnonzero(s.opened))
        for subtree in self.subtrees:
            subtree.renew()

    def _candidate(self, at: Floats | None, radius: float) -> tuple[Floats, float, bool]:
        """Return the best point of the cuts, its value there, and whether the box held it back."""
        low, high = self.first.col_lower, self.first.col_upper
        if at is not None:
            low, high = np.maximum(low, at - radius), np.minimum(high, at + radius)
        self.master.set_col_bounds(np.arange(self.wide, dtype=np.int64), lower=low, upper=high)
        solution = self._solved()
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
            (
                ((x <= low + slack) & (low > self.first.col_lower))
                | ((x >= high - slack) & (high < self.first.col_upper))
            ).any()
        )
        return x, solution.objective, boxed

    def _let_go(self, price: Floats) -> None:
        """Free the rows of cuts that have not bound for long, so that the master stays small."""
        s, first = self.state, self.first.rows
        binds = np.abs(price[first:]) > _TINY
        s.idle = np.where(binds, 0, s.idle + 1)
        gone = np.flatnonzero((s.idle > _IDLE + 2 * len(self.subtrees)) & (s.group >= 0) & np.isfinite(s.upper))
        if len(gone):
            self.master.set_row_bounds(first + gone, upper=math.inf)
            s.upper[gone] = math.inf

    def _answer(self, status: Status) -> TreeAnswer:
        """Put the plan of all nodes together."""
        nodes, sign, s = self.tree.nodes, -1.0 if self.tree.maximise else 1.0, self.state
        found: list[Floats] = [np.zeros(0)] * len(nodes)
        for k in self.members:
            found[k] = s.at[self.column[k] : self.column[k] + len(nodes[k].cost)]
        for subtree in self.subtrees:
            plan = subtree.plan(found[subtree.parent])
            column, _ = offsets([nodes[k] for k in subtree.numbers])
            for k in subtree.numbers:
                found[k] = plan[column[k] : column[k] + len(nodes[k].cost)]
        return TreeAnswer(
            objective=sign * s.best,
            bound=sign * s.bound,
            x=tuple(found),
            price=tuple(np.zeros(0) for _ in nodes),
            iterations=s.iteration,
            status=status,
        )


def _minimised(arrays: LpArrays) -> LpArrays:
    """Return the same program as a minimisation."""
    return replace(arrays, maximise=False, cost=-arrays.cost) if arrays.maximise else arrays
