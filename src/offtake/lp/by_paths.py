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
from offtake.lp.elimination import NotDefiniteError
from offtake.lp.fronts import TooLargeError
from offtake.lp.highs import Solver, vertex
from offtake.lp.interior import InteriorPoint
from offtake.lp.reduced import reduced
from offtake.lp.settled import BASIC, settled
from offtake.lp.solution import Solution, SolveEvent, Status, relative_gap, stopped
from offtake.lp.standard import standard, with_slacks

if TYPE_CHECKING:
    import threading

    from numpy.typing import ArrayLike

    from offtake.lp.build import LpArrays
    from offtake.lp.interior import Point, Standing
    from offtake.lp.reduced import Reduced
    from offtake.lp.settled import Settled
    from offtake.lp.solution import SolveCallback
    from offtake.lp.sparse import Floats, Ints
    from offtake.lp.standard import Standard

__all__ = ["solve_by_paths"]

_CLOSE = 1e-4  # relative misses and gap from which a vertex is found quickly
_PLAN = 1e-6  # relative misses of a plan that is good enough to be kept when the solve is stopped


def solve_by_paths(
    arrays: LpArrays,
    path_of_column: ArrayLike,
    path_of_row: ArrayLike,
    *,
    basis: bool = False,
    time_limit: float | None = None,
    callback: SolveCallback | None = None,
    interrupt: threading.Event | None = None,
) -> Solution:
    """Solve a linear program of many paths from nothing; exact values and prices.

    Parameters
    ----------
    arrays : LpArrays
    path_of_column, path_of_row : int64[…]     -1 = shared; rows of a path read its own and shared columns, shared rows shared columns.
                                               What is alike is added up within a path only
    basis : bool                    also find a basis of the whole program, to go on from when limits change
    time_limit : float [s]
    callback : called with a SolveEvent at each step
    interrupt : threading.Event     set it to stop; so does Ctrl-C.  The best plan so far comes back, marked

    Raises
    ------
    ValueError     columns that must be whole, paths of another program, or a row that reads another path's columns
    """
    of_column, of_row = np.asarray(path_of_column, dtype=np.int64), np.asarray(path_of_row, dtype=np.int64)
    _check(arrays, of_column, of_row)
    of_column, of_row = _renumbered(of_column, of_row)
    watcher = _Watcher(
        time_limit=time_limit, callback=callback, interrupt=interrupt, maximise=arrays.maximise, offset=arrays.offset
    )
    small = reduced(arrays, prices=True, path_of_column=of_column)
    found = None if small is None else _solved(small, watcher)
    if found is not None:
        return _with_basis(arrays, found, watcher) if basis and found.status is Status.OPTIMAL else found
    return Solver(arrays).solve(time_limit=watcher.seconds_left, callback=callback, interrupt=interrupt)


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


def _renumbered(of_column: Ints, of_row: Ints) -> tuple[Ints, Ints]:
    """Return the paths numbered 0, 1 and so on, without gaps."""
    every = np.concatenate(([-1], np.maximum(of_column, -1), np.maximum(of_row, -1)))
    number = np.unique(every, return_inverse=True)[1][1:].astype(np.int64) - 1
    return number[: len(of_column)], number[len(of_column) :]


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


def _solved(small: Reduced, watcher: _Watcher) -> Solution | None:
    """Solve what a program was made; None where this way does not lead to an end."""
    left = settled(small.arrays)
    if left is None or not len(left.rows):
        return None
    form = standard(left)
    held = float((-small.arrays.cost if small.arrays.maximise else small.arrays.cost) @ left.x)
    watcher.offset = small.arrays.offset - held if small.arrays.maximise else small.arrays.offset + held
    try:
        with one_thread():
            system = Augmented(form.matrix, np.isinf(form.lower) & np.isinf(form.upper))
            point, standing = InteriorPoint(form, system).solve(watcher)
        if watcher.stopped is None:
            found = _at_vertex(small, left, form, (point, standing), watcher) if standing.worst < _CLOSE else None
    except (NotDefiniteError, TooLargeError):
        return None
    except KeyboardInterrupt:
        watcher.stopped = Status.INTERRUPTED
    return found if watcher.stopped is None else _stopped(small, left, form, watcher)


def _at_vertex(
    small: Reduced, left: Settled, form: Standard, reached: tuple[Point, Standing], watcher: _Watcher
) -> Solution | None:
    """Move to a vertex and let the simplex confirm it."""
    point, standing = reached
    found = _confirmed(small.arrays, left, form, (point.x, point.y), watcher)
    if found is None:
        return None
    row_price, column_price = small.prices(found.row_price)
    return replace(
        found,
        x=small.restored(found.x),
        row_price=row_price,
        column_price=column_price,
        iterations=standing.step + found.iterations,
        seconds=watcher.seconds,
        basis=None,
    )


def _with_basis(arrays: LpArrays, found: Solution, watcher: _Watcher) -> Solution:
    """Return the same optimum with a basis of the whole program; without one where that fails."""
    left = settled(arrays)
    if left is None:
        return found
    form, (equations, slack) = standard(left), with_slacks(left)
    here = found.x[left.columns]
    used = equations.matrix[:, : len(here)] @ here
    y = found.row_price[left.rows] * (-1.0 if arrays.maximise else 1.0)
    try:
        again = _confirmed(arrays, left, form, form.point(np.concatenate((here, used[slack])), y), watcher)
    except KeyboardInterrupt:
        again = None
    return found if again is None else replace(again, iterations=found.iterations, seconds=watcher.seconds)


def _confirmed(
    arrays: LpArrays, left: Settled, form: Standard, near: tuple[Floats, Floats], watcher: _Watcher
) -> Solution | None:
    """Move to a vertex of the equations and let the simplex confirm it as an optimum of the whole program."""
    found = vertex(form, *near)
    if found is None:
        return None
    columns, rows = form.basis(found.columns, found.rows)
    count, slack = len(left.columns), np.flatnonzero(left.row_lower != left.row_upper)
    status = np.zeros(len(left.rows), dtype=np.int64)
    status[slack] = columns[count:]
    status[rows == BASIC] = BASIC
    solver = Solver(arrays)
    solver.set_statuses(*left.basis(columns[:count], status, form.prices(found.row_price)))
    last = solver.solve(method="dual simplex", time_limit=watcher.seconds_left, interrupt=watcher.interrupt)
    if last.status in (Status.INTERRUPTED, Status.TIME_LIMIT):
        watcher.stopped = last.status
    if last.status is not Status.OPTIMAL:
        return None
    return replace(last, method="paths", warm=False, iterations=found.iterations + last.iterations)


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
