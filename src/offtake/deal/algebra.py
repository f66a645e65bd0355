"""The algebra in which clauses are written: one function, two meanings.

A vector ``X`` lies over ``[path, interval]``, knows its intervals and its unit, and is either a row of affine expressions of the
plan's columns (`offtake.deal.rows`) or a row of exact rational numbers (`offtake.deal.settle`).  Clause authors write numbers in the
units of the file (USD, chip-hours, MW); scaling, convexity and exactness are the readers' business.

`Algebra` has few primitives, which each reader gives a meaning, and functions derived from them, which therefore cannot differ
between the readers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, Literal, Protocol, Self, TypeGuard, TypeVar, cast

from offtake.dates import Intervals
from offtake.deal.quantities import ONE

if TYPE_CHECKING:
    from offtake.deal.quantities import Measure

Number = int | float | Decimal | Fraction
Numbers = Number | Sequence[Number]
"""One number for all intervals, or one for each."""

Matrix = Sequence[Sequence[Number]]
"""Weights [new interval, old interval]."""


class Vector(Protocol):
    """What both readers' vectors can do by themselves."""

    @property
    def on(self) -> Intervals:
        """The intervals."""

    @property
    def unit(self) -> str:
        """The unit (`offtake.deal.quantities.UNITS`)."""

    def __add__(self, other: Self, /) -> Self: ...
    def __sub__(self, other: Self, /) -> Self: ...
    def __neg__(self) -> Self: ...


X = TypeVar("X", bound=Vector)


def exactly(value: Number) -> Fraction:
    """Return the number as written: a float stands for its shortest decimal spelling.

    Examples
    --------
    >>> exactly(1.05)
    Fraction(21, 20)
    """
    return Fraction(repr(float(value))) if isinstance(value, float) else Fraction(value)


@dataclass(frozen=True, slots=True)
class ByPath:
    """Numbers that differ by path: a price in each future.

    Parameters
    ----------
    rows : tuple of tuples    [path][interval]
    """

    rows: tuple[tuple[Number, ...], ...]


def is_numbers(value: object) -> TypeGuard[Numbers]:
    """Tell numbers, one or one for each interval, from a vector."""
    return isinstance(value, int | float | Decimal | Fraction | Sequence)


def vector(value: Numbers | X) -> X:
    """Return what `is_numbers` has said to be none."""
    return cast("X", value)


def per_interval(values: Numbers, on: Intervals) -> tuple[Number, ...]:
    """Repeat one number for every interval, or check that there is one for each."""
    if isinstance(values, Sequence):
        if len(values) != len(on):
            raise ValueError(f"{len(values)} numbers for {len(on)} intervals")
        return tuple(values)
    return (values,) * len(on)


def per_path(values: Numbers | ByPath, on: Intervals, paths: int) -> tuple[tuple[Number, ...], ...]:
    """Repeat numbers for every path and interval, or check that there is one for each : [path][interval]."""
    if not isinstance(values, ByPath):
        return (per_interval(values, on),) * paths
    if len(values.rows) != paths:
        raise ValueError(f"{len(values.rows)} rows of numbers for {paths} paths")
    return tuple(per_interval(row, on) for row in values.rows)


Shares = list[list[Fraction | int]]


def day_shares(to: Intervals, source: Intervals) -> Shares:
    """Exact weights that spread a total evenly by day : [to][source] (the exact twin of `Intervals.spread_from`).

    Examples
    --------
    >>> from datetime import date
    >>> year = Intervals((date(2027, 1, 1),), (date(2028, 1, 1),))
    >>> day_shares(Intervals.every(6, date(2027, 1, 1), date(2028, 1, 1)), year)
    [[Fraction(181, 365)], [Fraction(184, 365)]]
    """
    shared = to.overlap_days(source).tolist()
    lengths = [int(d) for d in source.days]
    return [[Fraction(int(d), n) if d else 0 for d, n in zip(row, lengths, strict=True)] for row in shared]


def mean_shares(to: Intervals, source: Intervals) -> Shares:
    """Exact weights that average a level by day : [to][source]; days outside `source` count as zero."""
    shared = to.overlap_days(source).tolist()
    return [[Fraction(int(d), int(n)) if d else 0 for d in row] for row, n in zip(shared, to.days, strict=True)]


