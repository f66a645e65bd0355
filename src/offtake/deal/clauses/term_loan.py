"""Term loan: draws, interest on what is outstanding (actual/365), repayment by maturity, fees.

Payment dates stand every interval from the first draw to maturity.  Interest of a period = sum of balance × rate × days / 365.
Repayment from the end of the interest-only time: *bullet* all at maturity, *straight* in equal parts, *annuity* such that interest plus
repayment is the same on every date: A = balance / sum of 1 / ((1 + i_1) … (1 + i_k)) with i_k the interest rate of period k by its days.

Sized by cover: with c_k the contracted cash of period k less its running costs, interest plus repayment is c_k / DSCR on every date, so

    principal = sum over k of (c_k / DSCR) / ((1 + i_1) … (1 + i_k))

Only cash that the terms promise counts (`offtake.deal.minimums`): the size is known before anything is planned.
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
from offtake.deal.minimums import contracted_cash
from offtake.deal.quantities import USD
from offtake.deal.terms import MONTHS, Interval, Promise, Terms, means, total_of
from offtake.errors import OfftakeError
from offtake.spec.fields import (
    AtLeastOne,
    Day,
    Frac,
    FracAboveZero,
    FracPerYear,
    Id,
    Model,
    Text,
    Usd,
    UsdPerYearSeries,
)

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


class DrawShare(Model):
    """Part of a loan that is sized by its cover, lent on a day."""

    date: Day
    """When it is paid out."""
    share_frac: FracAboveZero = 1.0
    """Part of the principal."""


class Cover(Model):
    """What a loan's size follows from."""

    dscr: AtLeastOne
    """Debt service cover: contracted cash over interest and repayment, the same on every date."""
    clauses: tuple[Text, ...] = ()
    """Ids or kinds of the clauses whose firm payments to the borrower count, by payment date."""
    cash_usd_per_y: UsdPerYearSeries | None = None
    """Contracted cash stated outright, by day (365 to the year), beside the clauses or instead of them."""
    costs_usd_per_y: UsdPerYearSeries | None = None
    """Running costs that come before debt service."""
    at_most_usd: Usd | None = None
    """Largest principal, for another limit of the lender's; the cover is then better than `dscr`."""

    @model_validator(mode="after")
    def _some_cash(self) -> Cover:
        if not self.clauses and self.cash_usd_per_y is None:
            raise ValueError("no contracted cash: name `clauses`, or state `cash`")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanSchedule:
    """A loan's payments by period [USD].

    Parameters
    ----------
    on : Intervals                     periods; payment on their last day's end
    drawn : tuple[Fraction, ...]       [draw]
    interest, repayment, closing : tuple[Fraction, ...]   [period]
    cash : tuple[Fraction, ...]        contracted cash after costs by period, of a loan sized by it
    """

    on: Intervals
    drawn: tuple[Fraction, ...]
    interest: tuple[Fraction, ...]
    repayment: tuple[Fraction, ...]
    closing: tuple[Fraction, ...]
    cash: tuple[Fraction, ...] = ()


