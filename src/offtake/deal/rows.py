"""The plan's reader: what is owed as rows of the problem, exact under every objective.

A vector is an `offtake.lp.Affine` over [path, interval] with an interval ``[lo, hi]`` for each element.  ``y = max(0, x)`` needs no
binary where the bounds prove the sign; elsewhere, with b in {0, 1} and lo < 0 < hi,

    y >= x,   y >= 0,   y <= x - lo (1 - b),   y <= hi b

which leaves no freedom: whatever the objective pays for, y is max(0, x).  Bounds come from arithmetic on the vectors and on the
columns, both kept, and for what is still open from `tighten` (small linear programs that the plan supplies).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from offtake.axes import Axis
from offtake.deal.algebra import Algebra, ByPath, Matrix, Numbers, is_numbers, last_known, mean_shares, per_path, vector
from offtake.deal.quantities import CHIP, CHIP_H, CHIP_Y, MTOK, MW, MW_H, MW_Y, ONE, USD, Measure, Scales
from offtake.errors import OfftakeError
from offtake.lp.affine import Affine

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.lp.model import Model

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Tighten = Callable[[Affine], tuple[Float, Float]]
"""Flat expressions to their smallest and largest values over the problem without integers, in row units."""

ROUND = 1e-9
"""Relative size below which a bound is rounding: a payment that small is far below a cent."""

MARGIN = 2e-6
"""Relative distance that a plan keeps from a threshold, on either side.

A solver meets its rows within a tolerance, so a quantity planned exactly at a threshold could settle on the other side of it. The
margin is twice the integrality tolerance (1e-6) of the row's span."""

