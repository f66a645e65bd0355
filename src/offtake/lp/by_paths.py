"""Solve a large program of many paths to a vertex: an interior point, crossover, and a last look by the simplex.

The program is made small first where its prices can be given back (offtake.lp.reduced), what is settled is taken out (settled), the rest is
written in equations (standard) and solved by an interior point (interior) whose systems are taken apart by nested dissection (augmented).
HiGHS moves the point to a vertex and confirms it, so values and prices are as exact as any other of its answers; where a step fails, HiGHS
solves the program as it stands.  docs/explanation/large-problems.md compares the times.

Examples
--------
Build now at 10 a unit; a demand of 3 or 5 is served at 25, each path counting half:

>>> from offtake.lp.model import Model
>>> from offtake.lp.split import paths_of
>>> m = Model()
>>> x = m.columns("built")
>>> path = ("path", ("low", "high"))
>>> served = m.columns("served", axes=(path,), upper=[3.0, 5.0])
>>> _ = m.rows("capacity", served - x, upper=0.0, axes=(path,))
>>> m.set_objective((served * 12.5).sum() - 10.0 * x)
>>> found = solve_by_paths(m.build(), *paths_of(m))
>>> round(found.objective, 9), found.x.round(9).tolist()
(50.0, [5.0, 3.0, 5.0])
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.executors.tasks import one_thread
from offtake.lp.augmented import Augmented
from offtake.lp.certificate import certify
from offtake.lp.elimination import NotDefiniteError
from offtake.lp.fronts import TooLargeError
from offtake.lp.highs import Solver, vertex
from offtake.lp.interior import InteriorPoint
from offtake.lp.reduced import reduced
from offtake.lp.settled import BASIC, settled
from offtake.lp.solution import Solution, SolveEvent, Status, relative_gap, stopped
from offtake.lp.standard import standard

if TYPE_CHECKING:
    import threading

    from numpy.typing import ArrayLike

    from offtake.lp.build import LpArrays
    from offtake.lp.interior import Point, Standing
    from offtake.lp.reduced import Reduced
    from offtake.lp.settled import Settled
    from offtake.lp.solution import SolveCallback
    from offtake.lp.sparse import Ints
    from offtake.lp.standard import Standard

__all__ = ["ByPaths", "solve_by_paths"]

_CLOSE = 1e-4  # relative misses and gap from which a vertex is found quickly
_ROUNDING = 1e-12  # part of the terms of a price that is no more than their rounding
_PLAN = 1e-6  # relative misses of a plan that is good enough to be kept when the solve is stopped


def solve_by_paths(
    arrays: LpArrays,
    path_of_column: ArrayLike,
    path_of_row: ArrayLike,
    *,
    time_limit: float | None = None,
    callback: SolveCallback | None = None,
    interrupt: threading.Event | None = None,
) -> Solution:
    """Solve a linear program of many paths once; see :class:`ByPaths`."""
    program = ByPaths(arrays, path_of_column, path_of_row)
    return program.solve(time_limit=time_limit, callback=callback, interrupt=interrupt)


class ByPaths:
    """Hold one linear program of many paths; solve it from nothing, change limits of rows, go on from the last vertex.

    Parameters
    ----------
    arrays : LpArrays
    path_of_column, path_of_row : int64[…]     -1 = shared; rows of a path read its own and shared columns, shared rows shared columns.
                                               What is alike is added up within a path only

    Raises
    ------
    ValueError     columns that must be whole, paths of another program, or a row that reads another path's columns

    Examples
    --------
    >>> from offtake.lp.model import Model
    >>> from offtake.lp.split import paths_of
    >>> m = Model()
    >>> path = ("path", ("low", "high"))
    >>> served = m.columns("served", axes=(path,))
    >>> demand = m.rows("demand", served, upper=[3.0, 5.0], axes=(path,))
    >>> m.set_objective(served.sum())
    >>> program = ByPaths(m.build(), *paths_of(m))
    >>> program.solve().objective
    8.0
    >>> program.set_row_bounds(demand.numbers, upper=[4.0, 7.0])
    >>> program.solve().objective
    11.0
    """

    def __init__(self, arrays: LpArrays, path_of_column: ArrayLike, path_of_row: ArrayLike) -> None:
        """Check the paths."""
        of_column, of_row = np.asarray(path_of_column, dtype=np.int64), np.asarray(path_of_row, dtype=np.int64)
        _check(arrays, of_column, of_row)
        self._arrays, self._path_of_column = arrays, _renumbered(of_column)
        self._last: tuple[Reduced, Solver] | None = None

    @property
    def arrays(self) -> LpArrays:
        """The program as it stands."""
        return self._arrays

    def set_row_bounds(self, rows: Ints, *, lower: ArrayLike | None = None, upper: ArrayLike | None = None) -> None:
        """Change the limits of some rows; a side that is not given stays."""
        low, high = self._arrays.row_lower.copy(), self._arrays.row_upper.copy()
        low[rows], high[rows] = low[rows] if lower is None else lower, high[rows] if upper is None else upper
        self._arrays = replace(self._arrays, row_lower=low, row_upper=high)

    def solve(
        self,
        *,
        time_limit: float | None = None,
        callback: SolveCallback | None = None,
        interrupt: threading.Event | None = None,
    ) -> Solution:
        """Return exact values and prices; ``method`` is "paths" from nothing and "dual simplex" from the last vertex.

        Parameters
        ----------
        time_limit : float [s]
        callback : called with a SolveEvent at each step
        interrupt : threading.Event     set it to stop; so does Ctrl-C.  The best plan so far comes back, marked
        """
        arrays = self._arrays
        watcher = _Watcher(
            time_limit=time_limit,
            callback=callback,
            interrupt=interrupt,
            maximise=arrays.maximise,
            offset=arrays.offset,
        )
        try:
            found = self._made_small(watcher)
        except KeyboardInterrupt:
            # While the program was prepared: there is no plan yet.
            self._last = None
            return stopped(
                Status.INTERRUPTED,
                np.zeros(0),
                objective=math.nan,
                bound=math.nan,
                method="paths",
                seconds=watcher.seconds,
            )
        if found is not None:
            return found
        self._last = None
        return Solver(arrays).solve(time_limit=watcher.seconds_left, callback=callback, interrupt=interrupt)

    def _made_small(self, watcher: _Watcher) -> Solution | None:
        """Make the program small and solve that; None where this way does not lead to an end."""
        small = reduced(self._arrays, prices=True, path_of_column=self._path_of_column)
        if small is None:
            return None
        found = self._from_last(small, watcher)
        if found is None:
            found, solver = _solved(small, watcher)
            self._last = None if solver is None else (small, solver)
        if found is not None and found.status is Status.OPTIMAL and not certify(self._arrays, found).ok:
            # What is well solved in its small form may miss limits of the whole where units are far apart.
            return None
        return found

    def _from_last(self, small: Reduced, watcher: _Watcher) -> Solution | None:
        """Go on from the last vertex if only limits of rows have changed; None where that leads to no optimum."""
        if self._last is None or not _same_but_limits(self._last[0], small):
            return None
        solver = self._last[1]
        every = np.arange(small.arrays.rows)
        solver.set_row_bounds(every, lower=small.arrays.row_lower, upper=small.arrays.row_upper)
        found = solver.solve(
            method="dual simplex",
            time_limit=watcher.seconds_left,
            callback=watcher.callback,
            interrupt=watcher.interrupt,
        )
        if found.status is Status.OPTIMAL:
            return _whole(small, found)
        if found.status in (Status.INTERRUPTED, Status.TIME_LIMIT):
            # What the simplex holds before its end is no plan.
            self._last = None
            return replace(found, x=np.zeros(0), row_price=np.zeros(0), column_price=np.zeros(0), basis=None)
        return None


def _same_but_limits(one: Reduced, other: Reduced) -> bool:
    """Whether two programs differ in the limits of their rows only."""
    a, b = one.arrays, other.arrays
    if (a.offset, a.maximise) != (b.offset, b.maximise) or not np.array_equal(one.columns, other.columns):
        return False
    parts = ("cost", "col_lower", "col_upper", "start", "index", "value")
    return a.rows == b.rows and all(np.array_equal(getattr(a, name), getattr(b, name)) for name in parts)


def _check(arrays: LpArrays, of_column: Ints, of_row: Ints) -> None:
    """Refuse what is not of this form."""
    if (len(of_column), len(of_row)) != (arrays.columns, arrays.rows):
        msg = f"the paths of {len(of_column)} columns and {len(of_row)} rows are not those of {arrays!r}"
        raise ValueError(msg)
    if arrays.integer.any():
        msg = "columns that must be whole: solve the program with Solver"
        raise ValueError(msg)
    reader, read = of_row[arrays.index], of_column[arrays.entry_columns()]
    wrong = np.flatnonzero((read >= 0) & (read != reader))
    if len(wrong):
        k = int(wrong[0])
        msg = f"row {arrays.index[k]} of path {reader[k]} reads column {arrays.entry_columns()[k]} of path {read[k]}"
        raise ValueError(msg)


def _renumbered(of_column: Ints) -> Ints:
    """Return the paths numbered 0, 1 and so on, without gaps."""
    every = np.concatenate(([-1], np.maximum(of_column, -1)))
    return np.unique(every, return_inverse=True)[1][1:].astype(np.int64) - 1


@dataclass(slots=True, kw_only=True)
class _Watcher:
    """Passes progress on and notices what asks for a stop."""

    time_limit: float | None
    callback: SolveCallback | None
    interrupt: threading.Event | None
    maximise: bool
    offset: float
    began: float = field(default_factory=time.monotonic)
    stopped: Status | None = None
    best: tuple[Point, Standing] | None = None

    @property
    def seconds(self) -> float:
        """Seconds since the solve began."""
        return time.monotonic() - self.began

    @property
    def seconds_left(self) -> float | None:
        """Seconds left, if they are limited."""
        return None if self.time_limit is None else max(0.0, self.time_limit - self.seconds)

    def __call__(self, standing: Standing, point: Point) -> bool:
        """Look at one step; True stops."""
        if standing.primal < _PLAN:
            self.best = point, standing
        if self.callback is not None:
            self.callback(self._event(standing))
        if self.interrupt is not None and self.interrupt.is_set():
            self.stopped = Status.INTERRUPTED
        elif self.time_limit is not None and self.seconds > self.time_limit:
            self.stopped = Status.TIME_LIMIT
        return self.stopped is not None

    def in_its_sense(self, least: float) -> float:
        """Return an objective of the minimum as one of the program."""
        return (-least if self.maximise else least) + self.offset

    def _event(self, standing: Standing) -> SolveEvent:
        """Say what is known: an objective once the equations hold, a bound once the prices do."""
        objective = self.in_its_sense(standing.objective) if standing.primal < _PLAN else math.nan
        bound = self.in_its_sense(standing.bound) if standing.dual < _PLAN else math.nan
        return SolveEvent(
            bound=bound, incumbent=objective, gap=relative_gap(bound, objective), nodes=0, seconds=self.seconds
        )


def _solved(small: Reduced, watcher: _Watcher) -> tuple[Solution | None, Solver | None]:
    """Solve what a program was made, and return what to go on from; None where this way does not lead to an end."""
    left = settled(small.arrays)
    if left is None or not len(left.rows):
        return None, None
    form = standard(left)
    if not len(form.cost):
        return None, None
    held = float((-small.arrays.cost if small.arrays.maximise else small.arrays.cost) @ left.x)
    watcher.offset = small.arrays.offset - held if small.arrays.maximise else small.arrays.offset + held
    found, solver = None, None
    try:
        with one_thread():
            system = Augmented(form.matrix, np.isinf(form.lower) & np.isinf(form.upper))
            point, standing = InteriorPoint(form, system).solve(watcher)
        if watcher.stopped is None and standing.worst < _CLOSE:
            found, solver = _at_vertex(small, left, form, (point, standing), watcher)
    except (NotDefiniteError, TooLargeError):
        return None, None
    except KeyboardInterrupt:
        watcher.stopped = Status.INTERRUPTED
    return (found, solver) if watcher.stopped is None else (_stopped(small, left, form, watcher), None)


def _at_vertex(
    small: Reduced, left: Settled, form: Standard, reached: tuple[Point, Standing], watcher: _Watcher
) -> tuple[Solution | None, Solver | None]:
    """Move to a vertex of the equations and let the simplex confirm it as an optimum of the program."""
    point, standing = reached
    found = vertex(form, point.x, point.y)
    if found is None:
        return None, None
    columns, rows = form.basis(found.columns, found.rows)
    count, slack = len(left.columns), np.flatnonzero(left.row_lower != left.row_upper)
    status = np.zeros(len(left.rows), dtype=np.int64)
    status[slack] = columns[count:]
    status[rows == BASIC] = BASIC
    solver = Solver(small.arrays, perturbed=False)
    solver.set_statuses(*left.basis(columns[:count], status, form.prices(found.row_price)))
    last = solver.solve(method="dual simplex", time_limit=watcher.seconds_left, interrupt=watcher.interrupt)
    if last.status in (Status.INTERRUPTED, Status.TIME_LIMIT):
        watcher.stopped = last.status
    if last.status is not Status.OPTIMAL:
        return None, None
    iterations = standing.step + found.iterations + last.iterations
    whole = replace(_whole(small, last), method="paths", warm=False, iterations=iterations, seconds=watcher.seconds)
    return whole, solver


def _whole(small: Reduced, found: Solution) -> Solution:
    """Return an optimum of the small program as one of the program that it was made of."""
    row_price, column_price = small.prices(found.row_price)
    # What rounding leaves of a price that is 0 would count: times a bound of 1e12, put for none, it is a large sum.
    whole, columns = small.whole, small.columns
    size = np.abs(whole.cost) + replace(whole, value=np.abs(whole.value)).column_prices(np.abs(row_price))
    nothing = (found.column_price == 0.0) & (np.abs(column_price[columns]) <= _ROUNDING * size[columns])
    column_price[columns[nothing]] = 0.0
    return replace(found, x=small.restored(found.x), row_price=row_price, column_price=column_price, basis=None)


def _stopped(small: Reduced, left: Settled, form: Standard, watcher: _Watcher) -> Solution:
    """Return the best plan of a solve that was stopped, or none."""
    x, objective, bound = np.zeros(0), math.nan, math.nan
    if watcher.best is not None:
        point, standing = watcher.best
        whole = left.x.copy()
        whole[left.columns] = form.values(point.x)[: len(left.columns)]
        x = small.restored(whole)
        objective = float(small.whole.cost @ x) + small.whole.offset
        bound = watcher.in_its_sense(standing.bound) if standing.dual < _PLAN else math.nan
    return stopped(
        watcher.stopped or Status.INTERRUPTED,
        x,
        objective=objective,
        bound=bound,
        method="paths",
        iterations=0 if watcher.best is None else watcher.best[1].step,
        seconds=watcher.seconds,
    )
