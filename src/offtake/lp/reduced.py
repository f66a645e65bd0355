"""Write a linear program smaller before it is solved, and its values back afterwards: reductions that change no optimum.

A solver's own presolve looks at single rows and columns.  Plans have more to offer: a chip can be used in two ways, all chips of a site
share its power, and with the first stage held much has no room at all.  Each step below writes the program as one with the same optimum;
:meth:`Reduced.restored` takes values of the small program to the large one.  One pass is made, in this order, each step over the whole
program at once:

* held: a column of one value is a number;
* no room: a row whose sum of columns from 0 up may not exceed 0 holds them all at 0;
* one column: a row of one column is a bound of it;
* two uses: where two columns a and b from 0 up alone draw on a limit, ``a + b <= u`` or ``a + b <= other columns``, they are written as
  their sum r and ``0 <= a <= r``.  Where exchanging b for a does the same in several such pairs, only the total t of the a's counts,
  ``0 <= t <= sum of r``: half the columns, and the limits may become bounds;
* filled in order: where columns share a limit, and moving a unit of it from one to the next loosens no row and gains nothing, for all of
  them in one order, the first is filled before the next begins.  What each may then hold is a bound, and the limit falls away;
* two in an equation: ``a x + b y = c`` gives y;
* free: a column without bounds in an equation and one other row is given by the equation.

Tests of equal numbers are to twelve digits, so optima agree to about as many.  The steps are of this package's own making, except the last
two and that of one column, for which see E. D. Andersen and K. D. Andersen, Presolving in linear programming, Mathematical Programming 71
(1995) 221–245.

Examples
--------
Two chips train or serve at one site of 3 MW; the second does twice the work:

>>> from offtake.lp.model import Model
>>> m = Model()
>>> use = m.columns("use", axes=(("way", ("train", "serve")), ("chip", ("a", "b"))))
>>> _ = m.rows("chips", use.sum(0), upper=2.0, axes=(("chip", ("a", "b")),))
>>> _ = m.rows("power", use.sum(), upper=3.0)
>>> done = (use * [1.0, 2.0]).sum(1)
>>> _ = m.rows("asked", done[0], lower=1.5)
>>> m.set_objective(done[1] * 10.0 - use.sum())
>>> program = m.build()
>>> small = reduced(program)
>>> program, small.arrays
(LpArrays(4 rows, 4 columns (0 whole), 10 nonzeros), LpArrays(1 rows, 3 columns (0 whole), 3 nonzeros))
>>> found = solved(program)
>>> round(found.objective, 9), round(float(program.cost @ found.x), 9)
(32.0, 32.0)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.highs import Solver
from offtake.lp.reducing import NO_ROOM, Program, free, held, no_room, one_column, two_in_an_equation
from offtake.lp.solution import Status
from offtake.lp.uses import filled, two_uses

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.highs import Method, Pricing
    from offtake.lp.reducing import Undo
    from offtake.lp.solution import Solution
    from offtake.lp.sparse import Floats, Ints

__all__ = ["Reduced", "reduced", "solved"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """A smaller program with the same optimum.

    Parameters
    ----------
    arrays : LpArrays         its constant carries what was taken out
    whole : LpArrays          the program as it was written
    columns : int64[column]   numbers in the whole program
    undo : tuple of Undo      how the steps write their columns' values back, in the order of the steps
    """

    arrays: LpArrays
    whole: LpArrays
    columns: Ints
    undo: tuple[Undo, ...]

    def restored(self, x: Floats) -> Floats:
        """Return the values of the whole program's columns from those of the small one's."""
        out = np.zeros(self.whole.columns)
        out[self.columns] = x
        for undo in reversed(self.undo):
            undo(out)
        return out

    def prices(self, row_price: Floats) -> tuple[Floats, Floats]:
        """Return the prices of the whole program's rows and columns from those of the small one's rows, if it was made for that."""
        rows = row_price[: self.whole.rows]
        return rows, self.whole.cost - self.whole.column_prices(rows)


def reduced(arrays: LpArrays, *, prices: bool = False, path_of_column: Ints | None = None) -> Reduced | None:
    """Write a program smaller; None where its limits contradict each other already, which a solver is to say.

    Columns that must be whole keep a program from all steps but the first two.

    Parameters
    ----------
    arrays : LpArrays
    prices : bool         take only the steps "held" and "two uses", which leave all rows as they are, so that their prices are known too
    path_of_column : int64[column], optional     with prices: -1 = shared; rows still read columns of one path and shared ones afterwards
    """
    p = Program.of(arrays)
    undo = [held(p)]
    if prices and not arrays.integer.any():
        undo.append(two_uses(p, path_of_column))
    elif not prices:
        undo += _every_step(p, integer=bool(arrays.integer.any()))
        empty = p.rows & (p.count_rows() == 0)
        p.drop_rows(empty)
        if (p.row_lower[empty] > NO_ROOM).any() or (p.row_upper[empty] < -NO_ROOM).any():
            return None
    if (p.row_lower > p.row_upper)[p.rows].any() or (p.col_lower > p.col_upper).any():
        return None
    return Reduced(
        arrays=p.arrays(arrays.integer),
        whole=arrays,
        columns=np.flatnonzero(p.columns),
        undo=tuple(step for step in undo if step is not None),
    )


def _every_step(p: Program, *, integer: bool) -> list[Undo | None]:
    """Take the steps after the first and return how each is undone."""
    no_room(p)
    if integer:
        return []
    one_column(p)
    uses = two_uses(p)
    one_column(p)  # what limited two uses may bound their sum
    filled(p)
    return [uses, two_in_an_equation(p), free(p)]


def solved(
    arrays: LpArrays,
    *,
    prices: bool = False,
    method: Method = "auto",
    pricing: Pricing = "auto",
    plain: bool = True,
    presolve: bool = True,
) -> Solution:
    """Make a program small, solve it from nothing, and return values of the whole program, and prices where they are asked for.

    Where that finds no optimum, the program is solved as it is written, so that it is the solver that says why.

    Parameters
    ----------
    arrays : LpArrays
    prices : bool                            as :func:`reduced` takes it
    method : str                             as ``Solver.solve`` takes it
    pricing, plain, presolve : str, bool     as ``Solver`` takes them; what is small is quickest plain, with "devex" and without presolve
                                             (docs/explanation/large-problems.md)
    """
    small, none = reduced(arrays, prices=prices), np.zeros(0)
    if small is not None:
        found = Solver(small.arrays, pricing=pricing, plain=plain, presolve=presolve).solve(method=method)
        if found.status is Status.OPTIMAL:
            rows, columns = small.prices(found.row_price) if prices and len(found.row_price) else (none, none)
            return replace(found, x=small.restored(found.x), row_price=rows, column_price=columns, basis=None)
    found = Solver(arrays).solve(method=method)
    if prices:
        return found
    return replace(found, row_price=none, column_price=none, basis=None)
