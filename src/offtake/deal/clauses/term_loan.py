"""Term loan with a fixed schedule: draws, interest on what is outstanding (actual/365), repayment by maturity, fees.

Payment dates stand every interval from the first draw to maturity.  Interest of a period = sum of balance × rate × days / 365.
Repayment from the end of the interest-only time: *bullet* all at maturity, *straight* in equal parts, *annuity* such that interest plus
repayment is the same on every date: A = balance / sum of 1 / ((1 + i_1) … (1 + i_k)) with i_k the interest rate of period k by its days.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness, Layer
from offtake.deal.quantities import USD
from offtake.deal.terms import MONTHS, Interval, Promise, Terms, total_of
from offtake.spec.fields import Day, Frac, FracPerYear, Id, Model, Usd

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due


class Draw(Model):
    """Money lent on a day."""

    date: Day
    """When it is paid out."""
    amount_usd: Annotated[Usd, Field(gt=0)]
    """How much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanSchedule:
    """A loan's payments by period [USD].

    Parameters
    ----------
    on : Intervals                     periods; payment on their last day's end
    interest, repayment, closing : tuple[Fraction, ...]   [period]
    """

    on: Intervals
    interest: tuple[Fraction, ...]
    repayment: tuple[Fraction, ...]
    closing: tuple[Fraction, ...]


class TermLoan(Terms):
    """A loan between two parties, or from a third party, with a fixed schedule."""

    kind: ClassVar[str] = "term_loan"

    lender: Id = "lender"
    """Who lends: `offtaker`, `provider`, or the name of a third party."""
    borrower: Id = "provider"
    """Who borrows."""
    draws: Annotated[tuple[Draw, ...], Field(min_length=1)]
    """Dated amounts, in order of date."""
    maturity: Day
    """When the last of it is repaid."""
    rate_frac_per_y: FracPerYear
    """Simple interest on the balance, actual/365."""
    interval: Interval = "quarter"
    """Time between payments, from the first draw."""
    amortisation: Literal["bullet", "annuity", "straight"] = "bullet"
    """How the principal is repaid."""
    interest_only_until: Day | None = None
    """No principal is repaid at or before this day; the last draw's date if absent."""
    fee_frac: Frac = 0.0
    """Arrangement fee on each draw, paid with it."""

    @model_validator(mode="after")
    def _in_order(self) -> TermLoan:
        days = [d.date for d in self.draws]
        if any(b <= a for a, b in itertools.pairwise(days)):
            raise ValueError("`draws` must be in order of date")
        if self.maturity <= self.grace_until:
            raise ValueError("`maturity` must lie after the last draw and after `interest_only_until`")
        if self.grace_until < days[-1]:
            raise ValueError("`interest_only_until` must not lie before the last draw")
        if self.lender == self.borrower:
            raise ValueError("`lender` and `borrower` must differ")
        return self

    @property
    def grace_until(self) -> date:
        """Day up to which nothing is repaid."""
        return self.interest_only_until or self.draws[-1].date

    def schedule(self) -> LoanSchedule:
        """Work out interest, repayment and balance of every period, exactly."""
        on = Intervals.every(MONTHS[self.interval], self.draws[0].date, self.maturity)
        last_draw = self.draws[-1].date
        paying = [k for k in range(len(on)) if on.ends[k] > self.grace_until and on.starts[k] >= last_draw] or [
            len(on) - 1
        ]
        balance = Fraction(0)
        interest, repayment, closing = [], [], []
        level = Fraction(0)
        for k, (start, end) in enumerate(zip(on.starts, on.ends, strict=True)):
            if k == paying[0]:
                level = self._level(balance + self._drawn(start, end), [int(d) for d in on.days[k:]])
            due = balance * self._rate(int(on.days[k])) + total_of(
                [exactly(d.amount_usd) * self._rate((end - d.date).days) for d in self.draws if start <= d.date < end]
            )
            balance += self._drawn(start, end)
            paid = Fraction(0)
            if k >= paying[0]:
                paid = (
                    balance if k == paying[-1] else min(balance, level - (due if self.amortisation == "annuity" else 0))
                )
            balance -= paid
            interest.append(due)
            repayment.append(paid)
            closing.append(balance)
        return LoanSchedule(on=on, interest=tuple(interest), repayment=tuple(repayment), closing=tuple(closing))

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return draws, fees, interest and repayments from the valuation date on."""
        plan = self.schedule()
        days = Intervals(tuple(d.date for d in self.draws), tuple(d.date + timedelta(days=1) for d in self.draws))
        drawn = [exactly(d.amount_usd) for d in self.draws]
        fees = [exactly(self.fee_frac) * d for d in drawn]
        made = (
            (Account.LOAN_DRAW, days, drawn, days.starts, self.lender, self.borrower),
            (Account.LOAN_FEE, days, fees, days.starts, self.borrower, self.lender),
            (Account.INTEREST, plan.on, plan.interest, plan.on.ends, self.borrower, self.lender),
            (Account.LOAN_REPAY, plan.on, plan.repayment, plan.on.ends, self.borrower, self.lender),
        )
        dues = []
        for account, on, amounts, when, payer, payee in made:
            kept = [k for k, day in enumerate(when) if day >= deal.facts.valuation_date and amounts[k]]
            if not kept:
                continue
            part = Intervals(tuple(on.starts[k] for k in kept), tuple(on.ends[k] for k in kept))
            amount = a.const([amounts[k] for k in kept], on=part, unit=USD)
            dates = tuple(when[k] for k in kept)
            dues.append(deal.due(amount, dates, account, Firmness.FIRM, payer=payer, payee=payee, layer=Layer.DEBT))
        return dues

    def promises(self, contract: Contract) -> Sequence[Promise]:  # noqa: ARG002
        """Return the principal."""
        return (
            Promise(
                clause=self.id,
                what="principal of a loan",
                payer=self.lender,
                payee=self.borrower,
                usd=total_of([d.amount_usd for d in self.draws]),
                firmness=Firmness.FIRM,
                layer=Layer.DEBT,
                start=self.draws[0].date,
                end=self.maturity,
            ),
        )

    def _drawn(self, start: date, end: date) -> Fraction:
        return total_of([d.amount_usd for d in self.draws if start <= d.date < end])

    def _rate(self, days: int) -> Fraction:
        return exactly(self.rate_frac_per_y) * days / 365

    def _level(self, balance: Fraction, days: Sequence[int]) -> Fraction:
        """Repayment per date (straight), interest and repayment per date (annuity), or nothing (bullet)."""
        if self.amortisation == "straight":
            return balance / len(days)
        if self.amortisation == "bullet":
            return Fraction(0)
        growth, worth = Fraction(1), Fraction(0)
        for d in days:
            growth *= 1 + self._rate(d)
            worth += 1 / growth
        return balance / worth