def last_known(to: Intervals, source: Intervals) -> list[list[int]]:
    """Weights that read a state at the end of each interval: the last period that has ended by then."""
    known = [max((k for k, end in enumerate(source.ends) if end <= day), default=-1) for day in to.ends]
    return [[int(k == last) for k in range(len(source))] for last in known]


def ends_in(to: Intervals, source: Intervals) -> list[list[int]]:
    """Weights that book a whole total in the interval that holds its last day : [to][source]."""
    return [[int(s < end <= e) for end in source.ends] for s, e in zip(to.starts, to.ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Tiers:
    """Prices by volume: ``prices[k]`` holds from ``steps[k - 1]`` to ``steps[k]``.

    Parameters
    ----------
    steps : tuple of numbers
        Volumes at which the next price begins, rising, in units of the vector.
    prices : tuple of Numbers
        One more than steps; each may be dated (one number per interval).
    how : marginal or all_units
        Marginal: each price for the volume in its own step. All units: the price of the step reached, for the whole volume.
    """

    steps: tuple[Number, ...]
    prices: tuple[Numbers, ...]
    how: Literal["marginal", "all_units"] = "marginal"

    def __post_init__(self) -> None:
        """Check the lengths and the order."""
        if len(self.prices) != len(self.steps) + 1:
            raise ValueError(f"{len(self.steps)} steps need {len(self.steps) + 1} prices, got {len(self.prices)}")
        if any(b <= a for a, b in zip((0, *self.steps), self.steps, strict=False)):
            raise ValueError(f"steps must be positive and rise: {self.steps}")


@dataclass(frozen=True, slots=True)
class CarryRule(Generic[X]):
    """How an excess counts later: oldest first.

    Parameters
    ----------
    cap : Numbers, optional
        An excess is added only as far as the balance held over stays within it; the rest of it is lost.
    lasts : int, optional
        Intervals for which an excess can be used; for ever without it.
    opening : Number, or a vector of one interval
        Excess held at the start, as young as if earned in the interval before the first.
    """

    cap: Numbers | None = None
    lasts: int | None = None
    opening: Number | X = 0


@dataclass(frozen=True, slots=True)
class Carried(Generic[X]):
    """What was used of an earlier excess in each interval, and what is held at each interval's end."""

    used: X
    held: X


class Algebra(ABC, Generic[X]):
    """Operations on vectors over [path, interval].

    `name` labels the columns and rows that an operation needs in the plan's problem, so that a report can name them.
    """

    paths: tuple[str, ...]

    # -- primitives, given a meaning by each reader ---------------------------------------------------------------

    @abstractmethod
    def within(self, scope: str) -> Self:
        """Return the same algebra with another prefix for names: the clause at work."""

    @abstractmethod
    def const(self, values: Numbers | ByPath, *, on: Intervals, unit: str) -> X:
        """Return a term of the contract as a vector; it is zero where the contract is not signed."""

    @abstractmethod
    def read(self, measure: Measure, *, on: Intervals) -> X:
        """Read a quantity on the given intervals; days outside the grid count as zero."""

    @abstractmethod
    def scale(self, x: X, factors: Numbers | ByPath, *, unit: str | None = None) -> X:
        """Multiply by dated numbers (a price, say), changing the unit to `unit` if given."""

    @abstractmethod
    def mix(self, x: X, weights: Matrix, *, on: Intervals) -> X:
        """Combine intervals linearly: ``out[m] = sum_n weights[m][n] x[n]``."""

    @abstractmethod
    def join(self, parts: Sequence[X], *, on: Intervals) -> X:
        """Put vectors over successive intervals into one over `on`."""

    @abstractmethod
    def pos(self, x: X, name: str) -> X:
        """Return max(0, x), exact under every objective."""

    @abstractmethod
    def above(self, x: X, steps: Sequence[Numbers | X], name: str) -> list[X]:
        """Return max(0, x - step) for rising steps of one vector; a step may itself depend on facts."""

    @abstractmethod
    def reached(self, x: X, threshold: Numbers, name: str) -> X:
        """Return 1 where x >= threshold, else 0."""

    @abstractmethod
    def ever(self, facts: X, name: str) -> X:
        """Return 1 from the first interval in which `facts` is 1."""

    @abstractmethod
    def when(self, fact: X, x: X, name: str) -> X:
        """Return x where `fact` is 1, else 0."""

    @abstractmethod
    def right(self, name: str, *, on: Intervals) -> X:
        """Return a 0/1 choice of the plan, read back by settlement."""

    def known(self, x: X, least: Numbers, most: Numbers) -> X:  # noqa: ARG002
        """Return x, which is known to lie between two numbers: a sum of facts of which at most one holds, say."""
        return x

    # -- derived ------------------------------------------------------------------------------------------------------

    def zero(self, *, on: Intervals, unit: str) -> X:
        """Return nothing, in a unit."""
        return self.const(0, on=on, unit=unit)

    def lin(self, *terms: tuple[Numbers, X]) -> X:
        """Return a linear combination: the sum of factor times vector."""
        if not terms:
            raise ValueError("a linear combination needs a term")
        total = self.scale(terms[0][1], terms[0][0])
        for factor, x in terms[1:]:
            total = total + self.scale(x, factor)
        return total

    def resample(self, x: X, *, on: Intervals) -> X:
        """Spread totals evenly by day onto other intervals."""
        return x if x.on == on else self.mix(x, day_shares(on, x.on), on=on)

    def pick(self, x: X, k: int) -> X:
        """Return interval k alone."""
        one = Intervals((x.on.starts[k],), (x.on.ends[k],))
        return self.mix(x, [[int(n == k) for n in range(len(x.on))]], on=one)

    def repeat(self, x: X, *, on: Intervals) -> X:
        """Return a vector of one interval in every interval of `on`: the cap that is left, say."""
        return self.mix(x, [[1]] * len(on), on=on)

    def total(self, x: X) -> X:
        """Return the sum over all intervals, as one interval."""
        return self.mix(x, [[1] * len(x.on)], on=Intervals((x.on.start,), (x.on.end,)))

    def running(self, x: X, *, restart: Sequence[int] | None = None) -> X:
        """Return running sums that begin anew where `restart` (a group number per interval) changes."""
        groups = list(restart) if restart is not None else [0] * len(x.on)
        size = range(len(x.on))
        return self.mix(x, [[int(n <= m and groups[n] == groups[m]) for n in size] for m in size], on=x.on)

    def step(self, x: X, *, restart: Sequence[int] | None = None) -> X:
        """Return what each interval adds to a running sum: the inverse of `running`."""
        groups = list(restart) if restart is not None else [0] * len(x.on)
        size = range(len(x.on))
        back = [[int(n == m) - int(n == m - 1 and groups[n] == groups[m]) for n in size] for m in size]
        return self.mix(x, back, on=x.on)

    def minimum(self, x: X, limit: X, name: str) -> X:
        """Return the smaller of two vectors."""
        return x - self.pos(x - limit, name)

    def maximum(self, x: X, floor: X, name: str) -> X:
        """Return the larger of two vectors."""
        return floor + self.pos(x - floor, name)

    def layers(self, x: X, widths: Sequence[Numbers | X], name: str) -> list[X]:
        """Fill layers of the given widths in turn from x >= 0; the last one returned holds what is above them all.

        Widths may be dated, may be zero, and may be vectors (a volume that is held only while a fact holds).
        """
        tops: list[Numbers | X] = []
        height: list[Fraction] = [Fraction(0)] * len(x.on)
        moving: X | None = None
        for width in widths:
            if is_numbers(width):
                height = [h + exactly(w) for h, w in zip(height, per_interval(width, x.on), strict=True)]
            else:
                moving = vector(width) if moving is None else moving + vector(width)
            plain = tuple(height)
            tops.append(plain if moving is None else self._plain_plus(plain, moving))
        rest = [x, *self.above(x, tops, name)]
        return [a - b for a, b in pairwise(rest)] + rest[-1:]

    def tiers(self, x: X, table: Tiers, name: str, *, unit: str) -> X:
        """Return the money owed for a volume x >= 0 at prices by volume."""
        if table.how == "marginal":
            widths = [exactly(b) - exactly(a) for a, b in zip((0, *table.steps), table.steps, strict=False)]
            parts = self.layers(x, widths, name)
            owed = [self.scale(p, price, unit=unit) for p, price in zip(parts, table.prices, strict=True)]
        else:
            owed = [self.scale(x, table.prices[0], unit=unit)]
            for k, step in enumerate(table.steps):
                here, below = (per_interval(table.prices[j], x.on) for j in (k + 1, k))
                change = tuple(exactly(b) - exactly(a) for a, b in zip(below, here, strict=True))
                whole = self.when(self.reached(x, step, f"{name}.reached-{k + 1}"), x, f"{name}.whole-{k + 1}")
                owed.append(self.scale(whole, change, unit=unit))
        return _sum(owed)

    def both(self, a: X, b: X, name: str) -> X:
        """Return 1 where both facts hold."""
        return self.when(a, b, name)

    def either(self, a: X, b: X, name: str) -> X:
        """Return 1 where one fact or both hold."""
        return a + b - self.when(a, b, name)

    def first(self, facts: X, name: str) -> X:
        """Return 1 in the first interval in which a fact holds, else 0."""
        return self.step(self.ever(facts, name))

    def capped(self, x: X, cap: Number | X, name: str) -> X:
        """Cut x >= 0 off where its running sum passes a total cap: a number, or a vector of one interval (what is left of it)."""
        run = self.running(x)
        limit = self.const(cap, on=x.on, unit=x.unit) if is_numbers(cap) else self.repeat(vector(cap), on=x.on)
        return self.step(self.minimum(run, limit, name))

    def _plain_plus(self, numbers: Sequence[Fraction], x: X) -> X:
        """Add numbers, which depend on no signature, to a vector."""
        return x if not any(numbers) else x + self.const(numbers, on=x.on, unit=x.unit)

    def carry(self, excess: X, need: X, rule: CarryRule[X], name: str) -> Carried[X]:
        """Meet needs from earlier excesses, the oldest first.

        An excess of interval k can meet needs of the intervals k + 1 to k + `lasts`.  In one interval at most one of excess and need
        may be positive.
        """
        on, unit = need.on, need.unit
        caps = None if rule.cap is None else per_interval(rule.cap, on)
        first = Intervals((on.starts[0],), (on.ends[0],))
        held_over = rule.opening
        lots: list[tuple[int, X]] = []
        if not is_numbers(held_over):
            lots = [(0, self.mix(vector(held_over), [[1]], on=first))]
        elif held_over:
            lots = [(0, self.const(held_over, on=first, unit=unit))]
        used: list[X] = []
        held: list[X] = []
        for k in range(len(on)):
            here = Intervals((on.starts[k],), (on.ends[k],))
            where = f"{name}.{on.labels[k]}"
            left = self.pick(need, k)
            before = left
            kept: list[tuple[int, X]] = []
            for age, earlier in lots:
                lot = self.join([earlier], on=here)
                unmet = self.pos(left - lot, f"{where}.age-{age + 1}")
                lot = lot - (left - unmet)
                left = unmet
                if rule.lasts is None or age + 1 < rule.lasts:
                    kept.append((age + 1, lot))
            used.append(before - left)
            new = self.pick(excess, k)
            if caps is not None:
                room = self.const(caps[k], on=here, unit=unit)
                for _, lot in kept:
                    room = room - lot
                new = self.minimum(new, self.pos(room, f"{where}.room"), f"{where}.cap")
            if rule.lasts is None:
                lots = [(0, _sum([new, *(lot for _, lot in kept)]))]
            elif rule.lasts > 0:
                lots = [*kept, (0, new)]
            held.append(_sum([lot for _, lot in lots]) if lots else self.zero(on=here, unit=unit))
        return Carried(self.join(used, on=on), self.join(held, on=on))


def facts_of(a: Algebra[X], values: Numbers, *, on: Intervals) -> X:
    """Return facts known beforehand: 1 from a date, say."""
    return a.const(values, on=on, unit=ONE)


def _sum(parts: Sequence[X]) -> X:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