UNIT_NAMES = {
    USD: "USD",
    CHIP_H: "chip-h",
    MW: "MW",
    MW_H: "MWh",
    MW_Y: "MW-y",
    CHIP: "chip",
    CHIP_Y: "chip-y",
    MTOK: "Mtok",
    ONE: "",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Affine expressions over [path, interval], in row units, with their bounds."""

    expr: Affine
    on: Intervals
    unit: str
    lo: Float
    hi: Float

    def __add__(self, other: Rows) -> Rows:
        self._check(other)
        return replace(self, expr=self.expr + other.expr, lo=self.lo + other.lo, hi=self.hi + other.hi)

    def __sub__(self, other: Rows) -> Rows:
        return self + (-other)

    def __neg__(self) -> Rows:
        return replace(self, expr=-self.expr, lo=-self.hi, hi=-self.lo)

    def _check(self, other: Rows) -> None:
        if self.unit != other.unit:
            raise ValueError(f"units differ: {self.unit} and {other.unit}")
        if self.on != other.on:
            raise ValueError(f"intervals differ: {self.on.labels} and {other.on.labels}; resample one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A yes/no column that a clause needed, for the report and for solvers that add integrality only where it matters."""

    column: int
    clause: str
    name: str
    path: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Columns that are a function of others: how to compute them from a point."""

    columns: NDArray[np.int64]
    values: Callable[[Float], Float]


@dataclass(slots=True, kw_only=True)
class Written:
    """What reading a contract has added to the model."""

    binaries: list[Binary] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    rights: dict[str, Affine] = field(default_factory=dict)
    rights_on: dict[str, Intervals] = field(default_factory=dict)
    reads: dict[Measure, Rows] = field(default_factory=dict)
    lower: Float = field(default_factory=lambda: np.zeros(0))
    upper: Float = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsAlgebra(Algebra[Rows]):
    """Read clauses as rows of a model.

    Parameters
    ----------
    model : Model
        Columns and rows are added to it.
    grid : Intervals
        Periods of the measures.
    measures : mapping
        Measure to expression [path, period], in row units.
    scales : Scales
        Size of a row unit in file units.
    limits : mapping
        Measure to known smallest and largest values [path, period] in row units, where tighter than the columns say.
    signed : Affine, optional
        0/1 expression ``()`` or ``[path]``: whether the contract is signed. None: it is.
    gated : frozenset of Measure
        Measures that are zero by themselves where the contract is not signed; the others are multiplied by `signed`.
    tighten : callable, optional
        Bounds for expressions whose sign is still open; see `Tighten`.
    alike : callable, optional
        Intervals to the path whose choice of a right each path shares : int64[path, interval]; each has its own if absent.
    written : Written
        What has been added, shared by all clauses.
    """

    model: Model
    grid: Intervals
    measures: Mapping[Measure, Affine]
    paths: tuple[str, ...] = ("base",)
    scales: Scales = field(default_factory=Scales)
    limits: Mapping[Measure, tuple[Float, Float]] = field(default_factory=dict)
    signed: Affine | None = None
    gated: frozenset[Measure] = frozenset()
    tighten: Tighten | None = None
    scope: str = ""
    alike: Callable[[Intervals], NDArray[np.int64]] | None = None
    written: Written = field(default_factory=Written)

    def within(self, scope: str) -> Self:
        """Return the same algebra with another prefix for names."""
        return replace(self, scope=scope)

    # -- linear ---------------------------------------------------------------------------------------------------

    def const(self, values: Numbers | ByPath, *, on: Intervals, unit: str) -> Rows:
        """Return a term of the contract; it is zero where the contract is not signed."""
        fixed = self._fixed(values, on, unit)
        if self.signed is None:
            return self._vector(Affine.constant(fixed), on, unit, fixed, fixed)
        sign = self.signed.reshape((-1, 1)) * fixed
        return self._vector(sign, on, unit, np.minimum(fixed, 0.0), np.maximum(fixed, 0.0))

    def read(self, measure: Measure, *, on: Intervals) -> Rows:
        """Read a quantity on the given intervals; days outside the grid count as zero."""
        if measure not in self.measures:
            raise KeyError(f"no expression given for {measure}")
        whole = self._measured(measure)
        if measure.sort == "flow":
            return self.resample(whole, on=on)
        return self.mix(
            whole, mean_shares(on, self.grid) if measure.sort == "level" else last_known(on, self.grid), on=on
        )

    def _measured(self, measure: Measure) -> Rows:
        """Return a measure on the grid, zero where the contract is not signed."""
        if self.signed is not None and measure in self.written.reads:
            return self.written.reads[measure]
        expr = self.measures[measure]
        shape = (len(self.paths), len(self.grid))
        if expr.shape != shape:
            raise ValueError(f"{measure}: expression of shape {expr.shape}, expected {shape}")
        lo, hi = self._column_bounds(expr)
        if measure in self.limits:
            lo, hi = np.maximum(lo, self.limits[measure][0]), np.minimum(hi, self.limits[measure][1])
        whole = Rows(expr=expr, on=self.grid, unit=measure.unit, lo=lo, hi=hi)
        if self.signed is not None and measure not in self.gated:
            sign = self.signed.reshape((-1, 1)).broadcast_to(shape)
            fact = Rows(expr=sign, on=self.grid, unit=ONE, lo=np.zeros(shape), hi=np.ones(shape))
            whole = self.within("contract").when(fact, whole, f"{measure}.signed")
            self.written.reads[measure] = whole  # so that a second clause shares the columns
        return whole

    def scale(self, x: Rows, factors: Numbers | ByPath, *, unit: str | None = None) -> Rows:
        """Multiply by dated numbers."""
        to = unit or x.unit
        by = self._numbers(factors, x.on) * (self.scales.of(x.unit) / self.scales.of(to))
        ends = np.stack([_times(x.lo, by), _times(x.hi, by)])
        return Rows(expr=x.expr * by, on=x.on, unit=to, lo=ends.min(axis=0), hi=ends.max(axis=0))

    def mix(self, x: Rows, weights: Matrix, *, on: Intervals) -> Rows:
        """Combine intervals linearly."""
        matrix = np.array([[float(w) if w else 0.0 for w in line] for line in weights]).reshape(len(on), len(x.on))
        return self._mixed(x, matrix, on)

    def resample(self, x: Rows, *, on: Intervals) -> Rows:
        """Spread totals evenly by day onto other intervals."""
        return x if x.on == on else self._mixed(x, on.spread_from(x.on), on)

    def _mixed(self, x: Rows, matrix: Float, on: Intervals) -> Rows:
        expr = x.expr.apply(matrix, axis=1)
        up, down = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
        lo = _contract(x.lo, up) + _contract(x.hi, down)
        hi = _contract(x.hi, up) + _contract(x.lo, down)
        return Rows(expr=expr, on=on, unit=x.unit, lo=lo, hi=hi)

    def join(self, parts: Sequence[Rows], *, on: Intervals) -> Rows:
        """Put vectors over successive intervals into one."""
        lo, hi = (np.concatenate([getattr(p, end) for p in parts], axis=1) for end in ("lo", "hi"))
        return Rows(expr=Affine.concatenate([p.expr for p in parts], axis=1), on=on, unit=parts[0].unit, lo=lo, hi=hi)

    # -- exact kinks ----------------------------------------------------------------------------------------------

    def pos(self, x: Rows, name: str) -> Rows:
        """Return max(0, x)."""
        return self._kink(x, name)[0]

    def above(self, x: Rows, steps: Sequence[Numbers | Rows], name: str) -> list[Rows]:
        """Return max(0, x - step) for rising steps, with cuts that make one vector's kinks a tight description together."""
        found: list[Rows] = []
        below: tuple[Rows, Affine, Rows] | None = None
        for k, step in enumerate(steps):
            top = self._step(step, x) if is_numbers(step) else vector(step)
            label = f"{name}.step-{k + 1}"
            rest, positive = self._kink(x - top, label)
            if (
                below is not None
            ):  # the layer between two steps is full before the next begins, and empty before its own step
                width = top - below[2]
                layer, most = below[0].expr - rest.expr, np.maximum(width.hi, 0.0)
                self._rows(f"{label}.full", layer - width.expr - (positive - 1.0) * most, x, lower=0.0)
                self._rows(f"{label}.ahead", layer - below[1] * most, x, upper=0.0)
            found.append(rest)
            below = (rest, positive, top)
        return found

    def reached(self, x: Rows, threshold: Numbers, name: str) -> Rows:
        """Return 1 where x >= threshold; a plan keeps `MARGIN` away from the threshold on either side."""
        fixed = np.broadcast_to(self._fixed(threshold, x.on, x.unit), x.lo.shape)
        span = np.maximum.reduce([np.ones_like(fixed), np.abs(fixed), _finite(x.hi - x.lo)])
        near = ROUND * span
        lo, hi, open_ = self._open(x, lambda lo, hi: (lo < fixed - near) & (hi >= fixed - near), name)
        margin = MARGIN * span
        fact = np.where(lo >= fixed - near, 1.0, 0.0)
        flag = self._binary(f"{name}.reached", open_, x.on)
        self._rows(f"{name}.if", x.expr - flag * (fixed + margin - lo), x, lower=lo, mask=open_)
        self._rows(f"{name}.only-if", x.expr - flag * (hi - fixed + margin), x, upper=fixed - margin, mask=open_)
        self._define(flag, lambda p: (x.expr.value(p) >= fixed).astype(np.float64))
        return Rows(
            expr=flag + np.where(open_, 0.0, fact),
            on=x.on,
            unit=ONE,
            lo=np.where(open_, 0.0, fact),
            hi=np.where(open_, 1.0, fact),
        )

    def ever(self, facts: Rows, name: str) -> Rows:
        """Return 1 from the first interval in which a fact is 1."""
        hi = np.maximum.accumulate(facts.hi, axis=1)
        lo = np.maximum.accumulate(facts.lo, axis=1)
        open_ = (lo < 0.5) & (hi > 0.5)
        column = self._columns(f"{name}.ever", open_, facts.on, upper=1.0)
        out = column + np.where(open_, 0.0, lo)
        before = Affine.concatenate([Affine.zeros((len(self.paths), 1)), out[:, :-1]], axis=1)
        self._rows(f"{name}.ever-now", out - facts.expr, facts, lower=0.0, mask=open_)
        self._rows(f"{name}.ever-before", out - before, facts, lower=0.0, mask=open_)
        self._rows(f"{name}.ever-only", out - before - facts.expr, facts, upper=0.0, mask=open_)
        self._define(column, lambda p: np.maximum.accumulate(np.round(facts.expr.value(p)), axis=1))
        return Rows(expr=out, on=facts.on, unit=ONE, lo=lo, hi=hi)

    def when(self, fact: Rows, x: Rows, name: str) -> Rows:
        """Return x where a fact is 1: the product of a 0/1 expression and a bounded one."""
        yes, maybe = fact.lo > 0.5, (fact.lo <= 0.5) & (fact.hi > 0.5)
        if not x.expr.nonzeros:
            return self._vector(fact.expr * x.expr.const, x.on, x.unit, np.minimum(x.lo, 0.0), np.maximum(x.hi, 0.0))
        lo, hi, open_ = self._open(x, lambda lo, hi: maybe & ((lo < 0.0) | (hi > 0.0)), name)
        lo, hi = np.where(open_, lo, 0.0), np.where(open_, hi, 0.0)
        part = self._columns(
            f"{name}.part", open_, x.on, lower=np.minimum(lo, 0.0), upper=np.maximum(hi, 0.0), unit=x.unit
        )
        self._rows(f"{name}.part-most", part - fact.expr * hi, x, upper=0.0, mask=open_)
        self._rows(f"{name}.part-least", part - fact.expr * lo, x, lower=0.0, mask=open_)
        self._rows(f"{name}.part-above", part - x.expr - fact.expr * hi, x, lower=-hi, mask=open_)
        self._rows(f"{name}.part-below", part - x.expr - fact.expr * lo, x, upper=-lo, mask=open_)
        self._define(part, lambda p: np.round(fact.expr.value(p)) * x.expr.value(p))
        out = part + x.expr * yes.astype(np.float64)
        least = np.where(yes, x.lo, np.minimum(lo, 0.0))
        most = np.where(yes, x.hi, np.maximum(hi, 0.0))
        return Rows(expr=out, on=x.on, unit=x.unit, lo=least, hi=most)

    def right(self, name: str, *, on: Intervals) -> Rows:
        """Return a 0/1 choice of the plan, zero where the contract is not signed."""
        shape = (len(self.paths), len(on))
        rep = self.alike(on) if self.alike else np.broadcast_to(np.arange(shape[0])[:, None], shape)
        flag = self._binary(f"{name}.right", rep == np.arange(shape[0])[:, None], on)[rep, np.arange(len(on))[None, :]]
        self.written.rights[self._named(name)] = flag
        self.written.rights_on[self._named(name)] = on
        fact = Rows(expr=flag, on=on, unit=ONE, lo=np.zeros(shape), hi=np.ones(shape))
        if self.signed is not None:
            self._rows(f"{name}.signed", flag - self.signed.reshape((-1, 1)), fact, upper=0.0)
        return fact

    # -- after a solve ----------------------------------------------------------------------------------------------

    def values(self, x: Rows, point: Float) -> Float:
        """Return a vector's numbers at a solution, in file units : float64[path, interval]."""
        found: Float = x.expr.value(point) * self.scales.of(x.unit)
        return found

    def complete(self, point: Float) -> Float:
        """Compute every column that a clause defined from the decisions at a point.

        Used to complete a starting point, and to take the solver's tolerance out of the payments of a plan.
        """
        full = point.copy()
        for definition in self.written.definitions:
            full[definition.columns] = definition.values(full)
        return full

    def known(self, x: Rows, least: Numbers, most: Numbers) -> Rows:
        """Return x with bounds that reasoning gives and arithmetic on its parts does not."""
        low, high = self._fixed(least, x.on, x.unit), self._fixed(most, x.on, x.unit)
        return replace(x, lo=np.maximum(x.lo, low), hi=np.minimum(x.hi, high))

    # -- helpers ----------------------------------------------------------------------------------------------------

    def _step(self, step: Numbers, x: Rows) -> Rows:
        """Return numbers that do not depend on signing as a vector beside x."""
        fixed = self._fixed(step, x.on, x.unit)
        return self._vector(Affine.constant(fixed), x.on, x.unit, fixed, fixed)

    def _kink(self, x: Rows, name: str) -> tuple[Rows, Affine]:
        """max(0, x) and the 0/1 expression that says where it is positive."""
        lo, hi, open_ = self._open(x, lambda lo, hi: (lo < -_small(lo, hi)) & (hi > _small(lo, hi)), name)
        sure = ~open_ & (lo >= -_small(lo, hi))
        flag = self._binary(f"{name}.positive", open_, x.on)
        part = self._columns(name, open_, x.on, upper=np.where(open_, hi, 0.0), unit=x.unit)
        low, high = np.where(open_, lo, 0.0), np.where(open_, hi, 0.0)
        self._rows(f"{name}.least", part - x.expr, x, lower=0.0, mask=open_)
        self._rows(f"{name}.most", part - x.expr - flag * low, x, upper=-low, mask=open_)
        self._rows(f"{name}.off", part - flag * high, x, upper=0.0, mask=open_)
        self._define(flag, lambda p: (x.expr.value(p) > 0.0).astype(np.float64))
        self._define(part, lambda p: np.maximum(x.expr.value(p), 0.0))
        kept = sure.astype(np.float64)
        value = Rows(
            expr=part + x.expr * kept,
            on=x.on,
            unit=x.unit,
            lo=np.where(sure, np.maximum(lo, 0.0), 0.0),
            hi=np.where(sure | open_, np.maximum(hi, 0.0), 0.0),
        )
        return value, flag + kept

    def _open(self, x: Rows, undecided: Callable[[Float, Float], Bool], name: str) -> tuple[Float, Float, Bool]:
        """Bounds of x as tight as they can be had, and where they leave the question open."""
        lo, hi = self._column_bounds(x.expr)
        lo, hi = np.maximum(lo, x.lo), np.minimum(hi, x.hi)
        open_ = undecided(lo, hi)
        if self.tighten is not None and open_.any():
            least, most = self.tighten(x.expr[open_])
            slack = 1e-7 * np.maximum(1.0, np.maximum(np.abs(least), np.abs(most)))
            lo, hi = lo.copy(), hi.copy()
            lo[open_] = np.maximum(lo[open_], least - slack)
            hi[open_] = np.minimum(hi[open_], most + slack)
            open_ = undecided(lo, hi)
        if not (np.isfinite(lo[open_]).all() and np.isfinite(hi[open_]).all()):
            raise OfftakeError(
                f"{self._named(name)}: no finite bound is known for what this clause compares; "
                "give the plan a limit on the quantities behind it"
            )
        return lo, hi, open_

    def _column_bounds(self, expr: Affine) -> tuple[Float, Float]:
        """Interval arithmetic over the model's columns."""
        known = self.written
        if len(known.lower) < self.model.column_blocks.count:
            blocks = [b for b in self.model.column_blocks if b.first >= len(known.lower)]
            known.lower = np.concatenate([known.lower, *(b.spread(b.lower) for b in blocks)])
            known.upper = np.concatenate([known.upper, *(b.spread(b.upper) for b in blocks)])
        return expr.bounds(known.lower, known.upper)

    def _fixed(self, values: Numbers | ByPath, on: Intervals, unit: str) -> Float:
        fixed: Float = self._numbers(values, on) / self.scales.of(unit)
        return fixed

    def _numbers(self, values: Numbers | ByPath, on: Intervals) -> Float:
        """Numbers of the file as they are : float64[path, interval]."""
        rows = per_path(values, on, len(self.paths))
        if all(row is rows[0] for row in rows):
            return np.broadcast_to(np.array([float(v) for v in rows[0]]), (len(rows), len(on)))
        return np.array([[float(v) for v in row] for row in rows])

    def _vector(self, expr: Affine, on: Intervals, unit: str, lo: Float, hi: Float) -> Rows:
        shape = (len(self.paths), len(on))
        return Rows(
            expr=expr.broadcast_to(shape),
            on=on,
            unit=unit,
            lo=np.broadcast_to(lo, shape),
            hi=np.broadcast_to(hi, shape),
        )

    def _named(self, name: str) -> str:
        return f"{self.scope}.{name}" if self.scope else name

    def _axes(self, on: Intervals) -> tuple[Axis, Axis]:
        return Axis("path", self.paths), Axis("interval", on.labels)

    def _columns(
        self, name: str, mask: Bool, on: Intervals, *, lower: Float | float = 0.0, upper: Float | float, unit: str = ONE
    ) -> Affine:
        if not mask.any():
            return Affine.zeros(mask.shape)
        return self.model.columns(
            self._named(name), axes=self._axes(on), lower=lower, upper=upper, unit=self._unit(unit), mask=mask
        )

    def _binary(self, name: str, mask: Bool, on: Intervals) -> Affine:
        if not mask.any():
            return Affine.zeros(mask.shape)
        full = self._named(name)
        flags = self.model.columns(full, axes=self._axes(on), upper=1.0, integer=True, mask=mask)
        for (path, k), column in zip(np.argwhere(mask).tolist(), flags.col.tolist(), strict=True):
            self.written.binaries.append(
                Binary(column=column, clause=self.scope, name=name, path=self.paths[path], interval=on.labels[k])
            )
        return flags

    def _rows(
        self,
        name: str,
        expr: Affine,
        like: Rows,
        *,
        lower: Float | float = -np.inf,
        upper: Float | float = np.inf,
        mask: Bool | None = None,
    ) -> None:
        if mask is None:
            mask = np.bincount(expr.canonical().row, minlength=expr.size).reshape(expr.shape) > 0
        if mask.any():
            self.model.rows(
                self._named(name),
                expr,
                lower=lower,
                upper=upper,
                axes=self._axes(like.on),
                unit=self._unit(like.unit),
                mask=mask,
            )

    def _unit(self, unit: str) -> str:
        size = self.scales.of(unit)
        prefix = {1.0: "", 1e3: "k ", 1e6: "M ", 1e9: "bn "}.get(size, f"{size:g} ")
        return f"{prefix}{UNIT_NAMES[unit]}".strip()

    def _define(self, columns: Affine, values: Callable[[Float], Float]) -> None:
        if columns.nonzeros:
            place = columns.row
            self.written.definitions.append(
                Definition(columns=columns.col, values=lambda point: values(point).ravel()[place])
            )


def _small(lo: Float, hi: Float) -> Float:
    """Size of rounding beside the bounds."""
    small: Float = ROUND * np.maximum(1.0, _finite(np.maximum(np.abs(lo), np.abs(hi))))
    return small


def _finite(size: Float) -> Float:
    finite: Float = np.where(np.isfinite(size), size, 1.0)
    return finite


def _times(bound: Float, by: Float) -> Float:
    """Multiply bounds by factors, an infinite bound times zero being zero."""
    with np.errstate(invalid="ignore"):
        return np.where(by == 0.0, 0.0, bound * by)


def _contract(bound: Float, weights: Float) -> Float:
    """``sum_n weights[m, n] bound[., n]`` where an infinite bound times zero is zero."""
    if np.isfinite(bound).all():
        product: Float = bound @ weights.T
        return product
    parts = _times(bound[:, None, :], weights[None, :, :])
    total: Float = parts.sum(axis=2)
    return total
