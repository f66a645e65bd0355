"""Equity tranche: money for a stake, firm at a date or contingent on a trigger that must come before a latest date.

A trigger is tested at the end of each test interval inside the contract and at the end of the latest date.  The first time it holds,
the amount falls due after the notice days; otherwise the tranche lapses.  Spend counts when its own interval has ended, as it is billed.
The stake is carried at its issue price growing at a stated rate (by default the objective's, so that funding itself adds no value) or
along a stated path; the plan never prices a share.  What is paid above the stake's fair value is no investment but a price concession.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness, Layer
from offtake.deal.quantities import USD
from offtake.deal.stakes import Held, sampled, stake
from offtake.deal.terms import Interval, Party, Promise, Terms
from offtake.deal.triggers import Trigger, met, tests_of
from offtake.spec.fields import Day, Days, FracPerYear, Text, Usd, UsdSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due


class EquityTranche(Terms, Held):
    """One payment for a stake."""

    kind: ClassVar[str] = "equity_tranche"

    amount_usd: Usd
    """Paid for the stake."""
    payer: Party = "provider"
    """Who invests."""
    payee: Party = "offtaker"
    """In whom."""
    date: Day | None = None
    """Payment date of a firm tranche."""
    trigger: Trigger | None = None
    """Condition of a contingent tranche."""
    tested: Interval = "quarter"
    """How often the trigger is tested, from the contract's start."""
    notice_days: Days = 0.0
    """Days from the test to the payment."""
    latest: Day | None = None
    """Last day of a test; the contract's end if absent."""
    draw: Literal["automatic", "optional"] = "automatic"
    """Whether the payee must or may take it once the trigger has been met."""
    growth_frac_per_y: FracPerYear | None = None
    """Growth of the carried value of the stake; the objective's rate if absent."""
    form: Text = "preferred stock"
    """What is bought."""
    fair_value_usd: Usd | None = None
    """What the stake is worth when it is paid; the amount if absent.  An excess paid is no investment: it reduces what is charged."""
    worth_usd: UsdSeries | None = None
    """Worth of a share, or of the whole company, over time, which the stake follows from its payment; `growth` if absent."""

    @model_validator(mode="after")
    def _dated_or_triggered(self) -> EquityTranche:
        if (self.date is None) == (self.trigger is None):
            raise ValueError("give either `date` (firm) or `trigger` (contingent)")
        if self.payer == self.payee:
            raise ValueError("`payer` and `payee` must differ")
        if self.fair_value_usd is not None and not self.amount_usd:
            raise ValueError("`fair_value` needs an `amount` above zero")
        if self.worth_usd is not None and (min(self.worth_usd.values) <= 0 or self.growth_frac_per_y is not None):
            raise ValueError("`worth` must be above zero, and stands in the place of `growth`")
        return self

    def after(self) -> tuple[str, ...]:
        """Kinds of clauses whose payments are spend."""
        return self.trigger.reads if self.trigger is not None else ()

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the payment on its date, or on each test date at which the trigger may first hold."""
        if self.date is not None:
            if self.date < deal.facts.valuation_date:
                return ()
            day = Intervals((self.date,), (self.date + timedelta(days=1),))
            amount = a.const(self.amount_usd, on=day, unit=USD)
            return (self._due(deal, amount, (self.date,), Firmness.FIRM),)
        tests = tests_of(deal, self.tested, self.latest)
        if tests is None or self.trigger is None:
            return ()
        due = met(a, deal, self.trigger, tests)
        if self.draw == "optional":
            due = a.both(due, a.ever(a.right("draw", on=tests), "drawn"), "met-and-drawn")
        first, paid = a.step(due), deal.former("paid")
        if paid is not None:  # under an earlier version of the terms: not twice
            first = first - a.when(a.repeat(paid, on=tests), first, "paid-before")
        done = a.total(first) if paid is None else a.total(first) + a.mix(paid, [[1]], on=a.total(first).on)
        deal.publish("paid", a.known(done, 0, 1))
        amount = a.scale(first, self.amount_usd, unit=USD)
        when = tuple(end + timedelta(days=round(self.notice_days)) for end in tests.ends)
        return (self._due(deal, amount, when, Firmness.CONTINGENT if self.draw == "automatic" else Firmness.OPTIONAL),)

    def cannot_follow(self, earlier: Terms) -> str:
        """Take over: a tranche that was paid is not paid again, and what was spent counts on."""
        dated = any(isinstance(t, EquityTranche) and t.date is not None for t in (self, earlier))
        return "a dated tranche cannot be changed; end it and add another" if dated else ""

    def cannot_end(self) -> str:
        """End with the amendment, unless it has a date."""
        return "" if self.date is None else "a dated tranche is owed whatever holds later"

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the amount: firm with a date, contingent or optional with a trigger."""
        last = self.date or min(self.latest or contract.end, contract.end)
        firmness = Firmness.FIRM if self.date else Firmness.CONTINGENT
        return (
            Promise(
                clause=self.id,
                what=f"{self.form} in the {self.payee}",
                payer=self.payer,
                payee=self.payee,
                usd=exactly(self.amount_usd),
                firmness=Firmness.OPTIONAL if self.draw == "optional" else firmness,
                layer=Layer.EQUITY,
                start=self.date or contract.start,
                end=last + timedelta(days=round(self.notice_days)),
            ),
        )

    def _due(self, deal: DealView[X], amount: X, when: tuple[dt.date, ...], firmness: Firmness) -> Due[X]:
        growth = deal.facts.discount_rate_frac_per_y if self.growth_frac_per_y is None else self.growth_frac_per_y
        share = 1.0 if self.fair_value_usd is None else self.fair_value_usd / self.amount_usd
        path, values = self.worth_usd, None
        units: float | list[float] = share
        if path is not None:
            values = sampled(path, when[0], max(when[-1], deal.facts.horizon))
            units = [share / path.at(day) for day in when]
        held = stake(self.form, deal.party(self.payer), growth, held=self, values=values, units=units)
        facts = {"stake": held | {"fair_frac": share}}
        return deal.due(
            amount, when, Account.EQUITY, firmness, payer=self.payer, payee=self.payee, layer=Layer.EQUITY, facts=facts
        )
