"""A primal-dual interior point method for ``min c x, A x = b, l <= x <= u``, given something that solves its linear systems.

Predictor and corrector after S. Mehrotra, On the implementation of a primal-dual interior point method, SIAM Journal on Optimization 2
(1992) 575–601; further correctors after J. Gondzio, Multiple centrality corrections in a primal-dual method for linear programming,
Computational Optimization and Applications 6 (1996) 137–156, since a factorisation costs many solves here; each with a weight of its own
after M. Colombo and J. Gondzio, Further development of multiple centrality correctors for interior point methods, Computational
Optimization and Applications 41 (2008) 277–305.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from offtake.lp.elimination import NotDefiniteError
from offtake.lp.sparse import totals

if TYPE_CHECKING:
    from collections.abc import Callable

    from offtake.lp.sparse import Floats, Ints
    from offtake.lp.standard import Standard

_STEPS = 400
_ENOUGH = 1e-5  # relative residuals and gap at which the method stops
_KEPT = 0.995  # of the way to the nearest bound
_ADDED = 1e-9  # to the systems' diagonals, against rounding; ten times as much after each failure
_MOST_ADDED = 1e-5
_FREE = 1e-3  # diagonal of a column without bounds at the start
_NARROW = 1e-9  # least room at the start: between bounds that all but meet rounding leaves none
_CORRECTORS = 5
_FAR = 0.95  # of a whole step: further correctors are not worth their solve
_FARTHER = 0.5  # step lengths that a corrector hopes to add
_LAX = 0.1  # products of value and price outside [_LAX, 1 / _LAX] of their mean are corrected
_WORTHWHILE = 0.01  # gain in step lengths that justifies another corrector
_LEAST = 0.1  # weight of a correction
_WEIGHTS = 5  # that are tried
_EQUAL = 1.02  # of the least: as good
_EXACT = 1e-5  # relative error at which a solution of a system is not refined
_MOST_AIMED = 1e3  # times the mean product that a corrector aims at: beyond any use, within the range of numbers
_NOTHING = 1e-15  # mean product of room and price below which rounding is all that moves
_IDLE = 12  # steps without progress after which the method stops


class System(Protocol):
    """What solves the linear systems: offtake.lp.augmented.Augmented."""

    def factor(self, diagonal: Floats, *, added: float) -> None:
        """Take the diagonal of a step."""

    def solve(self, r: Floats, g: Floats) -> tuple[Floats, Floats]:
        """Return (dx, dy) with ``A dx = r`` and ``A' dy - D dx = g``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """Where the method stands.

    Parameters
    ----------
    x, y : float64[column], float64[row]      values and prices
    room, price : float64[bound], > 0         distance to each bound that there is, all lower ones first, and its price
    """

    x: Floats
    y: Floats
    room: Floats
    price: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """How good a point is.

    Parameters
    ----------
    step : int
    objective, bound : float     c x and the objective of the prices; they are true bounds once the misses are small
    primal, dual, gap : float    largest misses of equations and of prices, and |objective - bound|, each relative
    mean : float                 of room x price
    """

    step: int
    objective: float
    bound: float
    primal: float
    dual: float
    gap: float
    mean: float

    @property
    def worst(self) -> float:
        """The largest of misses and gap; not a number where one of them is none, so that it is never the best."""
        return float(np.max((self.primal, self.dual, self.gap)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Move:
    """A direction."""

    x: Floats
    y: Floats
    room: Floats
    price: Floats


class InteriorPoint:
    """One program and its systems; :meth:`solve` once.

    What has no optimum may leave the range of numbers, quietly: what is not a number is never the best point.

    Parameters
    ----------
    form : Standard
    system : System
    """

    def __init__(self, form: Standard, system: System) -> None:
        """Give the bounds that there are their numbers."""
        self._form, self._system = form, system
        self._matrix, self._transposed = form.matrix, form.matrix.T.tocsr()
        low, high = np.flatnonzero(np.isfinite(form.lower)), np.flatnonzero(np.isfinite(form.upper))
        self._of: Ints = np.concatenate((low, high))
        self._sign = np.concatenate((np.ones(len(low)), -np.ones(len(high))))
        self._at = np.concatenate((form.lower[low], -form.upper[high]))
        self._columns = len(form.cost)
        self._scale = 1.0 + np.abs(form.right).max(initial=0.0), 1.0 + np.abs(form.cost).max(initial=0.0)
        self._added = _ADDED
        self._present, self._exact = np.zeros(0), False
        self._missing = np.zeros(0), np.zeros(0)

    def solve(self, watch: Callable[[Standing, Point], bool]) -> tuple[Point, Standing]:
        """Return the best point found and how good it is.

        Parameters
        ----------
        watch : called at each step; True stops the method

        Raises
        ------
        NotDefiniteError     rounding has the better of the first step already
        """
        point = self._start()
        best = point, self._standing(point, 0)
        idle = 0
        for step in range(_STEPS):
            standing = self._standing(point, step)
            idle = 0 if standing.worst < 0.9 * best[1].worst or standing.mean < 0.9 * best[1].mean else idle + 1
            if standing.worst <= best[1].worst:
                best = point, standing
            if watch(standing, point) or best[1].worst < _ENOUGH or idle > _IDLE or standing.mean < _NOTHING:
                break
            if not self._factored(self._diagonal(point)):
                break
            point = self._moved(point, standing.mean)
        return best

    @np.errstate(all="ignore")
    def _standing(self, p: Point, step: int) -> Standing:
        """Measure a point."""
        form = self._form
        objective = float(form.cost @ p.x)
        bound = float(form.right @ p.y + self._at @ p.price)
        r, g = self._missing = self._misses(p)
        return Standing(
            step=step,
            objective=form.worth * objective + form.constant,
            bound=form.worth * bound + form.constant,
            primal=float(np.abs(r).max(initial=0.0)) / self._scale[0],
            dual=float(np.abs(g).max(initial=0.0)) / self._scale[1],
            gap=abs(objective - bound) / (1.0 + abs(objective)),
            mean=float(p.room @ p.price) / max(1, len(p.room)),
        )

    def _misses(self, p: Point) -> tuple[Floats, Floats]:
        """Return what equations and prices miss."""
        form = self._form
        r = form.right - self._matrix @ p.x
        g = form.cost - self._transposed @ p.y - self._gathered(p.price)
        return r, g

    def _gathered(self, by_bound: Floats) -> Floats:
        """Add up by column what is given by bound, with the bound's sign."""
        return totals(self._of, self._sign * by_bound, self._columns)

    @np.errstate(all="ignore")
    def _diagonal(self, p: Point) -> Floats:
        return totals(self._of, p.price / p.room, self._columns) + _ADDED

    @np.errstate(all="ignore")
    def _factored(self, diagonal: Floats) -> bool:
        """Factorise, adding more where rounding asks for it; False where that no longer helps."""
        self._present = diagonal
        while self._added <= _MOST_ADDED:
            try:
                self._system.factor(diagonal, added=self._added)
            except NotDefiniteError:
                self._added *= 10.0
            else:
                return True
        return False

    def _start(self) -> Point:
        """Return the least-squares point of rows and prices, moved inside its bounds."""
        form = self._form
        low, high = np.isfinite(form.lower), np.isfinite(form.upper)
        at_lower, at_upper = np.where(low, form.lower, 0.0), np.where(high, form.upper, 0.0)
        middle = np.where(low & high, 0.5, 1.0) * (at_lower + at_upper)
        if not self._factored(np.where(low | high, 1.0, _FREE)):
            raise NotDefiniteError
        x = middle + self._solved(form.right - self._matrix @ middle, np.zeros(self._columns))[0]
        y = self._solved(np.zeros(len(form.right)), form.cost)[1]
        lean = form.cost - self._transposed @ y
        inside = np.minimum(0.3, np.where(low & high, 0.25 * (form.upper - form.lower), np.inf))
        x = np.clip(x, np.where(low, form.lower + inside, -np.inf), np.where(high, form.upper - inside, np.inf))
        room = np.maximum(self._sign * x[self._of] - self._at, _NARROW)
        price = np.maximum(self._sign * lean[self._of], 0.0) + 10.0 * float(np.abs(lean).mean())
        return Point(x=x, y=y, room=room, price=price)

    def _solved(self, r: Floats, g: Floats) -> tuple[Floats, Floats]:
        """Solve a system, refining once where it is not exact."""
        dx, dy = self._system.solve(r, g)
        more_r, more_g = r - self._matrix @ dx, g - self._transposed @ dy + self._present * dx
        self._exact = max(_largest(more_r) / (1.0 + _largest(r)), _largest(more_g) / (1.0 + _largest(g))) <= _EXACT
        if not self._exact:
            again = self._system.solve(more_r, more_g)
            dx, dy = dx + again[0], dy + again[1]
        return dx, dy

    def _direction(self, p: Point, r: Floats, g: Floats, product: Floats) -> _Move:
        """Return the direction that would meet equations and prices and change room x price by `product`."""
        dx, dy = self._solved(r, g - self._gathered(product / p.room))
        return self._move(p, dx, dy, product)

    def _change(self, p: Point, product: Floats) -> _Move:
        """Return the direction that would change room x price by `product` and nothing else; exact where the step's first one was."""
        solve = self._system.solve if self._exact else self._solved
        dx, dy = solve(np.zeros(len(p.y)), -self._gathered(product / p.room))
        return self._move(p, dx, dy, product)

    def _move(self, p: Point, dx: Floats, dy: Floats, product: Floats) -> _Move:
        """Return a direction of rooms and prices too."""
        room = self._sign * dx[self._of]
        return _Move(x=dx, y=dy, room=room, price=(product - p.price * room) / p.room)

    @np.errstate(all="ignore")
    def _moved(self, p: Point, mean: float) -> Point:
        """Take one step."""
        r, g = self._missing
        product = p.room * p.price
        move = self._direction(p, r, g, -product)
        lengths = _length(p.room, move.room), _length(p.price, move.price)
        reached = float((p.room + lengths[0] * move.room) @ (p.price + lengths[1] * move.price)) / len(product)
        aim = mean * min(reached / mean, _MOST_AIMED) ** 3
        change = self._change(p, aim - move.room * move.price)
        move, lengths = _corrected(p, move, change, min(lengths))
        for _ in range(_CORRECTORS):
            if min(lengths) > _FAR:
                break
            hoped = [min(1.0, length + _FARTHER) for length in lengths]
            there = (p.room + hoped[0] * move.room) * (p.price + hoped[1] * move.price)
            wanted = np.clip(there, _LAX * aim, aim / _LAX)
            change = self._change(p, np.maximum(wanted - there, -aim / _LAX))
            trial, farther = _corrected(p, move, change, min(lengths))
            if sum(farther) < sum(lengths) + _WORTHWHILE:
                break
            move, lengths = trial, farther
        first, second = (min(1.0, _KEPT * length) for length in lengths)
        return Point(
            x=p.x + first * move.x,
            y=p.y + second * move.y,
            room=p.room + first * move.room,
            price=p.price + second * move.price,
        )


