"""What the terms of all clauses share: their base model, settlement intervals, and exact reading of dated terms.

A clause settles on its own intervals, counted from the contract's start: ``[start, start + n months)``.  Contract dates need not fall
on the plan's grid.  An interval that the plan's horizon cuts is settled for its days inside, with its fixed terms in proportion.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import Number, exactly
from offtake.spec.fields import Day, Days, Id, Model, Text

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due, Firmness, Layer
    from offtake.deal.force import Stretch
    from offtake.spec.series import Series

Interval = Literal["month", "quarter", "half_year", "year"]
MONTHS: dict[Interval, int] = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
Party = Literal["offtaker", "provider"]

HOURS_PER_YEAR = 8760
"""Hours of a 365-day year: what a price per MW-year is spread over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One amount of a contract's headline.

    Parameters
    ----------
    usd : Fraction or None
        None where the terms state no amount (a price, a share).
    start, end : date
        When it may fall due.
    within : str
        Id of the clause whose amount already includes this one, or "": it is then left out of totals.
    parts : tuple of (date, Fraction)
        The amount by the first day of the time that it pays for; evenly by day over the term where it is empty.
    """

    clause: str
    what: str
    payer: str
    payee: str
    usd: Fraction | None
    firmness: Firmness
    layer: Layer
    start: date
    end: date
    within: str = ""
    parts: tuple[tuple[date, Fraction], ...] = ()


class Terms(Model):
    """Base of the terms of every clause.

    A clause adds `kind`, its fields and `owed`; see docs/how-to/add-a-clause.md.
    """

    kind: ClassVar[str]
    shapes_term: ClassVar[bool] = False
    """Whether the clause can end the contract early or let it go on; it then stands before all that do not."""
    forgets: ClassVar[bool] = False
    """Whether nothing of an interval matters to a later one, so that an amendment may change the clause without more ado."""

    id: Id
    """Name of the clause in this contract; stands in every flow's cause."""
    note: Text | None = None
    """Where the term comes from, or why it was assumed."""

    @model_validator(mode="before")
    @classmethod
    def _drop_kind(cls, raw: Any) -> Any:  # noqa: ANN401  (pydantic's protocol)
        """Accept the key that chose this class."""
        if isinstance(raw, Mapping) and raw.get("kind") == getattr(cls, "kind", None):
            return {k: v for k, v in raw.items() if k != "kind"}
        return raw

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return what is owed under this clause, as a function of quantities and rights."""
        raise NotImplementedError

    def after(self) -> tuple[str, ...]:
        """Ids or kinds of the clauses whose dues this one reads."""
        return ()

    def stretches(self, contract: Contract) -> Sequence[Stretch]:  # noqa: ARG002
        """Return the time that the clause may add to the contract's term."""
        return ()

    def exits(self, contract: Contract, today: date) -> Mapping[str, date]:  # noqa: ARG002
        """Return the first day from which a party can be free of the contract, by party."""
        return {}

    def cannot_follow(self, earlier: Terms) -> str:
        """Return why these terms cannot take over from an earlier version of the clause, or "".

        A clause that remembers (a cap that fills, a balance) hands what it remembers on with `DealView.publish` and takes it up with
        `DealView.former`; it then says so by returning "" here.
        """
        if self.forgets and earlier.forgets:
            return ""
        return f"a clause of kind {self.kind} cannot be changed by an amendment: end it and add another"

    def cannot_end(self) -> str:
        """Return why an amendment cannot end the clause, or ""."""
        if self.forgets:
            return ""
        return f"a clause of kind {self.kind} has dates or balances of its own, which an amendment does not end"

    def includes(self, other: Terms) -> bool:  # noqa: ARG002
        """Whether payments under another clause count towards this one's stated amount."""
        return False

    def promises(self, contract: Contract) -> Sequence[Promise]:  # noqa: ARG002
        """Return what the terms promise over the whole contract, for the headline."""
        return ()


class Periodic(Terms):
    """Terms that are settled again and again."""

    interval: Interval = "quarter"
    """How often it is settled, from the contract's start."""
    start: Day | None = None
    """First day; the contract's if absent."""
    end: Day | None = None
    """Day after the last; the contract's if absent."""
    due_days: Days = 30.0
    """Days from an interval's end to its payment."""


@runtime_checkable
class PriceList(Protocol):
    """A clause that other clauses may refer to for a price."""

    def base_price(self, chip: str, on: Intervals, contract_start: date) -> tuple[Fraction, ...]:
        """Price per chip-hour by interval, before volume tiers [USD/chip-h]."""


@dataclass(frozen=True)
class Schedule:
    """Settlement intervals of a clause inside the plan.

    Parameters
    ----------
    on : Intervals
        Cut at the horizon, and where a version of the contract begins or ends.
    whole : Intervals
        As the contract has them.
    first_year : date
        Start of the first contract year.
    first : int
        Number of the first interval kept, counted from the clause's start.
    """

    on: Intervals
    whole: Intervals
    first_year: date
    first: int = 0

    @cached_property
    def share(self) -> tuple[Fraction, ...]:
        """Part of each interval's days that lies inside the horizon."""
        return tuple(Fraction(int(cut), int(full)) for cut, full in zip(self.on.days, self.whole.days, strict=True))

    @cached_property
    def year(self) -> tuple[int, ...]:
        """Contract year of each interval, from 0."""
        return tuple(_whole_years(self.first_year, day) for day in self.whole.starts)

    def when(self, due_days: float) -> tuple[date, ...]:
        """Payment dates."""
        return tuple(day + timedelta(days=round(due_days)) for day in self.on.ends)


