"""One live HiGHS object: solve, change in place, solve again from where it stood. The only module that imports highspy.

A solve runs in a worker thread without the interpreter's lock while the caller's thread waits in short steps, so Ctrl-C,
an interrupt event and a time limit are noticed at once; progress is delivered in the caller's thread. HiGHS looks for an
interrupt only between certain steps. Where it takes longer than `grace_s`, the caller gets the best plan so far and this
object continues on a fresh HiGHS, while the old one runs out in the background.

Policy for linear programs (benchmarks/lp_solve.py, docs/explanation/large-problems.md): large and cold, interior point with crossover
(exact vertex prices), from some million entries on the one that factorises (HiPO); small and cold, or with changed limits or bounds from
the last basis, dual simplex; changed objective, primal simplex from it unless large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import highspy
import numpy as np

from offtake.errors import SolverError
from offtake.lp.running import Run, finite
from offtake.lp.solution import Basis, Conflict, Solution, Status, relative_gap, stopped

if TYPE_CHECKING:
    import threading

    from numpy.typing import ArrayLike, NDArray

    from offtake.lp.build import LpArrays, RowArrays
    from offtake.lp.solution import SolveCallback
    from offtake.lp.sparse import Floats, Ints
    from offtake.lp.standard import Equations

Method = Literal["auto", "interior point", "dual simplex", "primal simplex", "hipo"]
Pricing = Literal["auto", "dantzig", "devex"]

_LARGE_NONZEROS = (
    200_000  # from here on a cold interior point beats a cold dual simplex: at 66,000 it took twice as long
)
_HUGE_NONZEROS = 150_000  # from here on it beats a warm primal simplex too: 6.1 s against 6.8 s at 215,000
_HIPO_NONZEROS = 3_000_000  # below, HiPO won once (64 s against 84) and lost twice (55 against 20, 33 against 13)
_WATCHED_NONZEROS = (
    100_000  # a smaller linear program ends before a stop is due; being called in it costs time while others compute
)
_OPTIMAL_GAP = 1e-9
_FEASIBILITY = 1e-7  # HiGHS's own
_SUB_MIPS = (
    "mip_heuristic_run_rins",
    "mip_heuristic_run_rens",
    "mip_heuristic_run_root_reduced_cost",
    "mip_heuristic_run_feasibility_jump",
)
_FEASIBLE = 2  # HiGHS kSolutionStatusFeasible
_IIS_IRREDUCIBLE_FROM_LP = 2 + 4  # kIisStrategyFromLp + kIisStrategyIrreducible
_SIDES = {2: "lower", 3: "upper", 4: "both"}  # IisBoundStatus
_OPTIONS: dict[str, tuple[str, int]] = {
    "dual simplex": ("simplex", 1),
    "primal simplex": ("simplex", 4),
    "interior point": ("ipx", 1),
    "hipo": ("hipo", 1),
}
_PRICING = {"auto": -1, "dantzig": 0, "devex": 1}
_NONE: Floats = np.zeros(0)
_STOPPED = (Status.INTERRUPTED, Status.TIME_LIMIT)
_Highs: Any = highspy.Highs  # its stub leaves the constructor untyped
_CALLS = highspy.cb.HighsCallbackType
_WATCHED = (
    _CALLS.kCallbackMipInterrupt,
    _CALLS.kCallbackSimplexInterrupt,
    _CALLS.kCallbackIpmInterrupt,
    _CALLS.kCallbackMipImprovingSolution,
)
_STANDS = {int(status): status for status in highspy.HighsBasisStatus.__members__.values()}
_STATUS = {
    "kOptimal": Status.OPTIMAL,
    "kModelEmpty": Status.OPTIMAL,
    "kInfeasible": Status.INFEASIBLE,
    "kUnbounded": Status.UNBOUNDED,
    "kInterrupt": Status.INTERRUPTED,
    "kHighsInterrupt": Status.INTERRUPTED,
}


def version() -> str:
    """Return the solver's name and version, such as ``HiGHS 1.15.1``."""
    return f"HiGHS {_Highs().version()}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vertex:
    """What a crossover found: statuses as :meth:`Solver.set_statuses` takes them, and prices of a minimum."""

    columns: Ints
    rows: Ints
    row_price: Floats
    iterations: int


