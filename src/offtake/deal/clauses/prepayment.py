"""Prepayment: money paid ahead of the bills and credited against them, on a schedule or as a pool that is drawn down.

Per interval, with b the bills that count, A the credit made available so far, U what has been used and E what has expired by then,

    credit = min(b, A − U − E),    expired = max(0, available with an expiry that has come − U − E)

A payment without `credit_from` is a pool: all of it can be used from the interval in which it is paid.  With `credit_from` and `over`
it becomes available in equal parts, interval by interval; a part that a bill is too small for waits for the next bill.  The oldest
credit is used first.  What expires moves no money: the provider's contract liability is drawn down and is its income (breakage).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Generic, Literal

from pydantic import Field, model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import X, exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD
from offtake.deal.terms import MONTHS, Periodic, Promise, Schedule, total_of
from offtake.errors import OfftakeError
from offtake.spec.fields import ClauseId, Count, Day, Frac, Id, Model, Text, Usd

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due


class Payment(Model):
    """One payment ahead of the bills."""

    id: Id | None = None
    date: Day
    """When it is paid."""
    amount_usd: Usd | None = None
    """How much; or a `share` of `of` or of what `clause` promises."""
    share_frac: Frac | None = None
    """Part of a tranche's amount that is paid ahead."""
    of_usd: Usd | None = None
    """Amount of the tranche, as stated."""
    clause: ClauseId | None = None
    """Clause whose firm amount is the tranche's."""
    tranche: Text | None = None
    """One tranche of that clause; all of it if absent."""
    credit_from: Day | None = None
    """First day of the interval in which credits begin; from the payment, and all at once, if absent."""
    over: Annotated[Count, Field(ge=1)] | None = None
    """Intervals over which it becomes available in equal parts; all at once if absent."""
    expires: Day | None = None
    """Last day on which a bill can use it; the clause's end if absent."""

    @model_validator(mode="after")
    def _one_amount(self) -> Payment:
        if (self.amount_usd is None) == (self.share_frac is None):
            raise ValueError("give either `amount`, or `share` with `of` or `clause`")
        if (self.share_frac is not None) != ((self.of_usd is None) != (self.clause is None)):
            raise ValueError("a `share` needs `of` (an amount) or `clause`, and only a share has one of them")
        if self.tranche is not None and self.clause is None:
            raise ValueError("`tranche` needs the `clause` that it belongs to")
        if self.credit_from is not None and self.credit_from < self.date:
            raise ValueError("`credit_from` lies before the payment")
        if self.expires is not None and self.expires <= max(self.date, self.credit_from or self.date):
            raise ValueError("`expires` must lie after the payment and after `credit_from`")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lot:
    """Credit that becomes available in one interval."""

    interval: int
    usd: Fraction
    expires: date


@dataclass(slots=True)
class _Pool(Generic[X]):
    """What has been used and what has expired so far, each over one interval."""

    used: X
    gone: X