def matches(clause: Terms, which: Sequence[str]) -> bool:
    """Whether a clause is meant by a list of ids and kinds."""
    return clause.id in which or clause.kind in which


def schedule(
    interval: Interval,
    start: date,
    end: date,
    *,
    valuation_date: date,
    horizon: date,
    anew: Sequence[date] = (),
    window: tuple[date | None, date | None] = (None, None),
) -> Schedule | None:
    """Lay out settlement intervals and keep those that end after the valuation date; None if none is left.

    Where time may be added to a term the intervals begin anew, so that none lies on both sides of such a day.  The terms of one version
    of a contract hold inside a window: intervals are counted as if there were none, and cut at its edges.
    """
    if end <= start:
        return None
    edges = [start, *(day for day in anew if start < day < end), end]
    parts = [Intervals.every(MONTHS[interval], a, b) for a, b in itertools.pairwise(edges)]
    every = Intervals(tuple(s for p in parts for s in p.starts), tuple(e for p in parts for e in p.ends))
    since, stop = window
    first = valuation_date if since is None else max(valuation_date, since)
    last = horizon if stop is None else min(horizon, stop)
    kept = [k for k in range(len(every)) if every.ends[k] > first and every.starts[k] < last]
    if not kept:
        return None
    starts, ends = tuple(every.starts[k] for k in kept), tuple(every.ends[k] for k in kept)
    cut = Intervals(tuple(s if since is None else max(s, since) for s in starts), tuple(min(e, last) for e in ends))
    return Schedule(cut, Intervals(starts, ends), start, kept[0])


def exact_mean(series: Series, start: date, end: date) -> Fraction:
    """Mean of dated terms over ``[start, end)``, exact for steps and lines.

    Examples
    --------
    >>> from offtake.spec.series import Series
    >>> ramp = Series((date(2027, 1, 1), date(2028, 1, 1)), (0.1, 0.3))
    >>> exact_mean(ramp, date(2027, 1, 1), date(2028, 1, 1))
    Fraction(1, 5)
    """
    if series.is_constant:
        return exactly(series.values[0])
    edges = [start, *(d for d in series.days if start < d < end), end]
    total = Fraction(0)
    for a, b in itertools.pairwise(edges):
        inside = series.days[0] <= a and b <= series.days[-1]
        if inside and series.interpolation == "geometric":
            total += exactly(series.mean(a, b)) * (b - a).days
        elif inside and series.interpolation == "linear":
            total += (_exact_at(series, a) + _exact_at(series, b)) / 2 * (b - a).days
        else:
            total += exactly(series.at(a)) * (b - a).days
    return total / (end - start).days


def means(series: Series, on: Intervals) -> tuple[Fraction, ...]:
    """Mean of dated terms over each interval."""
    return tuple(exact_mean(series, s, e) for s, e in zip(on.starts, on.ends, strict=True))


def hours(on: Intervals, start: date | None = None, end: date | None = None) -> tuple[int, ...]:
    """Hours of each interval, or of its part in ``[start, end)``."""
    return tuple(
        24 * max(0, (min(e, end or e) - max(s, start or s)).days) for s, e in zip(on.starts, on.ends, strict=True)
    )


def escalated(rate: float, base: date, on: Intervals) -> tuple[Fraction, ...]:
    """Factor ``(1 + rate)^n`` after n whole years from the base date, by the days of each interval; 1 before it."""
    if not rate:
        return (Fraction(1),) * len(on)
    growth = 1 + exactly(rate)
    return tuple(_mean_power(growth, base, s, e) for s, e in zip(on.starts, on.ends, strict=True))


def _mean_power(growth: Fraction, base: date, start: date, end: date) -> Fraction:
    total, day = Fraction(0), start
    while day < end:
        years = max(0, _whole_years(base, day))
        turn = min(end, _anniversary(base, years + 1))
        total += growth**years * (turn - day).days
        day = turn
    return total / (end - start).days


def _exact_at(series: Series, day: date) -> Fraction:
    """Value on a line between two points."""
    for k, (d0, d1) in enumerate(zip(series.days, series.days[1:], strict=False)):
        if d0 <= day <= d1:
            v0, v1 = exactly(series.values[k]), exactly(series.values[k + 1])
            return v0 + (v1 - v0) * Fraction((day - d0).days, (d1 - d0).days)
    return exactly(series.at(day))


def _anniversary(base: date, years: int) -> date:
    from offtake.dates import add_months

    return add_months(base, 12 * years)


def _whole_years(base: date, day: date) -> int:
    years = day.year - base.year
    while _anniversary(base, years) > day:
        years -= 1
    return years


def total_of(values: Sequence[Number]) -> Fraction:
    """Exact sum."""
    return sum((exactly(v) for v in values), Fraction(0))
