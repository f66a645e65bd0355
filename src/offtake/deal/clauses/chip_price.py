"""Price per chip-hour by generation, with a yearly escalator and volume tiers.

Owed for a chip in an interval: the chip-hours taken × the dated price × (1 + escalator)^(whole years since its base date).  With tiers,
the volume of a contract year is counted chip by chip.  Marginal: the hours above a step cost that step's lower price, those below keep
theirs.  All units: once a step is reached, its price holds for the whole volume of the year, and the bill of that interval gives back
what was paid too much before; with V(k) the volume so far and d its tier's discount,

    owed so far(k) = (1 − d(V(k))) × sum of hours × price,   bill(k) = owed so far(k) − owed so far(k − 1)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from offtake.dates import Intervals, add_months
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import CHIP_H, USD, Measure
from offtake.deal.terms import Periodic, Promise, escalated, means
from offtake.errors import OfftakeError
from offtake.spec.fields import ChipHours, ChipId, Day, Frac, FracPerYear, Model, UsdPerChipHourSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due
    from offtake.deal.terms import Schedule, Terms


class VolumeTier(Model):
    """A discount on what is taken above a yearly volume of one chip."""

    above_chip_h: ChipHours
    """Volume of the contract year at which the discount begins."""
    discount_frac: Frac
    """Off the dated price, for the hours above it (marginal) or all of the year's (all units)."""


