"""Prepayment: money paid ahead of the bills and credited against them, on a schedule or as a pool that is drawn down.

Per interval, with b the bills that count, A the credit made available so far, U what has been used and E what has expired by then,

    credit = min(b, A − U − E),    expired = max(0, available with an expiry that has come − U − E)

A payment without `credit_from` is a pool: all of it can be used from the interval in which it is paid.  With `credit_from` and `over`
it becomes available in equal parts, interval by interval; a part that a bill is too small for waits for the next bill.  The oldest
credit is used first.  What expires moves no money: the provider's contract liability is drawn down and is its income (breakage).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Generic, Literal

from pydantic import Field, model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import X, exactly
from offtake.deal.bills import bills_of
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD
from offtake.deal.terms import Periodic, Promise, Schedule, schedule, total_of
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
    paid: date
    expires: date


@dataclass(slots=True, kw_only=True)
class _Pool(Generic[X]):
    """What is available, used and gone, settled interval by interval; each list holds vectors of one interval."""

    a: Algebra[X]
    deal: DealView[X]
    plan: Schedule
    lots: Sequence[_Lot]
    ended: bool
    """Whether the last interval is the clause's last, not just the plan's."""
    credited: list[X] = field(default_factory=list)
    wasted: list[X] = field(default_factory=list)
    lapsed: list[X] = field(default_factory=list)
    held: list[X] = field(default_factory=list)
    spent: X | None = None
    """Used and gone so far."""

    def settle(self, k: int, bill: X, least: Fraction) -> None:
        """Credit a bill, then take off what expires before the next one."""
        a, label = self.a, self.plan.on.labels[k]
        here = bill.on
        most = total_of([lot.usd for lot in self.lots])
        here_now = [lot for lot in self.lots if lot.interval <= k]
        spent = a.zero(on=here, unit=USD) if self.spent is None else a.join([self.spent], on=here)
        room = a.known(self._sum(here_now, here) - spent, 0, most)
        credit = a.known(a.minimum(bill, room, f"{label}.credit"), 0, most)
        room = a.known(room - credit, 0, most)
        lost = a.zero(on=here, unit=USD)
        if least:
            under = a.pos(a.const(least, on=here, unit=USD) - credit, f"{label}.under-used")
            lost = a.known(a.minimum(under, room, f"{label}.lost"), 0, most)
            room = a.known(room - lost, 0, most)
        spent = a.known(spent + credit + lost, 0, most)
        expired = self._expired(k, spent, here_now)
        self.credited.append(credit)
        self.wasted.append(lost)
        self.lapsed.append(expired)
        self.held.append(room - expired)
        self.spent = a.known(spent + expired, 0, most)

    def left(self) -> X:
        """Return what is still to be credited after the plan."""
        last = self.held[-1]
        coming = [lot for lot in self.lots if lot.interval >= len(self.plan.on)]
        return last + self._sum(coming, last.on)

    def _expired(self, k: int, spent: X, here_now: Sequence[_Lot]) -> X:
        """Return what can no longer be used: at the end all that is left, else what expires before the next bill."""
        here = spent.on
        if k == len(self.plan.on) - 1:
            return self._sum(self.lots, here) - spent if self.ended else self.a.zero(on=here, unit=USD)
        if not any(_lapses(lot, self.plan, k) for lot in self.lots):
            return self.a.zero(on=here, unit=USD)
        old = [lot for lot in here_now if lot.expires < self.plan.on.ends[k + 1]]
        over = self._sum(old, here) - spent
        # Part of what has been used may be younger; if nothing younger is there, what is left is what expires.
        return over if len(old) == len(here_now) else self.a.pos(over, f"{self.plan.on.labels[k]}.expired")

    def _sum(self, lots: Sequence[_Lot], on: Intervals) -> X:
        """Add lots up; one that is paid after the contract has ended is none."""
        total = self.a.const(0, on=on, unit=USD)
        for day in dict.fromkeys(lot.paid for lot in lots):
            usd = total_of([lot.usd for lot in lots if lot.paid == day])
            total = total + self.a.join([_as_paid(self.a, self.deal, day, [usd])], on=on)
        return total


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
        names = [p.id for p in self.payments if p.id]
        if len(set(names)) < len(names):
            raise ValueError("two `payments` have the same `id`: give each its own")
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
        bills = bills_of(a, deal, self.counts_frac, plan.on)
        pool = _Pool(a=a, deal=deal, plan=plan, lots=lots, ended=plan.on.end == deal.until(self.end))
        for k in range(len(plan.on)):
            pool.settle(k, a.pick(bills, k), exactly(self.least_used_usd) * plan.share[k])
        return [*dues, *self._credited(pool, bills)]

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return each payment; one that pays bills which are firm themselves stands within them."""
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
                within=self._within(p, contract),
            )
            for p in self.payments
        ]

    def _within(self, payment: Payment, contract: Contract) -> str:
        """Id of a clause whose firm amount already holds this payment: the tranche's, or one that is as large as all that is paid ahead."""
        if payment.clause is not None:
            return str(payment.clause)
        whole = total_of([self._amount(p, contract) for p in self.payments])
        for clause in contract.clauses:
            made = () if clause.kind == self.kind else clause.promises(contract)
            firm = [
                p.usd for p in made if p.usd and p.firmness is Firmness.FIRM and p.payer == "offtaker" and not p.within
            ]
            if firm and total_of(firm) >= whole and made[0].layer is contract.layer:
                return clause.id
        return ""

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
        made = []
        for day, usd in by_day.items():
            if usd:
                made.append(deal.due(_as_paid(a, deal, day, [usd]), (day,), Account.PREPAYMENT, Firmness.FIRM))
        return made

    def _lots(self, deal: DealView[X], plan: Schedule) -> list[_Lot]:
        """Credit by the interval in which it becomes available, in that order."""
        end, since = deal.until(self.end), deal.facts.valuation_date
        lots = [
            _Lot(interval=0, usd=exactly(self.opening_usd), paid=since, expires=min(self.opening_expires or end, end))
        ]
        for p in self.payments:
            if p.date >= deal.facts.horizon or (p.date < since and p.over is None):
                continue
            parts = p.over or 1
            usd = self._amount(p, deal.contract) / parts
            first = self._first(deal, p.credit_from or p.date) - plan.first
            lots += [
                _Lot(interval=max(first + n, 0), usd=usd, paid=p.date, expires=min(p.expires or end, end))
                for n in range(parts)
                if p.over is None or first + n >= 0
            ]
        ends = plan.on.ends  # what is paid for an interval can be used for its bill at least
        lots = [replace(t, expires=max([t.expires, *ends[t.interval : t.interval + 1]])) for t in lots if t.usd]
        lots.sort(key=lambda lot: lot.interval)
        if any(b.expires < a.expires for a, b in pairwise(lots)):
            raise OfftakeError(
                f"clause {self.id}: what becomes available later must not expire earlier; the oldest credit is used first"
            )
        return lots

    def _first(self, deal: DealView[X], day: date) -> int:
        """Find the first interval of the clause whose bill comes after a day, by its number."""
        start = self.start or deal.contract.start
        anew = [s.start for s in deal.contract.stretches(self)]
        end = deal.until(self.end)
        every = schedule(self.interval, start, end, valuation_date=start, horizon=end, anew=anew)
        ends = every.on.ends if every is not None else ()
        return next((k for k, last in enumerate(ends) if last > day), len(ends))

    def _credited(self, pool: _Pool[X], bills: X) -> list[Due[X]]:
        """Write credits in money, and what expires or is refunded."""
        deal, plan = pool.deal, pool.plan
        when = plan.when(self.due_days)
        parts = (pool.credited, pool.wasted, pool.lapsed, pool.held)
        credit, wasted, lapsed, held = (pool.a.join(each, on=plan.on) for each in parts)
        facts = {"bills": bills, "held": held} | ({} if pool.ended else {"left": pool.left()})
        made = [_credit(deal, credit, when, facts)]
        if self.unused == "refunded":
            made.append(_credit(deal, lapsed, when))
        else:
            made += _expired(deal, lapsed, _expiry_dates(plan, pool.lots))
        return made + (_expired(deal, wasted, plan.on.ends) if self.least_used_usd else [])


def _credit(deal: DealView[X], amount: X, when: tuple[date, ...], facts: Mapping[str, object] | None = None) -> Due[X]:
    """Write money back against what was paid ahead."""
    return deal.due(
        amount, when, Account.CREDIT, Firmness.CONTINGENT, payer="provider", payee="offtaker", facts=facts or {}
    )


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


def _as_paid(a: Algebra[X], deal: DealView[X], day: date, usd: Sequence[Fraction]) -> X:
    """Return a payment of a day, which is made only while the contract is in force."""
    on = Intervals((day,), (day + timedelta(days=1),))
    return a.const(usd, on=on, unit=USD) if deal.force() is None else a.scale(deal.in_force(on), usd, unit=USD)
