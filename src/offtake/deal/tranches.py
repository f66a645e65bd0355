"""Tranches: dated slices of capacity, their volumes in any intervals, and how what was delivered is shared among them.

The volume of a tranche in an interval is the integral of its dated chips (or MW of IT power) over the days of both [chip-h, MWh].
Tranches of the same chip, or of all chips, form a stack that is filled in the order of the file.  A clause that may end a tranche or
lengthen it publishes two facts over its own intervals, which `effective` turns into the volume that then counts:

    volume = as written − what lies in intervals after its end + what is made good after its last day
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar, runtime_checkable

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Use
from offtake.deal.quantities import CHIP_H, MW_H, Measure
from offtake.deal.terms import HOURS_PER_YEAR, PriceList, exact_mean, means
from offtake.errors import OfftakeError
from offtake.spec.fields import (
    ChipId,
    Day,
    Id,
    Model,
    MwStepSeries,
    Unit,
    UsdPerChipHourSeries,
    UsdPerMwYearSeries,
)
from offtake.spec.series import Series

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, Numbers, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.terms import Periodic, Schedule

ChipsStepSeries = Annotated[Series, Unit("chip", interpolation="step")]


class Tranche(Model):
    """A dated slice of capacity with its own volume and price."""

    id: Id
    start: Day | None = None
    """First day; the clause's if absent."""
    end: Day | None = None
    """Day after the last; the clause's if absent."""
    chip: ChipId | None = None
    """Generation, for a volume in chips."""
    count_chip: ChipsStepSeries | None = None
    """Chips reserved, dated."""
    it_power_mw: MwStepSeries | None = None
    """IT power reserved over all chips, dated."""
    price_usd_per_chip_h: UsdPerChipHourSeries | None = None
    """Price of a chip-hour."""
    rate_usd_per_mw_y: UsdPerMwYearSeries | None = None
    """Price of a MW over a year of 8,760 hours."""
    use: Use = Use.SERVICE
    """How the books class it: a service, an operating lease or a finance lease."""

    @model_validator(mode="after")
    def _one_volume(self) -> Tranche:
        if (self.count_chip is None) == (self.it_power_mw is None):
            raise ValueError("give either `chip` with `count`, or `it_power` with `rate`")
        if self.count_chip is not None and (self.chip is None or self.rate_usd_per_mw_y is not None):
            raise ValueError("a volume in chips needs `chip`, and its price is per chip-hour")
        if self.it_power_mw is not None and (self.rate_usd_per_mw_y is None or self.price_usd_per_chip_h is not None):
            raise ValueError("a volume in MW needs `rate`, in USD per MW-year")
        if self.it_power_mw is not None and self.chip is not None:
            raise ValueError("a volume in MW is over all chips; give `count` for one `chip`")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"the tranche ends {self.end}, not after its start {self.start}")
        return self

    @property
    def series(self) -> Series:
        """Dated chips, or dated MW."""
        return self.count_chip or self.it_power_mw or _NONE

    @property
    def unit(self) -> str:
        """Unit of its volume."""
        return MW_H if self.it_power_mw is not None else CHIP_H


_NONE = Series.constant(0.0)

LATE = "delivery_delay"
"""Kind of the clause that publishes facts on the tranches of others."""

ENDED = "ended"
"""Fact over its intervals: 1 in those after the tranche was ended."""

AVAILABLE = "available"
"""Volume that was made available in each interval: a clause on the same intervals need not share it out again."""

MADE_GOOD = "made_good"
"""Volume of each interval after a tranche's last day that makes good what was not delivered before."""


T = TypeVar("T", bound=Tranche)


@runtime_checkable
class Sliced(Protocol):
    """A clause whose capacity comes in tranches: another clause may refer to them."""

    @property
    def id(self) -> str:
        """Name of the clause."""

    @property
    def start(self) -> date | None:
        """First day; the contract's if absent."""

    @property
    def end(self) -> date | None:
        """Day after the last; the contract's if absent."""

    @property
    def slices(self) -> Sequence[Tranche]:
        """The tranches, in the order in which they are filled."""


def term(tranche: Tranche, clause: Sliced, deal: DealView[X]) -> tuple[date, date]:
    """Return the first day of a tranche and the day after its last, inside the contract and its possible extensions."""
    start = tranche.start or clause.start or deal.contract.start
    return max(start, deal.contract.start), deal.until(tranche.end or clause.end)


