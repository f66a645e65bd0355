"""Convertible note: a loan that turns into a stake at a financing round, on a trigger, or never.

    conversion price = the fixed price, or min(cap, (1 − discount) × price of the round)   (the better for the holder)
    the stake got    = (principal + interest added to it) / conversion price, in units of a share or of the whole company

Prices are of one share or of the whole company: only their ratios count.  Conversion moves no money: the loan is repaid in kind with
the stake, booked at what was owed, and the stake is worth what the stated path says.  Interest is simple, actual/365; paid in cash or
added to the principal at the end of each interval.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.clauses.term_loan import Draw
from offtake.deal.flows import Account, Firmness, Layer
from offtake.deal.quantities import ONE, USD
from offtake.deal.stakes import Held, sampled, stake
from offtake.deal.terms import MONTHS, Interval, Promise, Terms, total_of
from offtake.deal.triggers import Trigger, met
from offtake.spec.fields import Day, Frac, FracPerYear, Id, Model, Text, Usd, UsdSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due

Price = Annotated[Usd, Field(gt=0)]


class Round(Model):
    """A financing round that the case assumes."""

    date: Day
    """When it closes."""
    price_usd: Price
    """Price of a share, or of the whole company before the money."""
    raises_usd: Usd | None = None
    """New money; without it the round counts whatever `qualified` asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What happens on each payment date if the note has not been converted before [USD].

    Parameters
    ----------
    on : Intervals                            up to the last date
    drawn, interest, owed : tuple[Fraction]   lent in the interval, interest of it, and what is owed at its end, interest added included
    """

    on: Intervals
    drawn: tuple[Fraction, ...]
    interest: tuple[Fraction, ...]
    owed: tuple[Fraction, ...]


class Convertible(Terms, Held):
    """A loan that may be converted into a stake in the borrower."""

    kind: ClassVar[str] = "convertible"

    holder: Id = "provider"
    """Who lends: `offtaker`, `provider` or a third party."""
    issuer: Id = "offtaker"
    """Who borrows, and whose shares are got."""
    draws: Annotated[tuple[Draw, ...], Field(min_length=1)]
    """Principal, in order of date."""
    maturity: Day
    """When it falls due if it has not been converted."""
    coupon_rate_frac_per_y: FracPerYear = 0.0
    """Simple interest, actual/365."""
    coupon: Literal["cash", "added"] = "cash"
    """Whether interest is paid, or added to the principal at the end of each interval."""
    interval: Interval = "half_year"
    """Time between payment dates, from the first draw; a trigger is tested on them."""
    rounds: tuple[Round, ...] = ()
    """Financing rounds of the case: the first that qualifies, at or before maturity, converts the note."""
    qualified_usd: Usd = 0.0
    """New money that a round must raise."""
    trigger: Trigger | None = None
    """What else converts it, instead of rounds."""
    convert_at_usd: Price | None = None
    """Fixed conversion price."""
    cap_usd: Price | None = None
    """Highest conversion price."""
    discount_frac: Frac = 0.0
    """Off the price of the round, or off `worth` on the day of a trigger."""
    worth_usd: UsdSeries | None = None
    """Price of a share or of the whole company over time; after a round it grows at the objective's rate if absent."""
    unconverted: Literal["repay", "extend", "convert"] = "repay"
    """What happens at maturity: it is repaid, goes on until `extended_to`, or is converted at the fixed price or the cap."""
    extended_to: Day | None = None
    """Last day of an extended note, on which it is repaid."""
    form: Text = "preferred stock"
    """What it is converted into."""

    @model_validator(mode="after")
    def _dates_fit(self) -> Convertible:
        days = [d.date for d in self.draws]
        if any(b <= a for a, b in pairwise(days)):
            raise ValueError("`draws` must be in order of date")
        if self.maturity <= days[-1]:
            raise ValueError("`maturity` must lie after the last draw")
        if any(b.date <= a.date for a, b in pairwise(self.rounds)):
            raise ValueError("`rounds` must be in order of date")
        if (self.unconverted == "extend") != (self.extended_to is not None):
            raise ValueError("`unconverted: extend` and `extended_to` belong together")
        if self.extended_to is not None and self.extended_to <= self.maturity:
            raise ValueError("`extended_to` must lie after `maturity`")
        if self.holder == self.issuer:
            raise ValueError("`holder` and `issuer` must differ")
        return self

    @model_validator(mode="after")
    def _prices_fit(self) -> Convertible:
        if self.trigger is not None and (self.rounds or self.worth_usd is None):
            raise ValueError("a `trigger` stands in the place of `rounds`, and needs `worth` for the price on its day")
        if self.convert_at_usd is not None and (self.cap_usd is not None or self.discount_frac):
            raise ValueError("give either `convert_at`, or `cap` and `discount`")
        if self.unconverted == "convert" and self.convert_at_usd is None and self.cap_usd is None:
            raise ValueError("to convert at maturity it needs `convert_at` or `cap`")
        if self.discount_frac >= 1.0:
            raise ValueError("a `discount` of all of the price gives no price")
        if self.worth_usd is not None and min(self.worth_usd.values) <= 0:
            raise ValueError("`worth` must be above zero")
        if not self.rounds and self.trigger is None and self.unconverted != "convert":
            raise ValueError("it can never be converted: give `rounds` or a `trigger`, or write a `term_loan`")
        if self.conversion_round is not None and self.conversion_round.date <= self.draws[-1].date:
            raise ValueError("the round that converts it comes before its last draw")
        return self

    @property
    def last(self) -> dt.date:
        """Last day of the note if it is never converted."""
        return self.extended_to or self.maturity

    @property
    def conversion_round(self) -> Round | None:
        """First round that qualifies."""
        fits = (r for r in self.rounds if r.raises_usd is None or r.raises_usd >= self.qualified_usd)
        return next((r for r in fits if self.draws[0].date < r.date <= self.last), None)

    def conversion_price(self, price: Fraction | None) -> Fraction:
        """Price at which the note is converted, for the price of the round; None at maturity without one [USD]."""
        if self.convert_at_usd is not None:
            return exactly(self.convert_at_usd)
        offers = [] if price is None else [price * (1 - exactly(self.discount_frac))]
        return min([*offers, *([] if self.cap_usd is None else [exactly(self.cap_usd)])])

    def after(self) -> tuple[str, ...]:
        """Kinds of clauses whose payments are spend."""
        return self.trigger.reads if self.trigger is not None else ()

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return draws and interest while it lasts, conversion in kind, and repayment if it is never converted."""
        found = self.conversion_round
        note = self._note(found.date if found is not None else self.last)
        if note.on.end < deal.facts.valuation_date:
            return ()
        count = len(note.on)
        gone = self._converted(a, deal, note)
        before = a.mix(gone, [[int(n == k - 1) for n in range(count)] for k in range(count)], on=note.on)
        alive = a.const(1, on=note.on, unit=ONE) - before
        converts = a.scale(gone - before, note.owed, unit=USD)
        ends = [int(k == count - 1) for k in range(count)]
        rest = a.scale(
            a.const(1, on=note.on, unit=ONE) - gone, [f * o for f, o in zip(ends, note.owed, strict=True)], unit=USD
        )
        dues = [*self._drawn(a, deal, note, alive), *self._interest(a, deal, note, alive)]
        if found is not None or self.trigger is not None:
            dues += self._conversion(a, deal, converts, [self._price(day) for day in note.on.ends])
        if self.unconverted == "convert":
            return dues + self._conversion(a, deal, rest, [self._price(day, forced=True) for day in note.on.ends])
        return dues + self._write(a, deal, rest, Account.LOAN_REPAY, Firmness.FIRM)

    def promises(self, contract: Contract) -> Sequence[Promise]:  # noqa: ARG002
        """Return the principal."""
        return (
            Promise(
                clause=self.id,
                what=f"principal of a note that may be converted into {self.form}",
                payer=self.holder,
                payee=self.issuer,
                usd=total_of([d.amount_usd for d in self.draws]),
                firmness=Firmness.FIRM,
                layer=Layer.DEBT,
                start=self.draws[0].date,
                end=self.last,
            ),
        )

    def _note(self, last: dt.date) -> _Note:
        """Work out what is lent and owed by interval while it is not converted, exactly."""
        on = Intervals.every(MONTHS[self.interval], self.draws[0].date, last)
        rate = exactly(self.coupon_rate_frac_per_y)
        drawn, interest, owed = [], [], []
        balance = Fraction(0)
        for s, e, days in zip(on.starts, on.ends, on.days, strict=True):
            here = [d for d in self.draws if s <= d.date < e]
            due = balance * rate * int(days) / 365
            due += total_of([exactly(d.amount_usd) * rate * (e - d.date).days / 365 for d in here])
            lent = total_of([d.amount_usd for d in here])
            balance += lent + (due if self.coupon == "added" else 0)
            drawn.append(lent)
            interest.append(due)
            owed.append(balance)
        return _Note(on=on, drawn=tuple(drawn), interest=tuple(interest), owed=tuple(owed))

    def _converted(self, a: Algebra[X], deal: DealView[X], note: _Note) -> X:
        """Return 1 from the payment date on which the note has been converted."""
        on, count = note.on, len(note.on)
        if self.trigger is None:
            return a.const(
                [int(self.conversion_round is not None and k == count - 1) for k in range(count)], on=on, unit=ONE
            )
        since, horizon = deal.facts.valuation_date, deal.facts.horizon
        tested = [k for k in range(count) if on.ends[k] > since and on.ends[k] <= horizon]
        if not tested:
            return a.zero(on=on, unit=ONE)
        tests = Intervals(tuple(on.starts[k] for k in tested), tuple(on.ends[k] for k in tested))
        fact = met(a, deal, self.trigger, tests)
        # After the horizon nothing more is known: what has not been converted by then is not.
        return a.mix(fact, [[int(n == min(k, tested[-1])) for n in tested] for k in range(count)], on=on)

    def _price(self, day: dt.date, *, forced: bool = False) -> tuple[Fraction, Fraction]:
        """Price of the round, and conversion price, on a payment date; forced: at maturity."""
        found = self.conversion_round
        if found is not None and not forced:
            price = exactly(found.price_usd)
            return price, self.conversion_price(price)
        worth = None if self.worth_usd is None else exactly(self.worth_usd.at(day))
        price = self.conversion_price(None if forced else worth)
        return (price if worth is None else worth), price  # priced by nobody: worth what it is converted at

    def _drawn(self, a: Algebra[X], deal: DealView[X], note: _Note, alive: X) -> list[Due[X]]:
        """Return what is lent on each day, unless the note has been converted before."""
        dues = []
        for draw in self.draws:
            k = next(k for k in range(len(note.on)) if note.on.starts[k] <= draw.date < note.on.ends[k])
            on = Intervals((draw.date,), (draw.date + timedelta(days=1),))
            amount = a.scale(a.join([a.pick(alive, k)], on=on), draw.amount_usd, unit=USD)
            dues += self._write(a, deal, amount, Account.LOAN_DRAW, Firmness.FIRM, when=on.starts, lends=True)
        return dues

    def _interest(self, a: Algebra[X], deal: DealView[X], note: _Note, alive: X) -> list[Due[X]]:
        """Return interest in cash, or in kind against more principal."""
        if not self.coupon_rate_frac_per_y:
            return []
        amount = a.scale(alive, note.interest, unit=USD)
        if self.coupon == "cash":
            return self._write(a, deal, amount, Account.INTEREST, Firmness.FIRM)
        return [
            *self._write(a, deal, amount, Account.INTEREST, Firmness.FIRM, in_kind=True),
            *self._write(a, deal, amount, Account.LOAN_DRAW, Firmness.FIRM, in_kind=True, lends=True),
        ]

    def _conversion(
        self, a: Algebra[X], deal: DealView[X], amount: X, prices: Sequence[tuple[Fraction, Fraction]]
    ) -> list[Due[X]]:
        """Repay the note in kind with the stake."""
        on = amount.on
        values = None
        units = [float(worth / price) for worth, price in prices]
        if self.worth_usd is not None:
            values = sampled(self.worth_usd, on.ends[0], max(on.end, deal.facts.horizon))
            units = [1.0 / float(price) for _, price in prices]
        growth, kept = deal.facts.discount_rate_frac_per_y, _kept(deal, on, on.ends)
        units = [units[k] for k in kept]
        holder = deal.party(self.holder)
        facts = {
            "stake": stake(self.form, holder, growth, held=self, values=values, units=units),
            "conversion_price_usd": [float(prices[k][1]) for k in kept],
        }
        return [
            *self._write(a, deal, amount, Account.LOAN_REPAY, Firmness.CONTINGENT, in_kind=True),
            *self._write(a, deal, amount, Account.EQUITY, Firmness.CONTINGENT, in_kind=True, lends=True, facts=facts),
        ]

    def _write(
        self,
        a: Algebra[X],
        deal: DealView[X],
        amount: X,
        account: Account,
        firmness: Firmness,
        *,
        when: tuple[dt.date, ...] | None = None,
        lends: bool = False,
        in_kind: bool = False,
        facts: Mapping[str, object] | None = None,
    ) -> list[Due[X]]:
        """Write dues from the valuation date on; `lends`: from the holder to the issuer."""
        on = amount.on
        days = when or on.ends
        kept = _kept(deal, on, days)
        if not kept:
            return []
        part = Intervals(tuple(on.starts[k] for k in kept), tuple(on.ends[k] for k in kept))
        chosen = a.mix(amount, [[int(n == k) for n in range(len(on))] for k in kept], on=part)
        return [
            deal.due(
                chosen,
                tuple(days[k] for k in kept),
                account,
                firmness,
                payer=self.holder if lends else self.issuer,
                payee=self.issuer if lends else self.holder,
                layer=Layer.EQUITY if account is Account.EQUITY else Layer.DEBT,
                in_kind=in_kind,
                facts={"rate_frac_per_y": self.coupon_rate_frac_per_y} if account is Account.INTEREST else facts,
            )
        ]


def _kept(deal: DealView[X], on: Intervals, days: Sequence[dt.date]) -> list[int]:
    """Intervals whose payment is not sunk."""
    return [k for k in range(len(on)) if days[k] >= deal.facts.valuation_date]
