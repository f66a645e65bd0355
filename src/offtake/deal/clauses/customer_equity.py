"""Customer equity: shares handed to the customer now, paid for by what it buys.

No money moves: the shares are consideration payable to a customer (FASB ASC 606-10-32-25), measured when they are granted.  The issuer
reduces revenue by their worth as service is delivered, here evenly by day from the grant to `recognised_until`.  The stake follows the
path of a share's price, or grows at a rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness, Layer
from offtake.deal.quantities import USD
from offtake.deal.stakes import Held, sampled, stake
from offtake.deal.terms import Promise, Terms
from offtake.spec.fields import Day, FracPerYear, Id, PlainAboveZero, Text, Usd, UsdSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due


class CustomerEquity(Terms, Held):
    """Shares given to the customer."""

    kind: ClassVar[str] = "customer_equity"

    date: Day
    """When they are handed over."""
    amount_usd: Usd | None = None
    """What they are worth then; `shares` times the share price if absent."""
    shares: PlainAboveZero | None = None
    """How many."""
    share_price_usd: UsdSeries | None = None
    """Price of a share over time, which the stake follows; `growth` if absent."""
    issuer: Id = "provider"
    """Whose shares they are: `provider`, `offtaker` or a third party."""
    holder: Id = "offtaker"
    """Who gets them."""
    recognised_until: Day | None = None
    """Day after the last of the service that they pay for; the contract's end if absent."""
    growth_frac_per_y: FracPerYear | None = None
    """Growth of the stake's worth without `share_price`; the objective's rate if absent."""
    form: Text = "common stock"
    """What is handed over."""

    @model_validator(mode="after")
    def _worth_something(self) -> CustomerEquity:
        if (self.shares is None) != (self.share_price_usd is None):
            raise ValueError("`shares` and `share_price` belong together")
        if self.amount_usd is None and self.shares is None:
            raise ValueError("give `amount`, or `shares` with `share_price`")
        if self.share_price_usd is not None and self.growth_frac_per_y is not None:
            raise ValueError("the stake follows `share_price`; leave `growth` out")
        if self.issuer == self.holder:
            raise ValueError("`issuer` and `holder` must differ")
        if self.recognised_until is not None and self.recognised_until <= self.date:
            raise ValueError("`recognised_until` must lie after `date`")
        return self

    @property
    def worth(self) -> Fraction:
        """What the shares are worth when they are handed over [USD]."""
        if self.amount_usd is not None or self.share_price_usd is None:
            return exactly(self.amount_usd or 0.0)
        return exactly(self.shares or 0.0) * exactly(self.share_price_usd.at(self.date))

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the shares given and, in kind against them, the service that they pay for."""
        if not deal.facts.valuation_date <= self.date < deal.facts.horizon or not self.worth:
            return ()
        day = Intervals((self.date,), (self.date + timedelta(days=1),))
        until = self.recognised_until or max(deal.contract.end, day.end)
        amount = a.const(self.worth, on=day, unit=USD)
        given = a.const(self.worth, on=Intervals((self.date,), (until,)), unit=USD)
        rate = deal.facts.discount_rate_frac_per_y if self.growth_frac_per_y is None else self.growth_frac_per_y
        values, units = None, 1.0
        if self.share_price_usd is not None and self.shares is not None:
            values = sampled(self.share_price_usd, self.date, max(self.date, deal.facts.horizon))
            units = self.shares / float(self.worth)
        held = stake(self.form, deal.party(self.holder), rate, held=self, values=values, units=units)
        return (
            deal.due(
                given,
                (self.date,),
                Account.CUSTOMER_EQUITY,
                Firmness.FIRM,
                payer=self.issuer,
                payee=self.holder,
                layer=Layer.EQUITY,
                in_kind=True,
            ),
            deal.due(
                amount,
                (self.date,),
                Account.EQUITY,
                Firmness.FIRM,
                payer=self.holder,
                payee=self.issuer,
                layer=Layer.EQUITY,
                in_kind=True,
                facts={"stake": held},
            ),
        )

    def promises(self, contract: Contract) -> Sequence[Promise]:  # noqa: ARG002
        """Return the worth of the shares."""
        return (
            Promise(
                clause=self.id,
                what=f"{self.form} given for what is bought",
                payer=self.issuer,
                payee=self.holder,
                usd=self.worth,
                firmness=Firmness.FIRM,
                layer=Layer.EQUITY,
                start=self.date,
                end=self.date,
            ),
        )