def vertex(equations: Equations, x: Floats, y: Floats) -> Vertex | None:
    """Move from a point near the optimum to a vertex; None where that fails.

    Parameters
    ----------
    equations : Equations
    x, y : float64[column], float64[row]     values and prices; each column is taken to be at a bound or to have no price of its own,
                                             whichever is nearer
    """
    lower, upper = equations.lower, equations.upper
    price = equations.cost - equations.matrix.T @ y
    x = np.clip(x, lower, upper)
    low = np.isfinite(lower) & (price > 0.0) & (x - lower < price)
    high = np.isfinite(upper) & (price < 0.0) & (upper - x < -price)
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(x), len(y)
    program.col_cost_, program.col_lower_, program.col_upper_ = equations.cost, lower, upper
    program.row_lower_ = program.row_upper_ = equations.right
    by_column = equations.matrix.tocsc()
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = by_column.indptr, by_column.indices
    program.a_matrix_.value_ = by_column.data
    point = highspy.HighsSolution()
    point.col_value = np.where(low, lower, np.where(high, upper, x)).tolist()
    point.row_value = equations.right.tolist()
    point.col_dual, point.row_dual = np.where(low | high, price, 0.0).tolist(), y.tolist()
    point.value_valid = point.dual_valid = True
    _scheduler()
    highs = _Highs()
    highs.silent()
    highs.passModel(program)
    if highs.crossover(point) == highspy.HighsStatus.kError or not highs.getBasis().valid:
        return None
    basis = highs.getBasis()
    return Vertex(
        columns=np.array([int(status) for status in basis.col_status], dtype=np.int64),
        rows=np.array([int(status) for status in basis.row_status], dtype=np.int64),
        row_price=np.array(highs.getSolution().row_dual, dtype=np.float64),
        iterations=max(int(highs.getInfo().crossover_iteration_count), 0),
    )


def _scheduler() -> None:
    """Let HiGHS start its scheduler, as any solve or presolve does; a crossover that comes first reads one that is not there."""
    highs = _Highs()
    highs.silent()
    highs.addVar(0.0, 1.0)
    highs.presolve()


