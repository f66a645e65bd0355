"""Price per chip-hour by generation, with a yearly escalator and marginal volume tiers.

Owed for a chip in an interval: the chip-hours taken × the dated price × (1 + escalator)^(whole years since its base date).  With tiers,
the volume of a contract year is counted chip by chip; hours above a step cost the step's lower price (marginal: hours below keep
theirs).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD, Measure
from offtake.deal.terms import Periodic, Promise, escalated, means
from offtake.spec.fields import ChipHours, ChipId, Day, Frac, FracPerYear, Model, UsdPerChipHourSeries

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due


class VolumeTier(Model):
    """A discount on what is taken above a yearly volume of one chip."""

    above_chip_h: ChipHours
    """Volume of the contract year at which the discount begins."""
    discount_frac: Frac
    """Off the dated price, for the hours above only."""


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
    """Marginal discounts by yearly volume of each chip, rising."""

    @model_validator(mode="after")
    def _tiers_rise(self) -> ChipPrice:
        steps = [t.above_chip_h for t in self.tiers]
        if any(b <= a for a, b in zip([0.0, *steps], steps, strict=False)):
            raise ValueError("the volumes of `tiers` must be above zero and rise")
        return self

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return one due per chip."""
        plan = deal.schedule()
        if plan is None:
            return ()
        dues = []
        for chip in self.prices_usd_per_chip_h:
            taken = a.read(Measure("offtake_chip_h", chip), on=plan.on)
            price = deal.extended(self._price(chip, plan.on, deal.contract.start), plan.on, chip)
            amount = self._tiered(a, taken, price, plan.year, chip) if self.tiers else a.scale(taken, price, unit=USD)
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

    def _tiered(self, a: Algebra[X], taken: X, price: Sequence[Fraction], year: Sequence[int], chip: str) -> X:
        """Price each interval's own part of the year's volume layers."""
        so_far = a.running(taken, restart=year)
        steps = [exactly(t.above_chip_h) for t in self.tiers]
        widths = [b - c for c, b in zip([Fraction(0), *steps], steps, strict=False)]
        factors = [Fraction(1), *(1 - exactly(t.discount_frac) for t in self.tiers)]
        parts = [a.step(layer, restart=year) for layer in a.layers(so_far, widths, f"{chip}.volume")]
        return a.lin(*((1, a.scale(p, [f * x for x in price], unit=USD)) for f, p in zip(factors, parts, strict=True)))
