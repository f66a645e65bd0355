"""What a solve returns: status, values, prices, bound and gap; plain data that knows no solver."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from offtake.lp.sparse import Floats, Ints


class Status(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"  # proved, to the solver's tolerances
    GAP_REACHED = "gap_reached"  # proved within the gap asked for
    INTERRUPTED = "interrupted"  # stopped on request; the best plan so far, if one was found
    TIME_LIMIT = "time_limit"  # stopped by the time limit; likewise
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    ERROR = "error"

    @property
    def solved(self) -> bool:
        """Whether the answer is proved to be as good as was asked for."""
        return self in (Status.OPTIMAL, Status.GAP_REACHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveEvent:
    """Where a running integer solve stands; numbers are NaN until known.

    Parameters
    ----------
    bound : float        no plan can be better than this
    incumbent : float    objective of the best plan so far
    gap : float          |bound - incumbent| / |incumbent|, a fraction
    nodes : int          branch-and-bound nodes so far
    seconds : float      since the solve began
    """

    bound: float
    incumbent: float
    gap: float
    nodes: int
    seconds: float


SolveCallback: TypeAlias = "Callable[[SolveEvent], None]"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """A simplex basis, opaque: what :meth:`Solver.set_basis` takes back."""

    columns: int
    rows: int
    data: object = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The outcome of one solve.

    Parameters
    ----------
    status : Status
    x : float64[column]           column values; empty when no plan was found
    row_price : float64[row]      d objective / d limit of each row, in the objective's own sense: for a maximum, >= 0 on a
                                  binding upper limit and <= 0 on a binding lower one; empty for integer programs
    column_price : float64[column]   the same for the columns' bounds (reduced costs); empty for integer programs
    objective : float             NaN when no plan was found
    bound : float                 proved bound on any plan's objective
    gap : float                   |bound - objective| / |objective|, a fraction; 0 when they are equal
    integer : bool                whether whole numbers were asked for
    method : str                  "mip", "dual simplex", "primal simplex" or "interior point"
    warm : bool                   started from the basis of an earlier solve
    iterations, nodes : int
    seconds : float               wall-clock time; belongs in timings only
    basis : Basis or None         final basis of a linear program
    """

    status: Status
    x: Floats
    row_price: Floats
    column_price: Floats
    objective: float
    bound: float
    gap: float
    integer: bool
    method: str
    warm: bool
    iterations: int
    nodes: int
    seconds: float
    basis: Basis | None

    @property
    def found(self) -> bool:
        """Whether there are column values."""
        return len(self.x) > 0

    @property
    def priced(self) -> bool:
        """Whether there are prices."""
        return len(self.row_price) > 0 or len(self.column_price) > 0

    def __repr__(self) -> str:
        """Show status, objective and gap."""
        gap = f", gap {self.gap:.3%}" if self.integer else ""
        return (
            f"Solution({self.status}, objective {self.objective:.8g}{gap}, {self.method}, {self.iterations} iterations)"
        )


def stopped(
    status: Status,
    x: Floats,
    *,
    objective: float,
    bound: float,
    method: str,
    iterations: int = 0,
    nodes: int = 0,
    seconds: float,
) -> Solution:
    """Return the outcome of a solve that was stopped: the best plan so far, if there is one, without prices.

    Parameters
    ----------
    x : float64[column]     empty where no plan was found, and then objective is NaN
    """
    none = np.zeros(0)
    return Solution(
        status=status,
        x=x,
        row_price=none,
        column_price=none,
        objective=objective,
        bound=bound,
        gap=relative_gap(bound, objective),
        integer=method == "mip",
        method=method,
        warm=False,
        iterations=iterations,
        nodes=nodes,
        seconds=seconds,
        basis=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conflict:
    """A smallest set of limits that cannot hold together: without any one of them the rest can.

    Parameters
    ----------
    rows, columns : int64[…]                  row limits and column bounds in the set
    row_sides, column_sides : tuple of str    "lower", "upper" or "both": which side takes part
    whole_numbers : bool                      True where the limits conflict only because columns must be whole;
                                              then no smaller set was sought and the lists are empty
    """

    rows: Ints
    row_sides: tuple[str, ...]
    columns: Ints
    column_sides: tuple[str, ...]
    whole_numbers: bool


def relative_gap(bound: float, objective: float) -> float:
    """Return ``|bound - objective| / |objective|``; 0 where they are equal, NaN where one is not known.

    Examples
    --------
    >>> relative_gap(102.0, 100.0)
    0.02
    """
    difference = abs(bound - objective)
    if difference == 0.0:
        return 0.0
    return difference / abs(objective) if objective else math.copysign(math.inf, difference)