def volume(
    tranche: Tranche, on: Intervals, start: date, end: date, *, late_days: int = 0, today: date | None = None
) -> tuple[Fraction, ...]:
    """Return chip-hours or MWh of each interval inside ``[start, end)``, and from `today` on if given.

    With `late_days`, every delivery of the schedule may come so many days later: the volume is that of the schedule moved back,
    and never above the volume as written.

    Examples
    --------
    A hundred chips from 2027-01-01, thirty days of grace, over January and February:

    >>> from offtake.dates import Intervals
    >>> from offtake.spec.series import Series
    >>> t = Tranche(id="one", chip="a", count_chip=Series.constant(100.0))
    >>> on = Intervals.every(1, date(2027, 1, 1), date(2027, 3, 1))
    >>> [int(v) for v in volume(t, on, date(2027, 1, 1), date(2028, 1, 1))]
    [74400, 67200]
    >>> [int(v) for v in volume(t, on, date(2027, 1, 1), date(2028, 1, 1), late_days=30)]
    [2400, 67200]
    """
    found = []
    for s, e in zip(on.starts, on.ends, strict=True):
        since = max(s, today or s)
        written = _integral(tranche.series, max(since, start), min(e, end), 0)
        if late_days:
            first = max(since, start + timedelta(days=late_days))
            written = min(written, _integral(tranche.series, first, min(e, end), late_days))
        found.append(written)
    return tuple(found)


def _integral(series: Series, first: date, last: date, late_days: int) -> Fraction:
    """Dated power or count times hours over ``[first, last)``, as it was some days before."""
    if last <= first:
        return Fraction(0)
    back = timedelta(days=late_days)
    return exact_mean(series, first - back, last - back) * 24 * (last - first).days


def written(tranche: Tranche, clause: Sliced, on: Intervals, deal: DealView[X]) -> tuple[Fraction, ...]:
    """Volume of a tranche in each interval, for the days after the valuation date."""
    start, end = term(tranche, clause, deal)
    return volume(tranche, on, start, end, today=deal.facts.valuation_date)


def plan_of(clause: Periodic, deal: DealView[X]) -> Schedule | None:
    """Return the settlement intervals of a clause with tranches: on to the contract's end where one may be made good later."""
    slices = clause.slices if isinstance(clause, Sliced) else ()
    longer = isinstance(clause, Sliced) and any(told(deal, MADE_GOOD, clause, t) for t in slices)
    return deal.schedule(end=deal.end) if longer else deal.schedule()