class TermLoan(Terms):
    """A loan between two parties, or from a third party, with a schedule known beforehand."""

    kind: ClassVar[str] = "term_loan"

    lender: Id = "lender"
    """Who lends: `offtaker`, `provider`, or the name of a third party."""
    borrower: Id = "provider"
    """Who borrows."""
    draws: tuple[Draw, ...] = ()
    """Dated amounts, in order of date."""
    sized_by: Cover | None = None
    """What the principal follows from, instead of amounts."""
    draw_shares: tuple[DrawShare, ...] = ()
    """Dated shares of that principal, in order of date."""
    maturity: Day
    """When the last of it is repaid."""
    rate_frac_per_y: FracPerYear
    """Simple interest on the balance, actual/365."""
    interval: Interval = "quarter"
    """Time between payments, from the first draw."""
    amortisation: Literal["bullet", "annuity", "straight", "sculpted"] | None = None
    """How the principal is repaid; bullet if absent, and always sculpted where it is sized by its cover."""
    interest_only_until: Day | None = None
    """No principal is repaid at or before this day; the last draw's date if absent."""
    fee_frac: Frac = 0.0
    """Arrangement fee on each draw, paid with it."""

    @model_validator(mode="after")
    def _in_order(self) -> TermLoan:
        if bool(self.draws) == (self.sized_by is not None) or (self.sized_by is None) != (not self.draw_shares):
            raise ValueError("give either `draws` (amounts), or `sized_by` with `draw_shares`")
        if self.draw_shares and total_of([d.share_frac for d in self.draw_shares]) != 1:
            raise ValueError("the shares of `draw_shares` must add up to 100 %")
        if (self.amortisation or "sculpted") != "sculpted" and self.sized_by is not None:
            raise ValueError("a loan sized by its cover is sculpted: leave `amortisation` out")
        if self.amortisation == "sculpted" and self.sized_by is None:
            raise ValueError("only a loan with `sized_by` is sculpted")
        days = self.days
        if any(b <= a for a, b in itertools.pairwise(days)):
            raise ValueError("draws must be in order of date")
        if self.maturity <= self.grace_until:
            raise ValueError("`maturity` must lie after the last draw and after `interest_only_until`")
        if self.grace_until < days[-1]:
            raise ValueError("`interest_only_until` must not lie before the last draw")
        if self.lender == self.borrower:
            raise ValueError("`lender` and `borrower` must differ")
        return self

    @property
    def days(self) -> tuple[date, ...]:
        """Days on which it is drawn."""
        return tuple(d.date for d in self.draws) + tuple(d.date for d in self.draw_shares)

    @property
    def grace_until(self) -> date:
        """Day up to which nothing is repaid."""
        return self.interest_only_until or self.days[-1]

    def schedule(self, contract: Contract | None = None) -> LoanSchedule:
        """Work out interest, repayment and balance of every period, exactly.

        Parameters
        ----------
        contract : Contract, optional
            Whose clauses promise the cash by which the loan is sized.

        Raises
        ------
        OfftakeError
            If the contracted cash carries no loan, or on some date not even the interest.
        """
        on = Intervals.every(MONTHS[self.interval], self.days[0], self.maturity)
        paying = [k for k in range(len(on)) if on.ends[k] > self.grace_until and on.starts[k] >= self.days[-1]] or [
            len(on) - 1
        ]
        cash, service = self._cover(on, paying, contract)
        drawn = self._amounts(on, service, paying)
        balance = Fraction(0)
        interest, repayment, closing = [], [], []
        level = Fraction(0)
        for k, (start, end) in enumerate(zip(on.starts, on.ends, strict=True)):
            here = [(day, usd) for day, usd in zip(self.days, drawn, strict=True) if start <= day < end]
            if k == paying[0]:
                level = self._level(balance + total_of([usd for _, usd in here]), [int(d) for d in on.days[k:]])
            due = balance * self._rate(int(on.days[k]))
            due += total_of([usd * self._rate((end - day).days) for day, usd in here])
            balance += total_of([usd for _, usd in here])
            paid = Fraction(0)
            if k == paying[-1]:
                paid = balance
            elif k >= paying[0]:
                paid = service[k] - due if service else min(balance, level - (due if self._shape == "annuity" else 0))
            if paid < 0:
                raise OfftakeError(
                    f"clause {self.id}: the contracted cash of the period to {end} does not pay the interest at the asked cover; "
                    "settle the loan less often, or let `interest_only_until` come later"
                )
            balance -= paid
            interest.append(due)
            repayment.append(paid)
            closing.append(balance)
        rows = (tuple(row) for row in (drawn, interest, repayment, closing, cash))
        lent, due_by, repaid, closed, counted = rows
        return LoanSchedule(on=on, drawn=lent, interest=due_by, repayment=repaid, closing=closed, cash=counted)

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return draws, fees, interest and repayments from the valuation date on."""
        plan = self.schedule(deal.contract)
        days = Intervals(self.days, tuple(day + timedelta(days=1) for day in self.days))
        fees = [exactly(self.fee_frac) * usd for usd in plan.drawn]
        made = (
            (Account.LOAN_DRAW, days, plan.drawn, days.starts, self.lender, self.borrower),
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
            facts: dict[str, object] = {"rate_frac_per_y": self.rate_frac_per_y} if account is Account.INTEREST else {}
            if account is Account.LOAN_REPAY and plan.cash:
                facts = {"cash_usd": tuple(plan.cash[k] for k in kept), "dscr": self.sized_by and self.sized_by.dscr}
            dues.append(
                deal.due(amount, dates, account, Firmness.FIRM, payer=payer, payee=payee, layer=Layer.DEBT, facts=facts)
            )
        return dues

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the principal, and what the borrower owes for it: repayment, interest and fees."""
        plan = self.schedule(contract)
        drawn = total_of(plan.drawn)
        made = (
            ("principal of a loan", True, drawn, self.days),
            ("repayment of the loan", False, total_of(plan.repayment), plan.on.ends),
            ("interest on the loan", False, total_of(plan.interest), plan.on.ends),
            ("fee of the loan", False, exactly(self.fee_frac) * drawn, self.days),
        )
        return [
            Promise(
                clause=self.id,
                what=what,
                payer=self.lender if lent else self.borrower,
                payee=self.borrower if lent else self.lender,
                usd=usd,
                firmness=Firmness.FIRM,
                layer=Layer.DEBT,
                start=when[0],
                end=when[-1],
            )
            for what, lent, usd, when in made
            if usd
        ]

    @property
    def _shape(self) -> str:
        return self.amortisation or ("bullet" if self.sized_by is None else "sculpted")

    def _cover(
        self, on: Intervals, paying: Sequence[int], contract: Contract | None
    ) -> tuple[list[Fraction], list[Fraction]]:
        """Return contracted cash after costs, and the debt service that it covers, by period; empty without a cover."""
        cover = self.sized_by
        if cover is None:
            return [], []
        cash = [Fraction(0)] * len(on)
        for sign, series in ((1, cover.cash_usd_per_y), (-1, cover.costs_usd_per_y)):
            if series is not None:
                yearly = means(series, on)
                cash = [c + sign * y * int(d) / 365 for c, y, d in zip(cash, yearly, on.days, strict=True)]
        if cover.clauses and contract is not None:
            sized = [c for c in contract.clauses if isinstance(c, TermLoan) and c.sized_by is not None]
            for day, usd in contracted_cash(contract, cover.clauses, payee=self.borrower, without=sized):
                k = next((k for k in range(len(on)) if on.starts[k] < day <= on.ends[k]), None)
                if k is not None:
                    cash[k] += usd
        return cash, [c / exactly(cover.dscr) if k in paying else Fraction(0) for k, c in enumerate(cash)]

    def _amounts(self, on: Intervals, service: list[Fraction], paying: Sequence[int]) -> list[Fraction]:
        """Return what is drawn on each day; of a sized loan the worth of its service, which is cut to the largest principal."""
        if self.sized_by is None:
            return [exactly(d.amount_usd) for d in self.draws]
        growth, worth = Fraction(1), Fraction(0)
        for k in paying:
            growth *= 1 + self._rate(int(on.days[k]))
            worth += service[k] / growth
        if worth <= 0:
            raise OfftakeError(f"clause {self.id}: there is no contracted cash to lend against after the last draw")
        most = self.sized_by.at_most_usd
        if most is not None and worth > exactly(most):
            service[:] = [s * exactly(most) / worth for s in service]
            worth = exactly(most)
        return [exactly(d.share_frac) * worth for d in self.draw_shares]

    def _rate(self, days: int) -> Fraction:
        return exactly(self.rate_frac_per_y) * days / 365

    def _level(self, balance: Fraction, days: Sequence[int]) -> Fraction:
        """Repayment per date (straight), interest and repayment per date (annuity), or nothing (bullet)."""
        if self._shape == "straight":
            return balance / len(days)
        if self._shape in ("bullet", "sculpted"):
            return Fraction(0)
        growth, worth = Fraction(1), Fraction(0)
        for d in days:
            growth *= 1 + self._rate(d)
            worth += 1 / growth
        return balance / worth
