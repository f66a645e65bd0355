"""Take-or-pay: a minimum that is paid even if it is not used, owed only for capacity that was made available.

A tranche is a dated volume, in chips of one generation or in MW of IT power over all chips.  Per interval, with C the tranche's
volume, D the part of C that was made available and T the part that was taken,

    owed = price × max(0, minimum share × D − T)

Tranches of the same chip (or of all chips) are filled in the order of the file: what is made available, and what is taken, belongs to
the first one until that is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import MW_H, USD, Measure
from offtake.deal.terms import HOURS_PER_YEAR, Periodic, Promise, exact_mean, hours, means
from offtake.spec.fields import (
    ChipId,
    ClauseId,
    Day,
    Frac,
    Id,
    Model,
    MwStepSeries,
    Unit,
    UsdPerChipHourSeries,
    UsdPerMwYearSeries,
)
from offtake.spec.series import Series

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due

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
    minimum_frac: Frac = 1.0
    """Share of what is available that is paid even if not taken."""
    price_usd_per_chip_h: UsdPerChipHourSeries | None = None
    """Price of a chip-hour not taken; by reference to a price clause if absent."""
    rate_usd_per_mw_y: UsdPerMwYearSeries | None = None
    """Price of a MW not taken over a year of 8,760 hours."""

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
        return self


class TakeOrPay(Periodic):
    """A minimum offtake, owed for capacity made available."""

    kind: ClassVar[str] = "take_or_pay"

    minimum_mw: MwStepSeries | None = None
    """One tranche in short: IT power over all chips that is paid even if not used."""
    rate_usd_per_mw_y: UsdPerMwYearSeries | None = None
    """Price of the short form."""
    tranches: tuple[Tranche, ...] = ()
    """Slices, in the order in which they are filled."""
    price_from: ClauseId | None = None
    """Clause whose prices per chip-hour hold for tranches without one; the contract's only one if absent."""

    @model_validator(mode="after")
    def _one_form(self) -> TakeOrPay:
        if (self.minimum_mw is None) != (self.rate_usd_per_mw_y is None):
            raise ValueError("`minimum` and `rate` belong together")
        if (self.minimum_mw is None) == (not self.tranches):
            raise ValueError("give either `minimum` with `rate`, or `tranches`")
        if len({t.id for t in self.tranches}) < len(self.tranches):
            raise ValueError("two tranches have the same id")
        return self

    @property
    def slices(self) -> tuple[Tranche, ...]:
        """The tranches, the short form as one."""
        if self.minimum_mw is None:
            return self.tranches
        return (Tranche(id="minimum", it_power_mw=self.minimum_mw, rate_usd_per_mw_y=self.rate_usd_per_mw_y),)

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return one due per tranche."""
        plan = deal.schedule()
        if plan is None:
            return ()
        dues = []
        for chip in dict.fromkeys(t.chip for t in self.slices):
            stack = [t for t in self.slices if t.chip == chip]
            volumes = [self._volume(t, plan.on, deal) for t in stack]
            label = chip or "it-power"
            available = a.layers(_metered(a, deal, "delivery_chip_h", chip, plan.on), volumes, f"{label}.available")
            # The last tranche may count all that is left as taken: it can owe no less than nothing.
            taken = a.layers(_metered(a, deal, "offtake_chip_h", chip, plan.on), volumes[:-1], f"{label}.taken")
            for tranche, had, used in zip(stack, available, taken, strict=False):
                least = a.scale(had, tranche.minimum_frac)
                price = self._price(tranche, plan.on, deal)
                untaken = a.pos(least - used, f"{tranche.id}.untaken")
                amount = a.scale(untaken, price, unit=USD)
                dues.append(
                    deal.due(
                        amount,
                        plan.when(self.due_days),
                        Account.TAKE_OR_PAY,
                        Firmness.FIRM,
                        facts={
                            "tranche": tranche.id,
                            "available": had,
                            "taken": used,
                            "untaken": untaken,
                            "minimum": a.scale(least, price, unit=USD),
                            "taken_at_price": a.scale(used, price, unit=USD),
                        },
                    )
                )
        return dues

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the minimum payments if all capacity is made available and priced in the clause itself."""
        start, end = self.start or contract.start, self.end or contract.end
        made = []
        for t in self.slices:
            first, last = t.start or start, t.end or end
            term = Intervals.every(1, first, last)
            volume = [
                exact_mean(t.count_chip or t.it_power_mw or _NONE, s, e)
                for s, e in zip(term.starts, term.ends, strict=True)
            ]
            price = t.price_usd_per_chip_h or t.rate_usd_per_mw_y
            per_hour = 1 if t.count_chip is not None else Fraction(1, HOURS_PER_YEAR)
            usd = None
            if price is not None:
                usd = (
                    exactly(t.minimum_frac)
                    * per_hour
                    * sum(
                        (v * h * p for v, h, p in zip(volume, hours(term), means(price, term), strict=True)),
                        Fraction(0),
                    )
                )
            made.append(
                Promise(
                    clause=self.id,
                    what=f"minimum of tranche {t.id}, for capacity made available",
                    payer="offtaker",
                    payee="provider",
                    usd=usd,
                    firmness=Firmness.FIRM,
                    layer=contract.layer,
                    start=first,
                    end=last + timedelta(days=round(self.due_days)),
                    within=contract.counted_in(self),
                )
            )
        return made

    def _volume(self, tranche: Tranche, on: Intervals, deal: DealView[X]) -> tuple[Fraction, ...]:
        """Chip-hours or MWh of a tranche in each interval, for the days after the valuation date."""
        start = max(tranche.start or self.start or deal.contract.start, deal.facts.valuation_date)
        end = min(tranche.end or self.end or deal.contract.end, deal.contract.end)
        series = tranche.count_chip or tranche.it_power_mw or _NONE
        return tuple(_inside(series, s, e, start, end) for s, e in zip(on.starts, on.ends, strict=True))

    def _price(self, tranche: Tranche, on: Intervals, deal: DealView[X]) -> tuple[Fraction, ...]:
        if tranche.rate_usd_per_mw_y is not None:
            return tuple(p / HOURS_PER_YEAR for p in means(tranche.rate_usd_per_mw_y, on))
        if tranche.price_usd_per_chip_h is not None:
            return means(tranche.price_usd_per_chip_h, on)
        return deal.price_list(self.price_from).base_price(str(tranche.chip), on, deal.contract.start)


_NONE = Series.constant(0.0)


def _inside(series: Series, s: date, e: date, start: date, end: date) -> Fraction:
    """Integral of a dated power or count over the part of an interval inside a tranche, in hours."""
    first, last = max(s, start), min(e, end)
    return exact_mean(series, first, last) * 24 * (last - first).days if last > first else Fraction(0)


def _metered(a: Algebra[X], deal: DealView[X], name: str, chip: str | None, on: Intervals) -> X:
    """Chip-hours of one chip, or MWh of IT power over all chips at their full power."""
    if chip is not None:
        return a.read(Measure(name, chip), on=on)
    total = a.zero(on=on, unit=MW_H)
    for each in deal.facts.chips:
        watts = deal.facts.it_w_per_chip[each]
        total = total + a.scale(a.read(Measure(name, each), on=on), exactly(watts) / 10**6, unit=MW_H)
    return total