class ChipPrice(Periodic):
    """Rent for chip-hours taken, by chip generation."""

    kind: ClassVar[str] = "chip_price"

    prices_usd_per_chip_h: Annotated[dict[ChipId, UsdPerChipHourSeries], Field(min_length=1)]
    """Dated price by chip."""
    escalator_frac_per_y: FracPerYear = 0.0
    """Yearly rise of every price, at each anniversary of the base date."""
    escalates_from: Day | None = None
    """Base date of the escalator; the contract's start if absent."""
    tiers: tuple[VolumeTier, ...] = ()
    """Discounts by yearly volume of each chip, rising."""
    how: Literal["marginal", "all_units"] = "marginal"
    """Whether a tier's price holds for the hours above its step only, or for the whole volume of the year once it is reached."""
    taken_before_chip_h: dict[ChipId, ChipHours] = {}  # noqa: RUF012  (pydantic copies it)
    """Volume of the contract year in progress that was taken before the valuation date, by chip."""

    @model_validator(mode="after")
    def _tiers_rise(self) -> ChipPrice:
        steps = [t.above_chip_h for t in self.tiers]
        if any(b <= a for a, b in zip([0.0, *steps], steps, strict=False)):
            raise ValueError("the volumes of `tiers` must be above zero and rise")
        if self.taken_before_chip_h and not self.tiers:
            raise ValueError("`taken_before` has no effect without `tiers`")
        if unpriced := [c for c in self.taken_before_chip_h if c not in self.prices_usd_per_chip_h]:
            raise ValueError(f"`taken_before` names {unpriced[0]!r}, which has no price here")
        off = [t.discount_frac for t in self.tiers]
        if self.how == "all_units" and any(b < a for a, b in itertools.pairwise([0.0, *off])):
            raise ValueError("with `how: all_units` a higher tier cannot have a lower discount")
        return self

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return one due per chip."""
        plan = deal.schedule()
        if plan is None:
            return ()
        dues = []
        for chip in self.prices_usd_per_chip_h:
            taken = a.read(Measure("offtake_chip_h", chip), on=plan.on)
            if deal.goes_on:
                deal.publish(f"{chip}.year", a.pick(self._so_far(a, deal, plan, chip, taken), len(plan.on) - 1))
            price = deal.extended(self._price(chip, plan.on, deal.contract.start), plan.on, chip)
            if self.tiers:
                amount = self._tiered(a, deal, plan, taken, self._year(deal, plan, chip, price))
            else:
                amount = a.scale(taken, price, unit=USD)
            due = deal.due(amount, plan.when(self.due_days), Account.RENT, Firmness.OPTIONAL, facts={"chip": chip})
            dues.append(due)
        return dues

    def base_price(self, chip: str, on: Intervals, contract_start: date) -> tuple[Fraction, ...]:
        """Price by interval before volume tiers [USD/chip-h]."""
        if chip not in self.prices_usd_per_chip_h:
            raise KeyError(
                f"clause {self.id} has no price for {chip!r}; it has {', '.join(self.prices_usd_per_chip_h)}"
            )
        return self._price(chip, on, contract_start)

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return a price without an amount: what is taken is the offtaker's choice."""
        return (
            Promise(
                clause=self.id,
                what="chip-hours taken, at the contract's prices",
                payer="offtaker",
                payee="provider",
                usd=None,
                firmness=Firmness.OPTIONAL,
                layer=contract.layer,
                start=self.start or contract.start,
                end=self.end or contract.end,
            ),
        )

    def _price(self, chip: str, on: Intervals, contract_start: date) -> tuple[Fraction, ...]:
        rises = escalated(self.escalator_frac_per_y, self.escalates_from or contract_start, on)
        return tuple(p * r for p, r in zip(means(self.prices_usd_per_chip_h[chip], on), rises, strict=True))

    def cannot_follow(self, earlier: Terms) -> str:
        """Take over: marginal tiers go on with the volume of the contract year; all-units tiers would price it again."""
        if any(isinstance(t, ChipPrice) and t.tiers and t.how == "all_units" for t in (self, earlier)):
            return "all-units tiers price the whole volume of a contract year, so an amendment cannot change them within it"
        return ""

    def cannot_end(self) -> str:
        """End with the amendment."""
        return ""

    def _so_far(self, a: Algebra[X], deal: DealView[X], plan: Schedule, chip: str, taken: X) -> X:
        """Volume of the contract year up to each interval's end, with what an earlier version of the terms has seen of it."""
        so_far, before = a.running(taken, restart=plan.year), self._before(deal, plan, chip)
        if before is None:
            return so_far
        return so_far + a.mix(before, [[int(y == plan.year[0])] for y in plan.year], on=plan.on)

    def _before(self, deal: DealView[X], plan: Schedule, chip: str) -> X | None:
        """Volume that an earlier version of the terms has seen in the contract year in which it was amended."""
        since = deal.span.since
        in_progress = since is not None and add_months(plan.first_year, 12 * plan.year[0]) < since
        return deal.former(f"{chip}.year") if in_progress else None

    def _tiered(self, a: Algebra[X], deal: DealView[X], plan: Schedule, taken: X, year: Year) -> X:
        """Price each interval's own part of the year's volume."""
        chip = year.chip
        so_far = self._so_far(a, deal, plan, chip, taken)
        if year.before:
            so_far = so_far + a.const(year.until_next(plan, year.before), on=plan.on, unit=CHIP_H)
        if self.how == "marginal":
            bill = self._marginal(a, plan, chip, so_far, year)
            if (before := self._before(deal, plan, chip)) is None:
                return bill
            done = a.layers(before, self._widths, f"{chip}.before")
            paid = a.lin(
                *((1, a.scale(p, f * year.price[0], unit=USD)) for f, p in zip(self._factors, done, strict=True))
            )
            return bill - a.mix(paid, [[int(k == 0)] for k in range(len(plan.on))], on=plan.on)
        whole = a.running(a.scale(taken, year.price, unit=USD), restart=plan.year)
        if year.before:
            whole = whole + a.const(year.until_next(plan, year.before * year.rate), on=plan.on, unit=USD)
        owed, off = whole, Fraction(0)
        for k, tier in enumerate(self.tiers):
            reached = a.reached(so_far, tier.above_chip_h, f"{chip}.tier-{k + 1}")
            back = a.when(reached, whole, f"{chip}.back-{k + 1}")
            owed = owed - a.scale(back, exactly(tier.discount_frac) - off)
            off = exactly(tier.discount_frac)
        bill = a.step(owed, restart=plan.year)
        return bill - a.const(_at_first(plan, year.before * year.rate * self._left(year.before)), on=plan.on, unit=USD)

    def _marginal(self, a: Algebra[X], plan: Schedule, chip: str, so_far: X, year: Year) -> X:
        """Price the layers of the year's volume, each at its own discount."""
        steps, widths = [exactly(t.above_chip_h) for t in self.tiers], self._widths
        parts = [a.step(layer, restart=plan.year) for layer in a.layers(so_far, widths, f"{chip}.volume")]
        if year.before:
            done = [
                min(max(year.before - c, Fraction(0)), w) for c, w in zip([Fraction(0), *steps], widths, strict=False)
            ]
            done.append(max(year.before - steps[-1], Fraction(0)))
            parts = [p - a.const(_at_first(plan, d), on=plan.on, unit=CHIP_H) for p, d in zip(parts, done, strict=True)]
        priced = [a.scale(p, [f * x for x in year.price], unit=USD) for f, p in zip(self._factors, parts, strict=True)]
        return a.lin(*((1, p) for p in priced))

    @property
    def _widths(self) -> list[Fraction]:
        """Volume of each tier but the last [chip-h]."""
        steps = [exactly(t.above_chip_h) for t in self.tiers]
        return [b - c for c, b in zip([Fraction(0), *steps], steps, strict=False)]

    @property
    def _factors(self) -> list[Fraction]:
        """Part of the price that is paid in each tier."""
        return [Fraction(1), *(1 - exactly(t.discount_frac) for t in self.tiers)]

    def _left(self, volume: Fraction) -> Fraction:
        """Part of the price that is paid for a whole volume under all-units tiers."""
        return 1 - max(
            (exactly(t.discount_frac) for t in self.tiers if volume >= exactly(t.above_chip_h)), default=Fraction(0)
        )

    def _year(self, deal: DealView[X], plan: Schedule, chip: str, price: tuple[Fraction, ...]) -> Year:
        """Return what the contract year in progress has seen before the valuation date, and at which mean price."""
        before = exactly(self.taken_before_chip_h.get(chip, 0.0))
        if not before or deal.span.since is not None:  # a later version of the terms takes up what the first one counts
            return Year(chip=chip, price=price)
        start, today = add_months(plan.first_year, 12 * plan.year[0]), deal.facts.valuation_date
        if start >= today:
            raise OfftakeError(
                f"{deal.cause}: `taken_before` counts in the contract year in progress on {today}, but that year begins {start}"
            )
        rate = self._price(chip, Intervals((start,), (today,)), deal.contract.start)[0]
        return Year(chip=chip, price=price, before=before, rate=rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """Prices of one chip before tiers, and the volume of the contract year in progress taken before the plan begins.

    Parameters
    ----------
    chip : str
    price : tuple of Fraction
        By interval [USD/chip-h].
    before : Fraction
        Taken before [chip-h].
    rate : Fraction
        Mean price then, before tiers [USD/chip-h].
    """

    chip: str
    price: tuple[Fraction, ...]
    before: Fraction = Fraction(0)
    rate: Fraction = Fraction(0)

    def until_next(self, plan: Schedule, amount: Fraction) -> tuple[Fraction, ...]:
        """Return an amount in every interval of the year in progress."""
        return tuple(amount if y == plan.year[0] else Fraction(0) for y in plan.year)


def _at_first(plan: Schedule, amount: Fraction) -> tuple[Fraction, ...]:
    """Return an amount in the first interval alone."""
    return (amount, *([Fraction(0)] * (len(plan.on) - 1)))
