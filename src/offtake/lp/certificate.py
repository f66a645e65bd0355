"""Check an answer outside the solver, and say which program it answers.

From the arrays alone, with numpy: c x, A x, every limit and bound, whole numbers; for linear programs also A' y, the signs
of the prices, the dual objective and complementary slackness. Weak duality makes the last ones a proof: prices of the right
sign whose dual objective equals c x show that no plan is better.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.lp.solution import relative_gap

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.solution import Solution
    from offtake.lp.sparse import Floats

# HiGHS works to 1e-7 on each row and column and to 1e-6 on whole numbers, after its own scaling; ten times that here.
TOLERANCE = 1e-6
WHOLE_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What was found on recomputing an answer; NaN where it does not apply.

    Violations are measured relative to ``max(1, |limit|)``, the objective's to ``max(1, |objective|)``.

    Parameters
    ----------
    model_hash : str                 sha256 over all arrays of the program
    solver : str                     name and version
    status : str
    objective : float                as the solver reported it
    objective_recomputed : float     c x + offset
    bound, gap : float               proved by the solver; gap as a fraction, recomputed
    row_violation, bound_violation : float     largest
    whole_violation : float          largest distance of a whole column from a whole number
    dual_objective : float           from prices and limits
    price_residual : float           largest |c - A' y - z| relative to ``max(1, |c|)``
    price_sign_violation : float     largest price pushing against a side that has no limit
    complementarity : float          largest price x slack, relative to the objective
    tolerance, whole_tolerance : float
    """

    model_hash: str
    solver: str
    status: str
    objective: float
    objective_recomputed: float
    bound: float
    gap: float
    row_violation: float
    bound_violation: float
    whole_violation: float
    dual_objective: float
    price_residual: float
    price_sign_violation: float
    complementarity: float
    tolerance: float = TOLERANCE
    whole_tolerance: float = WHOLE_TOLERANCE

    @property
    def failures(self) -> tuple[str, ...]:
        """What does not hold, one sentence each; empty when all does."""
        scale = max(1.0, abs(self.objective_recomputed))
        checks = {
            "the objective does not equal c x": abs(self.objective - self.objective_recomputed) / scale,
            "a row limit is broken": self.row_violation,
            "a column bound is broken": self.bound_violation,
            "prices do not explain the objective's coefficients": self.price_residual,
            "a price pushes against a side that has no limit": self.price_sign_violation,
            "a limit with slack has a price": self.complementarity,
            "primal and dual objective differ": abs(self.dual_objective - self.objective_recomputed) / scale,
        }
        found = [f"{text} ({size:.1e})" for text, size in checks.items() if size > self.tolerance]
        if self.whole_violation > self.whole_tolerance:
            found.append(f"a whole column is not whole ({self.whole_violation:.1e})")
        if math.isnan(self.objective_recomputed):
            found.append("there is no plan to check")
        return tuple(found)

    @property
    def ok(self) -> bool:
        """Whether everything that applies holds."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Return plain data; NaN, which has no meaning for readers, as None."""
        plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}
        return plain | {"ok": self.ok, "failures": list(self.failures)}


def model_hash(arrays: LpArrays) -> str:
    """Return sha256 (hex) over the program: sense, offset, objective, bounds, whole columns, limits and matrix."""
    digest = hashlib.sha256()
    head = np.array([arrays.rows, arrays.columns, arrays.nonzeros, int(arrays.maximise)])
    for ints in (head, arrays.integer, arrays.start, arrays.index):
        digest.update(np.ascontiguousarray(ints, dtype="<i8").tobytes())
    offset = np.array([arrays.offset])
    bounds = (arrays.col_lower, arrays.col_upper, arrays.row_lower, arrays.row_upper)
    for floats in (offset, arrays.cost, *bounds, arrays.value):
        # Adding 0 turns -0.0 into 0.0, which is the same number to a solver.
        digest.update(np.ascontiguousarray(floats + 0.0, dtype="<f8").tobytes())
    return digest.hexdigest()


def certify(arrays: LpArrays, solution: Solution, *, solver: str = "") -> Certificate:
    """Recompute an answer from the arrays.

    Parameters
    ----------
    arrays : LpArrays       the program that was solved (``Solver.arrays`` at that time)
    solution : Solution
    solver : str            name and version, from ``offtake.lp.highs.version()``
    """
    nan = math.nan
    objective = row = bound = whole = dual = residual = sign = slackness = nan
    if solution.found:
        x = solution.x
        objective = math.fsum(arrays.cost * x) + arrays.offset
        row = _violation(arrays.activity(x), arrays.row_lower, arrays.row_upper)
        bound = _violation(x, arrays.col_lower, arrays.col_upper)
        held = x[arrays.integer]
        whole = float(np.abs(held - np.round(held)).max(initial=0.0))
        if solution.priced:
            dual, residual, sign, slackness = _dual_side(arrays, solution, objective)
    return Certificate(
        model_hash=model_hash(arrays),
        solver=solver,
        status=str(solution.status),
        objective=solution.objective,
        objective_recomputed=objective,
        bound=solution.bound,
        gap=relative_gap(solution.bound, objective),
        row_violation=row,
        bound_violation=bound,
        whole_violation=whole,
        dual_objective=dual,
        price_residual=residual,
        price_sign_violation=sign,
        complementarity=slackness,
    )


def _violation(value: Floats, lower: Floats, upper: Floats) -> float:
    """Largest excess over either side, relative to max(1, |side|)."""
    below = (lower - value) / np.maximum(1.0, np.abs(np.where(np.isfinite(lower), lower, 1.0)))
    above = (value - upper) / np.maximum(1.0, np.abs(np.where(np.isfinite(upper), upper, 1.0)))
    return float(np.maximum(below, above).max(initial=0.0))


def _dual_side(arrays: LpArrays, solution: Solution, objective: float) -> tuple[float, float, float, float]:
    """Dual objective, price residual, sign violation and complementarity of a linear program's prices."""
    y, z = solution.row_price, solution.column_price
    residual = np.abs(arrays.cost - arrays.column_prices(y) - z) / np.maximum(1.0, np.abs(arrays.cost))
    price = np.concatenate((y, z))
    value = np.concatenate((arrays.activity(solution.x), solution.x))
    lower = np.concatenate((arrays.row_lower, arrays.col_lower))
    upper = np.concatenate((arrays.row_upper, arrays.col_upper))
    # A positive price in a maximum says that more of the limit is worth something: it belongs to the upper side.
    side = np.where((price > 0.0) == arrays.maximise, upper, lower)
    has_side = np.isfinite(side)
    side = np.where(has_side, side, 0.0)
    sign = float(np.abs(price[~has_side]).max(initial=0.0))
    dual = math.fsum(price * side) + arrays.offset
    gaps = np.abs(price * (value - side))[has_side]
    slackness = float(gaps.max(initial=0.0)) / max(1.0, abs(objective))
    return dual, float(residual.max(initial=0.0)), sign, slackness