def _corrected(p: Point, move: _Move, change: _Move, least: float) -> tuple[_Move, tuple[float, float]]:
    """Add as much of a change as leads farthest, and return how far that is; values and prices have a weight each."""
    first, there = _weighed(p.room, move.room, change.room, least)
    second, here = _weighed(p.price, move.price, change.price, least)
    move = _Move(
        x=move.x + first * change.x,
        y=move.y + second * change.y,
        room=move.room + first * change.room,
        price=move.price + second * change.price,
    )
    return move, (there, here)


def _weighed(of: Floats, move: Floats, change: Floats, least: float) -> tuple[float, float]:
    """Return the weight of a change, `least` to 1, with which a move goes about as far as it can, and how far, at most 1.

    A few weights are enough, and of almost equals the largest: where the very farthest ends, two values meet their bounds at once.
    """
    at, slope = -move / of, -change / of
    weights = np.linspace(1.0, max(_LEAST, least), _WEIGHTS)
    steepest = np.array([max(1.0, float(np.max(at + weight * slope, initial=0.0))) for weight in weights])
    first = int(np.argmax(steepest <= _EQUAL * steepest.min()))
    return float(weights[first]), 1.0 / float(steepest[first])


def _length(of: Floats, change: Floats) -> float:
    """Return how far values or prices can go, at most 1."""
    return 1.0 / max(1.0, float(np.max(-change / of, initial=0.0)))


def _largest(of: Floats) -> float:
    return float(np.abs(of).max(initial=0.0))
