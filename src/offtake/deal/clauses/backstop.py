"""Backstop: another party must buy what capacity the provider could not sell.

Per interval, with U the chip-hours of each chip that were ready and neither taken nor sold outside,

    owed = min(cap, sum over chips of price × U),   U up to a cap in MW over all chips, filled in the order of the file

until a total has been paid.  The payer is any party: a chip vendor, a guarantor, the offtaker itself.  The obligation does not end when
the contract is ended early: that is when it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import CHIP_H, MW_H, USD, Measure
from offtake.deal.terms import MONTHS, Periodic, Promise, hours, means
from offtake.deal.tranches import need_price
from offtake.errors import OfftakeError
from offtake.spec.fields import ChipId, ClauseId, FracAboveZero, MwStepSeries, Text, Usd, UsdPerChipHourSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due


class Backstop(Periodic):
    """Unsold capacity that another party must buy."""

    kind: ClassVar[str] = "backstop"

    payer: Text
    """Party that must buy: a name of its own, or `offtaker`."""
    prices_usd_per_chip_h: dict[ChipId, UsdPerChipHourSeries] = {}  # noqa: RUF012  (pydantic copies it)
    """Dated price by chip; or `share` of the contract's prices for `chips`."""
    chips: tuple[ChipId, ...] = ()
    """Chips that are bought at a share of the contract's prices, in the order in which a cap in MW is filled."""
    share_frac: FracAboveZero | None = None
    """That share."""
    price_from: ClauseId | None = None
    """Clause with the contract's prices; the only one if absent."""
    cap_usd: Usd | None = None
    """Most that is paid for an interval."""
    it_power_mw: MwStepSeries | None = None
    """Most IT power that is bought, over all chips."""
    total_usd: Usd | None = None
    """Most that is paid in all."""
    paid_usd: Usd = 0.0
    """Of the total, paid before the valuation date."""

    @model_validator(mode="after")
    def _one_price(self) -> Backstop:
        if bool(self.prices_usd_per_chip_h) == (self.share_frac is not None):
            raise ValueError("give either `prices` by chip, or `share` with `chips`")
        if (self.share_frac is None) == bool(self.chips):
            raise ValueError("`share` and `chips` belong together")
        if self.payer == "provider":
            raise ValueError("the provider cannot buy its own unsold capacity: `payer` is another party")
        if self.total_usd is not None and self.paid_usd > self.total_usd:
            raise ValueError("more has been `paid` than the `total`")
        return self

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return what is paid for unsold capacity."""
        plan = deal.schedule()
        if plan is None:
            return ()
        on = plan.on
        unsold, bought = a.zero(on=on, unit=USD), a.zero(on=on, unit=USD)
        room = None if self.it_power_mw is None else a.const(_energy(self, on), on=on, unit=MW_H)
        for chip in self.prices_usd_per_chip_h or self.chips:
            left = a.read(Measure("unsold_chip_h", chip), on=on)
            price = self._price(chip, on, deal)
            unsold = unsold + a.scale(left, price, unit=USD)
            if room is not None:
                # A chip that the provider does not have is never unsold: its power does not matter.
                mw_h = exactly(deal.facts.it_w_per_chip.get(chip, 1.0)) / 10**6
                part = a.minimum(a.scale(left, mw_h, unit=MW_H), room, f"{chip}.cap")
                room, left = room - part, a.scale(part, 1 / mw_h, unit=CHIP_H)
            bought = bought + a.scale(left, price, unit=USD)
        if self.cap_usd is not None:
            most = [exactly(self.cap_usd) * part for part in plan.share]
            bought = a.minimum(bought, a.const(most, on=on, unit=USD), "cap")
        if self.total_usd is not None:
            bought = a.capped(bought, exactly(self.total_usd) - exactly(self.paid_usd), "total")
        facts = {"unsold_usd": unsold}
        when = plan.when(self.due_days)
        return (deal.due(bought, when, Account.BACKSTOP, Firmness.CONTINGENT, payer=self.payer, facts=facts),)

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the most that can fall due: the total, or the cap of every interval."""
        start, end = self.start or contract.start, min(self.end or contract.end, contract.end)
        if end <= start:
            raise OfftakeError(f"the backstop ends {end}, not after its start {start}")
        self._check_alone(contract, start, end)
        for chip in self.chips:
            need_price(contract, self.price_from, chip)
        most = [exactly(v) for v in (self.total_usd,) if v is not None]
        if self.cap_usd is not None:
            every = Intervals.every(MONTHS[self.interval], start, end)
            most.append(exactly(self.cap_usd) * len(every))
        return (
            Promise(
                clause=self.id,
                what="unsold capacity, bought",
                payer=self.payer,
                payee="provider",
                usd=min(most, default=None),
                firmness=Firmness.CONTINGENT,
                layer=contract.layer,
                start=start,
                end=end + timedelta(days=round(self.due_days)),
            ),
        )

    def _check_alone(self, contract: Contract, start: date, end: date) -> None:
        """Refuse two backstops that would buy the same chip-hour."""
        for other in contract.clauses:
            if not isinstance(other, Backstop) or other is self:
                continue
            if (other.start or contract.start) >= end or start >= min(other.end or contract.end, contract.end):
                continue
            mine, theirs = (c.chips or tuple(c.prices_usd_per_chip_h) for c in (self, other))
            if both := [chip for chip in mine if chip in theirs]:
                said = f"`{other.id}` already buys unsold hours of `{both[0]}` then: they would be paid twice"
                raise OfftakeError(f"{said}; leave the chip out of one, or give them dates")

    def _price(self, chip: str, on: Intervals, deal: DealView[X]) -> tuple[Fraction, ...]:
        if self.share_frac is None:
            return means(self.prices_usd_per_chip_h[chip], on)
        whole = deal.price_list(self.price_from).base_price(chip, on, deal.contract.start)
        return tuple(exactly(self.share_frac) * p for p in deal.extended(whole, on, chip))


def _energy(clause: Backstop, on: Intervals) -> tuple[Fraction, ...]:
    """Return the IT power of the cap times the hours of each interval [MWh]."""
    if clause.it_power_mw is None:
        return ()
    return tuple(p * h for p, h in zip(means(clause.it_power_mw, on), hours(on), strict=True))