def late_from(share: float, volumes: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Missing volume from which an interval is late: a share of its own, and out of reach where nothing is due."""
    never = max([*volumes, Fraction(1)])
    return tuple(exactly(share) * v if v else never for v in volumes)


def stacks(slices: Sequence[T]) -> list[tuple[str | None, list[T]]]:
    """Group tranches by chip (None: of all chips), in the order in which they are filled."""
    return [(chip, [t for t in slices if t.chip == chip]) for chip in dict.fromkeys(t.chip for t in slices)]


def metered(a: Algebra[X], deal: DealView[X], name: str, chip: str | None, on: Intervals) -> X:
    """Chip-hours of one chip, or MWh of IT power over all chips at their full power."""
    if chip is not None:
        return a.read(Measure(name, chip), on=on)
    total = a.zero(on=on, unit=MW_H)
    for each in deal.facts.chips:
        watts = deal.facts.it_w_per_chip[each]
        total = total + a.scale(a.read(Measure(name, each), on=on), exactly(watts) / 10**6, unit=MW_H)
    return total


def price(tranche: Tranche, on: Intervals, deal: DealView[X], price_from: str | None = None) -> tuple[Fraction, ...]:
    """Price of a chip-hour or a MWh by interval: the tranche's own, or that of the contract's price clause."""
    if tranche.rate_usd_per_mw_y is not None:
        own = tuple(p / HOURS_PER_YEAR for p in means(tranche.rate_usd_per_mw_y, on))
    elif tranche.price_usd_per_chip_h is not None:
        own = means(tranche.price_usd_per_chip_h, on)
    else:
        own = deal.price_list(price_from).base_price(str(tranche.chip), on, deal.contract.start)
    return deal.extended(own, on, tranche.chip)


def need_price(contract: Contract, price_from: str | None, chip: str) -> None:
    """Refuse a price by reference that no clause, or more than one, can give.

    Raises
    ------
    OfftakeError
        With what to write instead.
    """
    found = [c for c in contract.clauses if isinstance(c, PriceList) and price_from in (None, getattr(c, "id", ""))]
    if len(found) != 1:
        named = f" called {price_from!r}" if price_from else ""
        raise OfftakeError(
            f"the price of {chip!r} stands in no other clause: the contract has {len(found)} price clauses{named}; "
            "state the price here, or name one in `price_from`"
        )
    try:
        found[0].base_price(chip, Intervals((contract.start,), (contract.end,)), contract.start)
    except KeyError as error:
        raise OfftakeError(str(error.args[0])) from None


def worth(tranche: Tranche, start: date, end: date) -> Fraction | None:
    """Price of the whole volume between two days [USD]; None where the price stands in another clause.

    Examples
    --------
    >>> from offtake.spec.series import Series
    >>> t = Tranche(id="p", it_power_mw=Series.constant(2.0), rate_usd_per_mw_y=Series.constant(8.76e6))
    >>> int(worth(t, date(2027, 1, 1), date(2027, 1, 11)))  # 2 MW x 240 h x 1,000 USD/MWh
    480000
    """
    own = tranche.price_usd_per_chip_h or tranche.rate_usd_per_mw_y
    if own is None:
        return None
    per_hour = Fraction(1, 1 if tranche.price_usd_per_chip_h is not None else HOURS_PER_YEAR)
    cuts = sorted({start, max(start, end), *(d for s in (own, tranche.series) for d in s.days if start < d < end)})
    parts = itertools.pairwise(cuts)
    return sum((exact_mean(own, s, e) * _integral(tranche.series, s, e, 0) * per_hour for s, e in parts), Fraction(0))


# -- facts on tranches ---------------------------------------------------------------------------------------------


def fact_name(what: str, clause: str, tranche: str) -> str:
    """Name under which a fact on a tranche is published."""
    return f"{what}:{clause}.{tranche}"


def told(deal: DealView[X], what: str, clause: Sliced, tranche: Tranche) -> list[X]:
    """Facts on a tranche that the remedies of late delivery have published; at most one."""
    return list(deal.published((LATE,), fact_name(what, clause.id, tranche.id)).values())


def effective(a: Algebra[X], deal: DealView[X], clause: Sliced, tranche: Tranche, on: Intervals) -> X | Numbers:
    """Volume that counts: as written, while the contract holds, less what was ended, plus what is made good (see the module).

    Plain numbers are returned where no clause can change the volume: they keep the problem tight.
    """
    whole = written(tranche, clause, on, deal)
    ended, later = (told(deal, what, clause, tranche) for what in (ENDED, MADE_GOOD))
    if not ended and not later and deal.force() is None:
        return whole
    counts = held(a, deal, clause, tranche, on)
    for fact in ended:
        counts = counts - _lost(a, deal, clause, tranche, fact, on=on)
    counts = a.known(counts, 0, whole)
    for more in later:
        counts = counts + a.resample(more, on=on)
    return counts


def available(
    a: Algebra[X], deal: DealView[X], clause: Sliced, volumes: Sequence[tuple[Tranche, X | Numbers]], *, on: Intervals
) -> list[X]:
    """Share what was made available among the tranches of one chip, in the order of the file, unless that has been done."""
    found = [told(deal, AVAILABLE, clause, t) for t, _ in volumes]
    if all(found) and all(f[0].on == on for f in found):
        return [f[0] for f in found]
    chip = volumes[0][0].chip
    delivered = metered(a, deal, "delivery_chip_h", chip, on)
    return a.layers(delivered, [v for _, v in volumes], f"{chip or 'it-power'}.available")[:-1]


def held(a: Algebra[X], deal: DealView[X], clause: Sliced, tranche: Tranche, on: Intervals) -> X:  # noqa: ARG001
    """Volume as written over the days on which the contract is in force."""
    start, end = term(tranche, clause, deal)
    first = max(start, deal.facts.valuation_date)
    return deal.over_term(
        lambda s, e: _integral(tranche.series, max(s, first), min(e, end), 0), on=on, unit=tranche.unit
    )


def _lost(a: Algebra[X], deal: DealView[X], clause: Sliced, tranche: Tranche, ended: X, *, on: Intervals) -> X:
    """Volume of the intervals after a tranche's end, from facts over other intervals."""
    pieces, inside, source = _pieces(on, ended.on)
    gone = a.mix(ended, [[int(k == j) for k in range(len(ended.on))] for j in source], on=pieces)
    if deal.force() is None:
        lost = a.scale(gone, written(tranche, clause, pieces, deal), unit=tranche.unit)
    else:
        lost = a.when(gone, held(a, deal, clause, tranche, pieces), f"{tranche.id}.ended")
    return a.mix(lost, [[int(k == j) for j in inside] for k in range(len(on))], on=on)


def _pieces(on: Intervals, source: Intervals) -> tuple[Intervals, list[int], list[int]]:
    """Cut intervals at the edges of others: the pieces, and for each the interval and the other it lies in (-1: none)."""
    starts, ends, inside, others = [], [], [], []
    edges = sorted({*source.starts, *source.ends})
    for k, (s, e) in enumerate(zip(on.starts, on.ends, strict=True)):
        for first, last in itertools.pairwise([s, *(d for d in edges if s < d < e), e]):
            starts.append(first)
            ends.append(last)
            inside.append(k)
            spans = enumerate(zip(source.starts, source.ends, strict=True))
            others.append(next((j for j, (a, b) in spans if a <= first and last <= b), -1))
    return Intervals(tuple(starts), tuple(ends)), inside, others