class Solver:
    """Hold one program in HiGHS; solve it, change it in place, solve it again.

    Parameters
    ----------
    arrays : LpArrays       the program; :attr:`arrays` follows every later change
    threads : int           fixed, so that the same program takes the same course on every machine
    seed : int              HiGHS's random seed
    grace_s : float [s]     how long to wait for HiGHS after a stop before going on without it
    pricing : str           how the dual simplex ranks rows; "auto" leaves it to HiGHS in cold solves and is "devex" in warm ones,
                            "dantzig" is the quickest below a few thousand rows
    plain : bool            take the program as it is written, neither scaled nor its costs perturbed: quicker by a twentieth to a quarter
                            below ten thousand columns where units keep entries near 1 (docs/explanation/large-problems.md)
    perturbed : bool        False: costs are taken as they are, quicker by a tenth where a basis near the optimum is given
    presolve : bool         False where the program has been made small already (offtake.lp.reduced)

    Examples
    --------
    >>> from offtake.lp.model import Model
    >>> m = Model()
    >>> lots = m.columns("lots", axes=(("chip", ("a", "b")),), upper=[20.0, 40.0])
    >>> power = m.rows("power", (lots * [1.0, 2.0]).sum(), upper=50.0, unit="MW")
    >>> m.set_objective((lots * [3.0, 5.0]).sum())
    >>> solver = Solver(m.build())
    >>> solution = solver.solve()
    >>> solution.objective, solution.x.tolist(), solution.row_price.tolist()    # one more MW: half a lot of b
    (135.0, [20.0, 15.0], [2.5])
    >>> solver.set_row_bounds(power.numbers, upper=power.side(51.0))
    >>> solver.solve().objective
    137.5
    """

    def __init__(
        self,
        arrays: LpArrays,
        *,
        threads: int = 1,
        seed: int = 0,
        grace_s: float = 1.5,
        pricing: Pricing = "auto",
        plain: bool = False,
        perturbed: bool = True,
        presolve: bool = True,
    ) -> None:
        """Hand the program over."""
        self._plain, self._perturbed = plain, perturbed and not plain
        self._presolve = "choose" if presolve else "off"
        self._pricing = pricing
        self._threads = threads
        self._seed = seed
        self._grace_s = grace_s
        self._arrays = arrays
        self._before_fixing: LpArrays | None = None
        self._feasibility = _FEASIBILITY
        self._load()

    # -- state --------------------------------------------------------------------------------------------------

    @property
    def arrays(self) -> LpArrays:
        """The program as it now stands, kept here and not read back from HiGHS."""
        return self._arrays

    @property
    def has_basis(self) -> bool:
        """Whether the next linear solve starts from a basis: the last one had an optimum, or one was given."""
        return self._has_basis

    def _load(self) -> None:
        """Give the present arrays to a fresh HiGHS."""
        a = self._arrays
        self._highs: Any = _Highs()
        options: dict[str, bool | int | float | str] = {
            "output_flag": False,
            "threads": self._threads,
            "random_seed": self._seed,
            "primal_feasibility_tolerance": self._feasibility,
            "presolve": self._presolve,
        }
        if self._plain:
            options["simplex_scale_strategy"] = 0
        if not self._perturbed:
            options["dual_simplex_cost_perturbation_multiplier"] = 0.0
        for name, value in options.items():
            self._highs.setOptionValue(name, value)
        sense = highspy.ObjSense.kMaximize if a.maximise else highspy.ObjSense.kMinimize
        self._check(
            self._highs.passModel(
                a.columns,
                a.rows,
                a.nonzeros,
                int(highspy.MatrixFormat.kColwise),
                int(sense),
                a.offset,
                a.cost,
                a.col_lower,
                a.col_upper,
                a.row_lower,
                a.row_upper,
                a.start.astype(np.int32),
                a.index.astype(np.int32),
                a.value,
                a.integer.astype(np.int32),
            ),
            "take the program",
        )
        self._has_basis = False
        self._by_interior_point = False
        self._costs_changed = False

    def _check(self, status: Any, deed: str) -> None:  # noqa: ANN401 - highspy is untyped
        if status == highspy.HighsStatus.kError:
            msg = f"HiGHS did not {deed}"
            raise SolverError(msg)

    # -- changes in place ---------------------------------------------------------------------------------------

    def set_row_bounds(self, rows: Ints, *, lower: ArrayLike | None = None, upper: ArrayLike | None = None) -> None:
        """Change the limits of some rows; a side that is not given stays."""
        rows = _numbers(rows)
        lo, hi = _merged(self._arrays.row_lower, rows, lower), _merged(self._arrays.row_upper, rows, upper)
        self._check(self._highs.changeRowsBounds(len(rows), _small(rows), lo[rows], hi[rows]), "change row bounds")
        self._arrays = replace(self._arrays, row_lower=lo, row_upper=hi)

    def set_col_bounds(self, columns: Ints, *, lower: ArrayLike | None = None, upper: ArrayLike | None = None) -> None:
        """Change the bounds of some columns; a side that is not given stays."""
        columns = _numbers(columns)
        lo, hi = _merged(self._arrays.col_lower, columns, lower), _merged(self._arrays.col_upper, columns, upper)
        status = self._highs.changeColsBounds(len(columns), _small(columns), lo[columns], hi[columns])
        self._check(status, "change column bounds")
        self._arrays = replace(self._arrays, col_lower=lo, col_upper=hi)

    def set_costs(self, cost: Floats, *, offset: float = 0.0, maximise: bool | None = None) -> None:
        """Replace the whole objective, as given by ``Model.costs(expr)``."""
        cost = np.array(cost, dtype=np.float64)
        everything = np.arange(self._arrays.columns, dtype=np.int32)
        self._check(self._highs.changeColsCost(len(cost), everything, cost), "change costs")
        self._check(self._highs.changeObjectiveOffset(offset), "change the objective's constant")
        up = self._arrays.maximise if maximise is None else maximise
        sense = highspy.ObjSense.kMaximize if up else highspy.ObjSense.kMinimize
        self._check(self._highs.changeObjectiveSense(sense), "change the objective's sense")
        self._arrays = replace(self._arrays, cost=cost, offset=offset, maximise=up)
        self._costs_changed = True

    def set_coeffs(self, rows: Ints, columns: Ints, values: Floats) -> None:
        """Set single matrix entries, existing or new."""
        rows, columns, values = _numbers(rows), _numbers(columns), np.asarray(values, dtype=np.float64)
        for i, j, v in zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True):
            self._check(self._highs.changeCoeff(i, j, v), "change a coefficient")
        self._arrays = self._arrays.with_coefficients(rows, columns, values)

    def set_integrality(self, columns: Ints, *, integer: ArrayLike) -> None:
        """Say which of some columns must be whole."""
        columns = _numbers(columns)
        whole = np.array(self._arrays.integer)
        whole[columns] = integer
        kinds = whole[columns].astype(np.uint8)
        self._check(self._highs.changeColsIntegrality(len(columns), _small(columns), kinds), "change integrality")
        self._arrays = replace(self._arrays, integer=whole)

    def add_rows(self, new: RowArrays) -> Ints:
        """Append rows, as given by ``Model.rows_since(first)``; return their numbers."""
        first = self._arrays.rows
        starts = _small(new.start[:-1])
        status = self._highs.addRows(
            new.rows, new.lower, new.upper, len(new.value), starts, _small(new.index), new.value
        )
        self._check(status, "add rows")
        self._arrays = self._arrays.with_rows(new)
        return np.arange(first, first + new.rows, dtype=np.int64)

    def add_columns(self, lower: Floats, upper: Floats, cost: Floats, *, integer: ArrayLike = False) -> Ints:
        """Append columns that stand in no row yet; return their numbers."""
        first, count = self._arrays.columns, len(cost)
        none = np.zeros(0)
        status = self._highs.addCols(
            count, cost, lower, upper, 0, np.zeros(count, dtype=np.int32), none.astype(np.int32), none
        )
        self._check(status, "add columns")
        whole = np.broadcast_to(np.asarray(integer, dtype=np.bool_), (count,))
        numbers = np.arange(first, first + count, dtype=np.int64)
        self._arrays = self._arrays.with_columns(lower, upper, cost, np.zeros(count, dtype=np.bool_))
        if whole.any():
            self.set_integrality(numbers, integer=whole)
        return numbers

    def fix_integers(self, x: Floats, *, columns: Ints | None = None) -> None:
        """Hold whole columns at their values in x and let no column be whole: a linear program with prices.

        Parameters
        ----------
        x : float64[column]             a plan; the values are rounded
        columns : int64[…], optional    only these are held (say the yes/no ones), the other whole columns are freed
        """
        whole = np.flatnonzero(self._arrays.integer)
        held = whole if columns is None else np.intersect1d(_numbers(columns), whole)
        before = self._before_fixing or self._arrays
        value = np.round(x[held])
        self.set_col_bounds(held, lower=value, upper=value)
        self.set_integrality(whole, integer=False)
        self._before_fixing = before

    def release_integers(self) -> None:
        """Undo :meth:`fix_integers`: bounds and whole columns as they were; other changes stay."""
        before = self._before_fixing
        if before is None:
            return
        whole = np.flatnonzero(before.integer)
        self.set_col_bounds(whole, lower=before.col_lower[whole], upper=before.col_upper[whole])
        self.set_integrality(whole, integer=True)
        self._before_fixing = None

    def get_basis(self) -> Basis:
        """Return the present basis, to come back to."""
        return Basis(columns=self._arrays.columns, rows=self._arrays.rows, data=self._highs.getBasis())

    def set_basis(self, basis: Basis) -> None:
        """Start the next linear solve from a basis of a program of this size."""
        if (basis.columns, basis.rows) != (self._arrays.columns, self._arrays.rows):
            msg = f"the basis is of {basis.rows} x {basis.columns}, the program {self._arrays!r}"
            raise ValueError(msg)
        self._check(self._highs.setBasis(basis.data), "take the basis")
        self._has_basis = True

    def set_statuses(self, columns: Ints, rows: Ints) -> None:
        """Start the next linear solve from what is basic (1) and at which end the rest stands (0 lower, 2 upper, 3 free)."""
        basis = highspy.HighsBasis()
        basis.col_status = [_STANDS[number] for number in columns.tolist()]
        basis.row_status = [_STANDS[number] for number in rows.tolist()]
        basis.valid = True
        self.set_basis(Basis(columns=self._arrays.columns, rows=self._arrays.rows, data=basis))

    def set_start(self, x: Floats) -> None:
        """Offer a plan to start the next integer solve from."""
        start = highspy.HighsSolution()
        start.col_value = np.asarray(x, dtype=np.float64).tolist()
        self._check(self._highs.setSolution(start), "take the starting plan")

    def set_feasibility(self, tolerance: float) -> None:
        """Let linear solves miss a row or a bound by no more than this, in units of the row."""
        self._feasibility = tolerance
        self._highs.setOptionValue("primal_feasibility_tolerance", tolerance)

    def forget(self) -> None:
        """Drop basis and values: the next solve is a cold one."""
        self._highs.clearSolver()
        self._has_basis = False

    # -- solving ------------------------------------------------------------------------------------------------

    def solve(
        self,
        *,
        gap: float = 0.005,
        time_limit: float | None = None,
        callback: SolveCallback | None = None,
        interrupt: threading.Event | None = None,
        method: Method = "auto",
        started: bool = False,
    ) -> Solution:
        """Solve the program as it stands; never raises for want of an answer, see ``Solution.status``.

        Parameters
        ----------
        gap : float                    relative gap at which an integer solve may stop, a fraction
        time_limit : float [s]         none by default: a clock makes answers depend on the machine
        callback : called with a SolveEvent in this thread, at each news and twice a second, at most 20 times
        interrupt : threading.Event    set it to stop; Ctrl-C in the main thread does the same
        method : str                   "auto" applies the policy of this module; integer programs ignore it
        started : bool                 a good start was given: HiGHS's heuristics that solve smaller integer programs and its
                                       restarts are skipped, which then take most of the time and find little (on the alliance
                                       12.3 s against 1.2 s to the same gap)
        """
        integer = bool(self._arrays.integer.any())
        name = "mip" if integer else self._method(method)
        warm = not integer and self._has_basis and name in ("dual simplex", "primal simplex")
        if not (warm or integer):
            self._highs.clearSolver()
        elif warm and self._by_interior_point:
            self.set_basis(self._fresh_basis())
        self._highs.setOptionValue("mip_rel_gap", float(gap))
        for heuristic in _SUB_MIPS:
            self._highs.setOptionValue(heuristic, not started)
        self._highs.setOptionValue("mip_allow_restart", not started)
        run = Run(time_limit=time_limit, callback=callback, interrupt=interrupt)
        solution = self._solve_once(run, name, warm=warm)
        if not integer and solution.status is Status.ERROR:
            # A stale basis or an interior point that stalls: once more, cold, by a steadier method.
            for steadier in ("interior point", "dual simplex") if name == "hipo" else ("dual simplex",):
                self._highs.clearSolver()
                solution = self._solve_once(run.again(), steadier, warm=False)
                if solution.status is not Status.ERROR:
                    break
        self._has_basis = solution.basis is not None
        self._by_interior_point = solution.method in ("interior point", "hipo")
        self._costs_changed = self._costs_changed and not self._has_basis
        return solution

    def _solve_once(self, run: Run, method: str, *, warm: bool) -> Solution:
        """Run HiGHS once and read the answer."""
        solver, strategy = _OPTIONS.get(method, ("choose", 1))
        self._highs.setOptionValue("solver", solver)
        self._highs.setOptionValue("simplex_strategy", strategy)
        # The exact weights of a given basis cost a system to solve for each row, more than they save on the way from it.
        ranking = "devex" if warm and self._pricing == "auto" else self._pricing
        self._highs.setOptionValue("simplex_dual_edge_weight_strategy", _PRICING[ranking])
        self._highs.setCallback(run.heard, None)
        watched = method == "mip" or self._arrays.nonzeros >= _WATCHED_NONZEROS or run.stop_is_near
        for kind in _WATCHED:
            (self._highs.startCallback if watched else self._highs.stopCallback)(kind)
        if not self._ended(run):
            return self._unfinished(run, method)
        if self._highs.getModelStatus() == highspy.HighsModelStatus.kUnboundedOrInfeasible:
            self._highs.setOptionValue("presolve", "off")
            run = run.again()
            if not self._ended(run):
                return self._unfinished(run, method)
            self._highs.setOptionValue("presolve", self._presolve)
        return self._read(run, method, warm=warm)

    def _fresh_basis(self) -> Basis:
        """Return the basis of a crossover and forget what else it left: from that, the first warm solve takes three times as long."""
        basis = self.get_basis()
        self._highs.clearSolver()
        return basis

    def _ended(self, run: Run) -> bool:
        """Wait for HiGHS; where it does not end, or an error leaves the wait, go on with a fresh one."""
        ended = False
        try:
            ended = run.wait(self._highs, self._grace_s)
        finally:
            if not ended:
                self._load()
        return ended

    def _unfinished(self, run: Run, method: str) -> Solution:
        """Return the best plan seen in a run that HiGHS did not end in time."""
        x = _NONE if run.incumbent is None else run.incumbent
        objective = math.nan if run.incumbent is None else float(self._arrays.cost @ x) + self._arrays.offset
        bound = math.nan if run.event is None else run.event.bound
        return stopped(
            run.stop_status or Status.INTERRUPTED,
            x,
            objective=objective,
            bound=bound,
            method=method,
            nodes=0 if run.event is None else run.event.nodes,
            seconds=run.seconds,
        )

    def _read(self, run: Run, method: str, *, warm: bool) -> Solution:
        """Read status, values, prices and bound out of HiGHS."""
        highs, integer = self._highs, method == "mip"
        info, values = highs.getInfo(), highs.getSolution()
        status = _STATUS.get(highs.getModelStatus().name, Status.ERROR)
        if status is Status.INTERRUPTED:
            status = run.stop_status or status
        found = status.solved or (integer and info.primal_solution_status == _FEASIBLE)
        if integer and status in _STOPPED and not found:
            return self._unfinished(run, method)
        x = np.array(values.col_value, dtype=np.float64) if found else _NONE
        value = (
            info.objective_function_value if self._arrays.columns else self._arrays.offset
        )  # it forgets the constant of none
        objective = float(value) if found else math.nan
        bound = finite(info.mip_dual_bound) if integer else objective
        gap = relative_gap(bound, objective)
        if status is Status.OPTIMAL and integer and gap > _OPTIMAL_GAP:
            status = Status.GAP_REACHED
        priced = not integer and status is Status.OPTIMAL
        return Solution(
            status=status,
            x=x,
            row_price=np.array(values.row_dual, dtype=np.float64) if priced else _NONE,
            column_price=np.array(values.col_dual, dtype=np.float64) if priced else _NONE,
            objective=objective,
            bound=bound,
            gap=gap,
            integer=integer,
            method=method,
            warm=warm,
            iterations=sum(max(int(getattr(info, f"{k}_iteration_count")), 0) for k in ("simplex", "ipm", "crossover")),
            nodes=max(int(info.mip_node_count), 0) if integer else 0,
            seconds=run.seconds,
            basis=self.get_basis() if priced and info.basis_validity else None,
        )

    def conflict(self) -> Conflict:
        """Return a smallest set of limits and bounds that contradict each other, after an infeasible solve."""
        trial = Solver(replace(self._arrays, integer=np.zeros(self._arrays.columns, dtype=np.bool_)))
        highs = trial._highs
        highs.setOptionValue("iis_strategy", _IIS_IRREDUCIBLE_FROM_LP)
        status, found = highs.getIis()
        self._check(status, "find the smallest conflicting set")
        rows, row_sides = _members(found.row_index_, found.row_bound_)
        columns, column_sides = _members(found.col_index_, found.col_bound_)
        return Conflict(
            rows=rows,
            row_sides=row_sides,
            columns=columns,
            column_sides=column_sides,
            whole_numbers=not (len(rows) or len(columns)),
        )

    def _method(self, asked: Method) -> Method:
        """Apply the policy for linear programs."""
        if asked != "auto":
            return asked
        nonzeros = self._arrays.nonzeros
        if self._has_basis:
            if not self._costs_changed:
                return "dual simplex"
            if nonzeros < _HUGE_NONZEROS:
                return "primal simplex"
        if nonzeros >= _HIPO_NONZEROS:
            return "hipo"
        return "dual simplex" if nonzeros < _LARGE_NONZEROS else "interior point"


def _numbers(numbers: Ints) -> Ints:
    return np.asarray(numbers, dtype=np.int64).reshape(-1)


def _members(numbers: list[int], bounds: list[int]) -> tuple[Ints, tuple[str, ...]]:
    """Pick numbers and sides of what takes part; HiGHS also lists columns that only appear in the rows, with no side."""
    taking_part = [
        (number, _SIDES[int(kind)]) for number, kind in zip(numbers, bounds, strict=True) if int(kind) in _SIDES
    ]
    return np.array([number for number, _ in taking_part], dtype=np.int64), tuple(side for _, side in taking_part)


def _small(numbers: Ints) -> NDArray[np.int32]:
    return numbers.astype(np.int32)


def _merged(present: Floats, places: Ints, values: ArrayLike | None) -> Floats:
    """Return a copy of `present` with some places set; `present` itself where nothing is."""
    if values is None:
        return present
    out = present.copy()
    out[places] = values
    if np.isnan(out[places]).any():
        msg = "a bound is not a number"
        raise ValueError(msg)
    return out