class Prepayment(Periodic):
    """Money paid ahead, credited against later bills."""

    kind: ClassVar[str] = "prepayment"

    payments: tuple[Payment, ...] = ()
    """Paid ahead, in order of date."""
    opening_usd: Usd = 0.0
    """What is left of a pool paid before the valuation date."""
    opening_expires: Day | None = None
    """Last day on which a bill can use that; the clause's end if absent."""
    counts_frac: Annotated[dict[Text, Frac], Field(min_length=1)] = {"chip_price": 1.0, "take_or_pay": 1.0}  # noqa: RUF012  (pydantic copies it)
    """Bills it pays: id or kind of a clause, and the most of each bill that is paid with it."""
    least_used_usd: Usd = 0.0
    """Part of the pool that is lost in an interval if it is not used in it."""
    unused: Literal["expires", "refunded"] = "expires"
    """What becomes of the rest at the clause's end."""

    @model_validator(mode="after")
    def _in_order(self) -> Prepayment:
        if not self.payments and not self.opening_usd:
            raise ValueError("nothing is paid ahead: give `payments` or `opening`")
        if any(b.date < a.date for a, b in pairwise(self.payments)):
            raise ValueError("`payments` must be in order of date")
        if self.least_used_usd and any(p.over for p in self.payments):
            raise ValueError("`least_used` goes with a pool; a payment credited `over` intervals has its own schedule")
        if self.unused == "refunded" and (self.opening_expires or any(p.expires for p in self.payments)):
            raise ValueError("what is refunded at the end cannot expire before: leave `expires` out")
        return self

    def after(self) -> tuple[str, ...]:
        """Ids or kinds of the clauses whose bills it pays."""
        return tuple(self.counts_frac)

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the payments, the credits against bills, and the expiry of what was not used."""
        dues = self._paid(a, deal)
        plan = deal.schedule()
        if plan is None:
            return dues
        lots = self._lots(deal, plan)
        bills = a.zero(on=plan.on, unit=USD)
        for which, share in self.counts_frac.items():
            bills = bills + a.scale(deal.billed([which], on=plan.on), share)
        ended = plan.on.end == self._end(deal.contract)
        pool = _Pool(*(a.zero(on=_interval(plan.on, 0), unit=USD) for _ in range(2)))
        credited, wasted, lapsed, held = [], [], [], []
        for k in range(len(plan.on)):
            label = plan.on.labels[k]
            here = _interval(plan.on, k)
            pool = _Pool(a.join([pool.used], on=here), a.join([pool.gone], on=here))
            so_far = a.const(_usd(lots, k), on=here, unit=USD)
            credit = a.minimum(a.pick(bills, k), so_far - pool.used - pool.gone, f"{label}.credit")
            pool.used = pool.used + credit
            wasted.append(self._wasted(a, credit, so_far - pool.used - pool.gone, plan.share[k], label))
            pool.gone = pool.gone + wasted[-1]
            last = k == len(plan.on) - 1
            stop = None if last else plan.on.ends[k + 1]
            lapsed.append(a.zero(on=here, unit=USD))
            if (last and ended) or (not last and any(_lapses(lot, plan, k) for lot in lots)):
                old = [lot for lot in lots if stop is None or lot.expires < stop]
                lapsed[-1] = a.const(_usd(old), on=here, unit=USD) - pool.used - pool.gone
                if len(old) < sum(last or lot.interval <= k for lot in lots):  # of the older, part may have been used
                    lapsed[-1] = a.pos(lapsed[-1], f"{label}.expired")
                pool.gone = pool.gone + lapsed[-1]
            credited.append(credit)
            held.append(so_far - pool.used - pool.gone)
        joined = [a.join(parts, on=plan.on) for parts in (credited, wasted, lapsed, held)]
        left = None if ended else a.const(_usd(lots), on=_interval(plan.on, len(plan.on) - 1), unit=USD)
        if left is not None:
            left = left - pool.used - pool.gone
        return [*dues, *self._credited(deal, plan, lots, joined, {"bills": bills, "left": left})]

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return each payment; one that pays bills which are firm themselves stands within them."""
        firm = next(
            (
                c.id
                for c in contract.clauses
                if c is not self
                and (c.id in self.counts_frac or c.kind in self.counts_frac)
                and any(p.firmness is Firmness.FIRM and p.usd for p in c.promises(contract))
            ),
            "",
        )
        return [
            Promise(
                clause=self.id,
                what="paid ahead of the bills" + (f", {p.id}" if p.id else ""),
                payer="offtaker",
                payee="provider",
                usd=self._amount(p, contract),
                firmness=Firmness.FIRM,
                layer=contract.layer,
                start=p.date,
                end=p.date,
                within=firm,
            )
            for p in self.payments
        ]

    def _end(self, contract: Contract) -> date:
        return min(self.end or contract.end, contract.end)

    def _amount(self, payment: Payment, contract: Contract) -> Fraction:
        """Amount of a payment: stated, or a share of a stated or promised amount."""
        if payment.amount_usd is not None:
            return exactly(payment.amount_usd)
        share = exactly(payment.share_frac or 0.0)
        if payment.of_usd is not None:
            return share * exactly(payment.of_usd)
        stated = [
            p.usd
            for p in contract.clause(str(payment.clause)).promises(contract)
            if p.usd is not None
            and p.firmness is Firmness.FIRM
            and (payment.tranche is None or f"tranche {payment.tranche}," in f"{p.what},")
        ]
        if not stated:
            what = f"clause {payment.clause!r}" + (f", tranche {payment.tranche!r}," if payment.tranche else "")
            raise OfftakeError(
                f"clause {self.id}: {what} states no firm amount to pay a share of; give `of` or `amount`"
            )
        return share * total_of(stated)

    def _paid(self, a: Algebra[X], deal: DealView[X]) -> list[Due[X]]:
        """Return the payments from the valuation date to the horizon, those of one day together."""
        by_day: dict[date, Fraction] = {}
        for p in self.payments:
            if deal.facts.valuation_date <= p.date < deal.facts.horizon:
                by_day[p.date] = by_day.get(p.date, Fraction(0)) + self._amount(p, deal.contract)
        if not any(by_day.values()):
            return []
        days = tuple(by_day)
        on = Intervals(days, tuple(d + timedelta(days=1) for d in days))
        amount = a.const(list(by_day.values()), on=on, unit=USD)
        return [deal.due(amount, days, Account.PREPAYMENT, Firmness.FIRM)]

    def _lots(self, deal: DealView[X], plan: Schedule) -> list[_Lot]:
        """Credit by the interval in which it becomes available, in that order."""
        end = self._end(deal.contract)
        lots = [_Lot(interval=0, usd=exactly(self.opening_usd), expires=self.opening_expires or end)]
        for p in self.payments:
            if p.date >= deal.facts.horizon or (p.date < deal.facts.valuation_date and p.over is None):
                continue
            whole, parts = self._amount(p, deal.contract), p.over or 1
            first = self._first(deal, p.credit_from or p.date) - plan.first
            lots += [
                _Lot(interval=max(first + n, 0), usd=whole / parts, expires=p.expires or end)
                for n in range(parts)
                if p.over is None or first + n >= 0
            ]
        ends = plan.on.ends  # what is paid for an interval can be used for its bill at least
        lots = [
            replace(lot, expires=max([lot.expires, *ends[lot.interval : lot.interval + 1]])) for lot in lots if lot.usd
        ]
        lots.sort(key=lambda lot: lot.interval)
        if any(b.expires < a.expires for a, b in pairwise(lots)):
            raise OfftakeError(
                f"clause {self.id}: what becomes available later must not expire earlier; the oldest credit is used first"
            )
        return lots

    def _first(self, deal: DealView[X], day: date) -> int:
        """Find the first interval of the clause whose bill comes after a day, by its number."""
        on = Intervals.every(MONTHS[self.interval], self.start or deal.contract.start, self._end(deal.contract))
        return next((k for k, end in enumerate(on.ends) if end > day), len(on))

    def _wasted(self, a: Algebra[X], credit: X, left: X, share: Fraction, label: str) -> X:
        """Return what is lost because less than the least was used, as far as there is any left."""
        if not self.least_used_usd:
            return a.zero(on=credit.on, unit=USD)
        least = a.const(exactly(self.least_used_usd) * share, on=credit.on, unit=USD)
        return a.minimum(a.pos(least - credit, f"{label}.under-used"), left, f"{label}.lost")

    def _credited(
        self, deal: DealView[X], plan: Schedule, lots: Sequence[_Lot], joined: Sequence[X], facts: dict[str, X | None]
    ) -> list[Due[X]]:
        """Write credits in money, and what expires or is refunded."""
        credit, wasted, lapsed, held = joined
        when = plan.when(self.due_days)
        known = {name: x for name, x in facts.items() if x is not None} | {"held": held}
        made = [
            deal.due(credit, when, Account.CREDIT, Firmness.CONTINGENT, payer="provider", payee="offtaker", facts=known)
        ]
        if self.unused == "refunded":
            made.append(deal.due(lapsed, when, Account.CREDIT, Firmness.CONTINGENT, payer="provider", payee="offtaker"))
        else:
            made += _expired(deal, lapsed, _expiry_dates(plan, lots))
        return made + (_expired(deal, wasted, plan.on.ends) if self.least_used_usd else [])


