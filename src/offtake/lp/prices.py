"""Prices of limits: what one more unit of a limit is worth, with sign, unit and meaning fixed once.

The price of a limit is ``d objective / d limit``. For a maximum, one more unit of a binding upper limit is worth >= 0 and of
a binding lower limit (an obligation) <= 0. A program's objective counts a period's money times its discount factor, its
path's probability and the period's length; :func:`unit_price` divides by them, so that a price reads in money of its own
date per unit and year (``USD/MW-year``).

Where an optimum is degenerate the price is one-sided: the value of one more unit differs from the loss of one less.
:func:`one_sided` finds both by small re-solves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

import numpy as np

from offtake.errors import SolverError
from offtake.lp.solution import Status

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from offtake.lp.blocks import ColumnBlock, RowBlock
    from offtake.lp.build import LpArrays
    from offtake.lp.highs import Solver
    from offtake.lp.solution import Solution
    from offtake.lp.sparse import Floats

    Side = Literal["lower", "upper"]

_AT_LIMIT = 1e-6  # relative to max(1, |limit|), the certificate's tolerance
_NO_PRICE = 1e-9  # relative to the block's largest price
_SAME_SLOPE = 1e-6
_ROUNDING = 1e-9  # of an objective, relative
_SHORTEST = 1e-5  # step, relative to max(1, |limit|): well above the solver's feasibility tolerance of 1e-7


class Binding(IntEnum):
    """How a limit stands at the optimum."""

    ABSENT = 0  # masked out, or no limit on either side
    SLACK = 1  # not reached
    BINDING = 2  # reached, with a price
    TOUCHING = 3  # reached at no price: degenerate, ask for one-sided prices
    CLOSED = 4  # nothing could be had or decided: the price is formal only


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitPrices:
    """Prices of one block, in its shape.

    Parameters
    ----------
    price : float64[axes]       d objective / d limit, divided by the weight; 0 where not reached
    binding : int8[axes]        a :class:`Binding` each
    value : float64[axes]       the limited quantity at the optimum; 0 where masked out
    slack : float64[axes]       distance to the nearest side; inf where there is none
    """

    price: Floats
    binding: NDArray[np.int8]
    value: Floats
    slack: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class SidedPrice:
    """The two prices of one limit, as slopes: infinite on a side where the program is infeasible.

    Parameters
    ----------
    loss : float    left slope, the value of the last unit: what one unit less of the limit would cost
    gain : float    right slope, the value of the next unit: what one unit more would bring
    """

    loss: float
    gain: float

    @property
    def degenerate(self) -> bool:
        """Whether the two differ, so that no single price is true."""
        return not math.isclose(self.loss, self.gain, rel_tol=_SAME_SLOPE, abs_tol=_SAME_SLOPE)


def row_prices(
    block: RowBlock, arrays: LpArrays, solution: Solution, *, weight: ArrayLike = 1.0, closed: ArrayLike = False
) -> LimitPrices:
    """Price the limits of a row block.

    Parameters
    ----------
    block : RowBlock
    arrays : LpArrays           the program as solved, ``Solver.arrays``: its limits count, not the block's first ones
    solution : Solution         of a linear program
    weight : float64[axes]      discount factor x probability x years that the objective applies to a unit; broadcast
    closed : bool[axes]         where nothing could be had yet, so that a price would be formal only; broadcast
    """
    const = block.expr.const
    lower = block.take(arrays.row_lower, -np.inf) + const
    upper = block.take(arrays.row_upper, np.inf) + const
    value = np.where(block.index >= 0, block.take(arrays.activity(solution.x)) + const, 0.0)
    price = block.take(_priced(solution).row_price)
    return _limit_prices(price, value, (lower, upper), weight, np.asarray(closed, dtype=np.bool_))


def bound_prices(
    block: ColumnBlock, arrays: LpArrays, solution: Solution, *, weight: ArrayLike = 1.0, closed: ArrayLike = False
) -> LimitPrices:
    """Price the bounds of a column block, as :func:`row_prices`; a column held at one value counts as closed."""
    lower = block.take(arrays.col_lower, -np.inf)
    upper = block.take(arrays.col_upper, np.inf)
    price = block.take(_priced(solution).column_price)
    held = np.asarray(closed, dtype=np.bool_) | (lower == upper)
    return _limit_prices(price, block.take(solution.x), (lower, upper), weight, held)


def unit_price(
    price: Floats, *, discount: ArrayLike = 1.0, probability: ArrayLike = 1.0, years: ArrayLike = 1.0
) -> Floats:
    """Turn an objective's price into money of its own date, per unit and year.

    Parameters
    ----------
    price : float64[…] [objective per unit]
    discount : float64[…] [frac]        discount factor of the date
    probability : float64[…] [frac]     probability of the path
    years : float64[…] [year]           length of the period

    Examples
    --------
    A limit of a half-year at a discount factor of 0.8 that adds 2 to the objective per MW is worth 5 per MW-year then.

    >>> float(unit_price(np.array(2.0), discount=0.8, years=0.5))
    5.0
    """
    weight = np.asarray(discount, dtype=np.float64) * np.asarray(probability) * np.asarray(years)
    return np.asarray(price / weight)


def one_sided(
    solver: Solver, number: int, *, of: Literal["row", "column"] = "row", side: Side = "upper", step: float = 1e-2
) -> SidedPrice:
    """Find what one unit less and one unit more of a limit are worth, by two or more small warm solves.

    The optimum is piecewise linear in the limit. A step is short enough when the price at its far end explains the
    change along it; that price is then the slope, free of cancellation. The solver is left as it was, on its basis.

    Parameters
    ----------
    solver : Solver       just solved to optimality, as a linear program
    number : int          row or column number
    of : str              whether `number` is of a row or a column
    side : str            which limit moves; both move where they are equal
    step : float          first step tried, in the limit's own unit; shortened tenfold until it fits
    """
    limit = _Limit(solver=solver, number=number, of=of, side=side)
    base = solver.solve(method="dual simplex")
    if base.status is not Status.OPTIMAL or base.basis is None:
        msg = f"one-sided prices need a solved linear program; this one ended {base.status}"
        raise SolverError(msg)
    try:
        return SidedPrice(loss=limit.slope(base, -step), gain=limit.slope(base, step))
    finally:
        limit.shift(0.0)
        solver.set_basis(base.basis)


@dataclass(slots=True, kw_only=True)
class _Limit:
    """One limit of a live solver that can be moved and put back."""

    solver: Solver
    number: int
    of: str
    side: Side
    lower: float = 0.0
    upper: float = 0.0

    def __post_init__(self) -> None:
        arrays = self.solver.arrays
        low, high = (arrays.row_lower, arrays.row_upper) if self.of == "row" else (arrays.col_lower, arrays.col_upper)
        self.lower, self.upper = float(low[self.number]), float(high[self.number])
        if not math.isfinite(self.upper if self.side == "upper" else self.lower):
            msg = f"{self.of} {self.number} has no {self.side} limit to move"
            raise ValueError(msg)

    def shift(self, by: float) -> None:
        """Put the limit at its first place plus `by`."""
        both = self.lower == self.upper
        low = self.lower + (by if both or self.side == "lower" else 0.0)
        high = self.upper + (by if both or self.side == "upper" else 0.0)
        put = self.solver.set_row_bounds if self.of == "row" else self.solver.set_col_bounds
        put(np.array([self.number]), lower=low, upper=high)

    def slope(self, base: Solution, step: float) -> float:
        """Slope of the optimum from here towards `step`."""
        worst = -math.inf if self.solver.arrays.maximise else math.inf
        slope = math.nan
        shortest = _SHORTEST * max(1.0, abs(self.upper if self.side == "upper" else self.lower))
        step = math.copysign(max(abs(step), shortest), step)
        while abs(step) >= shortest:
            self.shift(step)
            moved = self.solver.solve(method="dual simplex")
            if moved.status is Status.INFEASIBLE:
                slope = math.copysign(1.0, step) * worst
            elif moved.status is Status.OPTIMAL:
                prices = moved.row_price if self.of == "row" else moved.column_price
                slope = float(prices[self.number])
                change = moved.objective - base.objective
                exact = _ROUNDING * max(1.0, abs(base.objective))
                if abs(change - slope * step) <= max(exact, _SAME_SLOPE * abs(change)):
                    return slope
            step /= 10.0
        return slope


def _priced(solution: Solution) -> Solution:
    if not solution.priced:
        msg = f"a {solution.method} solve that ended {solution.status} has no prices; fix the integers and solve again"
        raise SolverError(msg)
    return solution


def _limit_prices(
    price: Floats, value: Floats, sides: tuple[Floats, Floats], weight: ArrayLike, closed: NDArray[np.bool_]
) -> LimitPrices:
    """Classify each limit of a block, then divide the prices by the weight."""
    lower, upper = sides
    below, above = np.abs(value - lower), np.abs(upper - value)
    slack = np.minimum(below, above)
    size = np.maximum(1.0, np.where(below <= above, np.abs(lower), np.abs(upper)))
    reached = slack <= _AT_LIMIT * size
    priced = np.abs(price) > _NO_PRICE * np.abs(price).max(initial=0.0)
    limited = np.isfinite(lower) | np.isfinite(upper)
    binding = np.select(
        [~limited, ~reached, np.broadcast_to(closed, price.shape), priced],
        [Binding.ABSENT, Binding.SLACK, Binding.CLOSED, Binding.BINDING],
        Binding.TOUCHING,
    )
    return LimitPrices(
        price=np.where(reached, price, 0.0) / np.asarray(weight, dtype=np.float64),
        binding=binding.astype(np.int8),
        value=value,
        slack=slack,
    )
