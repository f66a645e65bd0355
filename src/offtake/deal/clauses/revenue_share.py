"""Revenue share: a part of what is sold through channels, of revenue or of gross profit.

Per interval and channel, base = revenue, or max(0, revenue − list rent of the chip-hours assigned to the channel); owed = sum of
rate × base over the channels, at least the floor in each interval, and until the total cap is reached.  Gross profit uses dated list
rents, so that the base never depends on what the alliance pays itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD, Measure
from offtake.deal.terms import Interval, Party, Periodic, Promise, means
from offtake.spec.fields import ChannelId, Unit, Usd, UsdPerYear
from offtake.spec.series import Series

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due

FracStepSeries = Annotated[Series, Unit("%", at_most=1.0, interpolation="step")]


class RevenueShare(Periodic):
    """A share of a channel's revenue or gross profit."""

    kind: ClassVar[str] = "revenue_share"

    interval: Interval = "year"
    """How often it is settled; losses of one part of an interval count against gains of another."""
    base: Literal["revenue", "gross_profit"] = "revenue"
    """What is shared; a negative gross profit counts as nothing."""
    rates_frac: Annotated[dict[ChannelId, FracStepSeries], Field(min_length=1)]
    """Share by channel, dated; a change inside an interval is averaged by day."""
    cap_usd: Usd | None = None
    """Most that is ever paid under the clause."""
    paid_before_usd: Usd = 0.0
    """Part of the cap used before the valuation date."""
    floor_usd_per_y: UsdPerYear = 0.0
    """Least that is paid, by the days of each interval (365 to the year)."""
    payer: Party = "offtaker"
    """Who pays the share."""
    payee: Party = "provider"
    """Who receives it."""

    @model_validator(mode="after")
    def _two_parties(self) -> RevenueShare:
        if self.payer == self.payee:
            raise ValueError("`payer` and `payee` must differ")
        return self

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return one due over all channels."""
        plan = deal.schedule()
        if plan is None:
            return ()
        share = a.zero(on=plan.on, unit=USD)
        for channel, rate in self.rates_frac.items():
            share = share + a.scale(self._base(a, deal, channel, plan.on), means(rate, plan.on))
        if self.floor_usd_per_y:
            start, yearly = max(plan.on.start, deal.facts.valuation_date), exactly(self.floor_usd_per_y)
            least = deal.over_term(lambda s, e: yearly * max(0, (e - max(s, start)).days) / 365, on=plan.on, unit=USD)
            share = a.maximum(share, least, "floor")
        if self.cap_usd is not None:
            share = a.capped(share, max(exactly(self.cap_usd) - exactly(self.paid_before_usd), Fraction(0)), "cap")
        return (
            deal.due(
                share,
                plan.when(self.due_days),
                Account.REVENUE_SHARE,
                Firmness.CONTINGENT,
                payer=self.payer,
                payee=self.payee,
            ),
        )

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return a share without an amount, or its cap."""
        return (
            Promise(
                clause=self.id,
                what=f"share of {self.base.replace('_', ' ')}" + ("" if self.cap_usd is None else ", at most"),
                payer=self.payer,
                payee=self.payee,
                usd=None if self.cap_usd is None else exactly(self.cap_usd),
                firmness=Firmness.CONTINGENT,
                layer=contract.layer,
                start=self.start or contract.start,
                end=(self.end or contract.end) + timedelta(days=round(self.due_days)),
            ),
        )

    def _base(self, a: Algebra[X], deal: DealView[X], channel: str, on: Intervals) -> X:
        base = a.read(Measure("channel_revenue_usd", channel), on=on)
        if self.base == "gross_profit":
            base = a.pos(base - a.read(Measure("channel_list_rent_usd", channel), on=on), f"{channel}.gross-profit")
        return deal.while_in_force(base, channel)
