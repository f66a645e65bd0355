"""Whether the contract is in force: 0/1 on the stretches between the days on which that can change.

Clauses that end the term early publish `ENDS`, a vector over single days that is 1 on the day from which the contract has ended; clauses
that let it go on publish `GOES_ON`, a vector over the added time that is 1 if it is added.  Both are facts of the plan or of settlement,
so whatever depends on them is a linear combination of a few 0/1 vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Generic

from offtake.dates import Intervals
from offtake.deal.algebra import Number, X, exactly
from offtake.deal.quantities import ONE

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra
    from offtake.spec.series import Series

ENDS = "ends"
"""Fact published by a clause that can end the contract: over days, 1 on the day from which it has ended."""

GOES_ON = "goes-on"
"""Fact published by a clause that can extend the contract: over the added time as one interval, 1 if it is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Time that an option adds to the term, and the terms that then hold.

    Parameters
    ----------
    option : str
        Id of the clause that adds it.
    start, end : date
        Added days, ``[start, end)``.
    which : tuple[str, ...]
        Ids or kinds of the clauses that go on; empty: all.
    factor : Fraction
        Times every price.
    prices : mapping
        New dated price by chip [USD/chip-h], instead.
    """

    option: str
    start: date
    end: date
    which: tuple[str, ...] = ()
    factor: Fraction = Fraction(1)
    prices: Mapping[str, Series] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Force(Generic[X]):
    """The state of the contract.

    Parameters
    ----------
    segments : Intervals
        Days on which the state cannot change, adjoining, from the contract's start to its last possible end.
    state : X
        1 in the segments in which the contract is in force; it never rises again once it is 0.
    """

    segments: Intervals
    state: X

    def mean(self, a: Algebra[X], on: Intervals) -> X:
        """Part of each interval's days in which the contract is in force; days outside the term count as its nearest day."""
        return a.mix(self.state, self._weights(on, lambda s, e, k: Fraction((e - s).days, int(on.days[k]))), on=on)

    def last_day(self, a: Algebra[X], on: Intervals) -> X:
        """1 where the contract is in force on the last day of an interval."""
        lasts = [end - timedelta(days=1) for end in on.ends]
        return a.mix(self.state, self._weights(on, lambda s, e, k: int(s <= lasts[k] < e)), on=on)

    def amounts(self, a: Algebra[X], amount: Callable[[date, date], Number], *, on: Intervals, unit: str) -> X:
        """Add up dated terms over the days of each interval on which the contract is in force."""
        weights = self._weights(on, lambda s, e, _: exactly(amount(s, e)))
        return a.scale(a.mix(self.state, weights, on=on), 1, unit=unit)

    def part(self, a: Algebra[X], x: X, name: str) -> X:
        """Return the part of a quantity that falls on days in force: a product for each segment of an interval that is in doubt."""
        on = x.on
        shares = self._weights(on, lambda s, e, k: Fraction((e - s).days, int(on.days[k])))
        inside = [[n for n, share in enumerate(row) if share] for row in shares]
        found = a.zero(on=on, unit=x.unit)
        for r in range(max(len(row) for row in inside)):
            here = [row[r] if r < len(row) else None for row in inside]
            state = a.mix(self.state, [[int(n == m) for n in range(len(self.segments))] for m in here], on=on)
            part = a.when(a.known(state, 0, 1), x, f"{name}.in-force-{r + 1}")
            found = found + a.scale(part, [0 if m is None else shares[k][m] for k, m in enumerate(here)])
        return found

    def _weights(self, on: Intervals, of: Callable[[date, date, int], Number]) -> list[list[Number]]:
        """``of(start, end, interval)`` for the part of each interval in each segment; the outer segments have no outer ends."""
        starts = (min(on.start, self.segments.start), *self.segments.starts[1:])
        ends = (*self.segments.ends[:-1], max(on.end, self.segments.end))
        rows: list[list[Number]] = []
        for k, (s, e) in enumerate(zip(on.starts, on.ends, strict=True)):
            parts = [(max(s, a), min(e, b)) for a, b in zip(starts, ends, strict=True)]
            rows.append([of(a, b, k) if b > a else 0 for a, b in parts])
        return rows


def in_force(
    a: Algebra[X], term: tuple[date, date], ended: Mapping[str, X], added: Sequence[tuple[Stretch, X]]
) -> Force[X]:
    """Join the facts that end the contract and those that let it go on.

    Parameters
    ----------
    term : (start, end)
        Of the contract without any option.
    ended : mapping
        `ENDS` by clause.
    added : sequence
        Stretches in order of time with their `GOES_ON`; one can be added only where the one before it is.
    """
    start, end = term
    last = max([end, *(s.end for s, _ in added)])
    edges = {start, end, last} | {s.start for s, _ in added}
    edges |= {day for x in ended.values() for day in x.on.starts if start < day < last}
    segments = Intervals.from_edges(sorted(edges))
    over: X | None = None
    for name, x in ended.items():
        passed = a.mix(x, [[int(day <= s) for day in x.on.starts] for s in segments.starts], on=segments)
        passed = a.known(passed, 0, 1)
        over = passed if over is None else a.known(a.either(over, passed, f"ended-by-{name}"), 0, 1)
    alive = a.const([int(s < end) for s in segments.starts], on=segments, unit=ONE)
    for stretch, x in added:
        alive = alive + a.mix(x, [[int(stretch.start <= s < stretch.end)] for s in segments.starts], on=segments)
    if over is None:
        return Force(segments=segments, state=a.known(alive, 0, 1))
    return Force(segments=segments, state=_unless(a, a.known(alive, 0, 1), over, first_option=end))


def _unless(a: Algebra[X], alive: X, over: X, *, first_option: date) -> X:
    """1 where the term runs and has not been ended; before any option's time a difference says it, later it takes a product."""
    on = alive.on
    cut = sum(day < first_option for day in on.starts)
    parts: list[X] = []
    for n, first in ((cut, 0), (len(on) - cut, cut)):
        if not n:
            continue
        part = Intervals(on.starts[first : first + n], on.ends[first : first + n])
        pick = [[int(m == first + k) for m in range(len(on))] for k in range(n)]
        runs, gone = a.mix(alive, pick, on=part), a.mix(over, pick, on=part)
        stays = runs - (gone if not first else a.when(runs, gone, "in-force.ended"))
        parts.append(a.known(stays, 0, 1))
    return a.join(parts, on=on)
