"""Equity tranche: money for a stake, firm at a date or contingent on a trigger that must come before a latest date.

A trigger is tested at the end of each test interval inside the contract and at the end of the latest date.  The first time it holds,
the amount falls due after the notice days; otherwise the tranche lapses.  Spend counts when its own interval has ended, as it is billed.
The stake is carried at its issue price growing at a stated rate (by default the objective's, so that funding itself adds no value); the
plan never prices a share.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness, Layer
from offtake.deal.quantities import ONE, USD, Measure
from offtake.deal.terms import Interval, Party, Promise, Terms
from offtake.spec.fields import Day, Days, FracPerYear, Model, Mw, Text, TrainingId, Usd

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due

SPEND = ("chip_price", "take_or_pay", "spend_commitment")


class Trigger(Model):
    """What must have happened."""

    cumulative_spend_usd: Annotated[Usd, Field(gt=0)] | None = None
    """The offtaker's payments under the contract, true-ups included, have reached this sum."""
    spent_before_usd: Usd = 0.0
    """Part of it that was spent before the valuation date."""
    accepted_mw: Annotated[Mw, Field(gt=0)] | None = None
    """IT power accepted by the offtaker, mean over a test interval, has reached this."""
    training: TrainingId | None = None
    """A training run is done."""
    need: Literal["all", "any"] = "all"
    """Whether all of the conditions given must have been met, or one."""

    @model_validator(mode="after")
    def _some_condition(self) -> Trigger:
        if self.cumulative_spend_usd is None and self.accepted_mw is None and self.training is None:
            raise ValueError("a trigger needs a condition: `cumulative_spend`, `accepted` or `training`")
        return self


class EquityTranche(Terms):
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
    """How the stake is held."""

    @model_validator(mode="after")
    def _dated_or_triggered(self) -> EquityTranche:
        if (self.date is None) == (self.trigger is None):
            raise ValueError("give either `date` (firm) or `trigger` (contingent)")
        if self.payer == self.payee:
            raise ValueError("`payer` and `payee` must differ")
        return self

    def after(self) -> tuple[str, ...]:
        """Kinds of clauses whose payments are spend."""
        return SPEND if self.trigger is not None and self.trigger.cumulative_spend_usd is not None else ()

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the payment on its date, or on each test date at which the trigger may first hold."""
        if self.date is not None:
            if self.date < deal.facts.valuation_date:
                return ()
            day = Intervals((self.date,), (self.date + timedelta(days=1),))
            amount = a.const(self.amount_usd, on=day, unit=USD)
            return (self._due(deal, amount, (self.date,), Firmness.FIRM),)
        tests = self._tests(deal)
        if tests is None or self.trigger is None:
            return ()
        met = a.ever(self._met(a, deal, self.trigger, tests), "met")
        if self.draw == "optional":
            met = a.both(met, a.ever(a.right("draw", on=tests), "drawn"), "met-and-drawn")
        amount = a.scale(a.step(met), self.amount_usd, unit=USD)
        when = tuple(end + timedelta(days=round(self.notice_days)) for end in tests.ends)
        return (self._due(deal, amount, when, Firmness.CONTINGENT if self.draw == "automatic" else Firmness.OPTIONAL),)

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

    def _tests(self, deal: DealView[X]) -> Intervals | None:
        """Test intervals, the last one ending with the latest date; None if there is none."""
        plan = deal.schedule(self.tested)
        if plan is None:
            return None
        stop = plan.on.end if self.latest is None else self.latest + timedelta(days=1)
        kept = [
            (s, min(e, stop))
            for s, e in zip(plan.on.starts, plan.on.ends, strict=True)
            if self.latest is None or s < self.latest
        ]
        return Intervals(tuple(s for s, _ in kept), tuple(e for _, e in kept)) if kept else None

    def _met(self, a: Algebra[X], deal: DealView[X], trigger: Trigger, tests: Intervals) -> X:
        """Whether the trigger holds at the end of each test interval."""
        facts: list[X] = []
        if trigger.cumulative_spend_usd is not None:
            left = exactly(trigger.cumulative_spend_usd) - exactly(trigger.spent_before_usd)
            spent = a.running(deal.billed(SPEND, on=tests, at_end=True))
            facts.append(a.reached(spent, left, "spend") if left > 0 else a.const(1, on=tests, unit=ONE))
        if trigger.accepted_mw is not None:
            facts.append(a.reached(a.read(Measure("accepted_it_mw"), on=tests), trigger.accepted_mw, "accepted"))
        if trigger.training is not None:
            facts.append(a.read(Measure("training_done", trigger.training), on=tests))
        facts = [a.ever(f, f"condition-{k + 1}") for k, f in enumerate(facts)] if len(facts) > 1 else facts
        met = facts[0]
        for k, fact in enumerate(facts[1:], start=2):
            met = a.both(met, fact, f"and-{k}") if trigger.need == "all" else a.either(met, fact, f"or-{k}")
        return met

    def _due(self, deal: DealView[X], amount: X, when: tuple[dt.date, ...], firmness: Firmness) -> Due[X]:
        growth = deal.facts.discount_rate_frac_per_y if self.growth_frac_per_y is None else self.growth_frac_per_y
        facts = {"stake": {"form": self.form, "growth_frac_per_y": growth, "holder": deal.party(self.payer)}}
        return deal.due(
            amount, when, Account.EQUITY, firmness, payer=self.payer, payee=self.payee, layer=Layer.EQUITY, facts=facts
        )