def _expired(deal: DealView[X], amount: X, when: tuple[date, ...]) -> list[Due[X]]:
    """Draw the liability down in kind, against income of the provider."""
    return [
        deal.due(amount, when, Account.CREDIT, Firmness.CONTINGENT, payer="provider", payee="offtaker", in_kind=True),
        deal.due(amount, when, Account.BREAKAGE, Firmness.CONTINGENT, in_kind=True),
    ]


def _expiry_dates(plan: Schedule, lots: Sequence[_Lot]) -> tuple[date, ...]:
    """Day on which what expires after each interval does so: the last expiry before the next interval ends."""
    return tuple(
        max([end, *(lot.expires for lot in lots if _lapses(lot, plan, k))]) for k, end in enumerate(plan.on.ends)
    )


def _lapses(lot: _Lot, plan: Schedule, k: int) -> bool:
    """Whether a lot can be used for interval k and not for the next one."""
    return k + 1 < len(plan.on) and plan.on.ends[k] <= lot.expires < plan.on.ends[k + 1]


def _usd(lots: Sequence[_Lot], upto: int | None = None) -> Fraction:
    """Sum of the lots available by an interval."""
    return total_of([lot.usd for lot in lots if upto is None or lot.interval <= upto])


def _interval(on: Intervals, k: int) -> Intervals:
    return Intervals((on.starts[k],), (on.ends[k],))
